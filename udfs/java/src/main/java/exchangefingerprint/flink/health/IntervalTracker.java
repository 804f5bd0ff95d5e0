package exchangefingerprint.flink.health;

import exchangefingerprint.flink.SharedConstants;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * How long the pauses between messages of some sort are; a pause far longer than the last thousand or two is a fault.
 *
 * <p>A limit is as many times the longest pause of this block and the one before, once so many pauses are known.
 */
final class IntervalTracker {
    /** Messages since learning began; without any the others mean nothing. */
    long n;

    long firstNs;
    long lastNs;
    long lastOffset;

    /** The longest pause of this block, and of the one before. */
    long longestNs;

    long longestBeforeNs;

    void restart() {
        n = 0;
    }

    void take(long recvTsNs, long offset) {
        if (n == 0) {
            firstNs = recvTsNs;
            longestNs = 0;
            longestBeforeNs = 0;
        } else {
            longestNs = Math.max(longestNs, recvTsNs - lastNs);
        }
        if (n > 0 && n % SharedConstants.PAUSES_OF_BLOCK == 0) {
            longestBeforeNs = longestNs;
            longestNs = 0;
        }
        n++;
        lastNs = recvTsNs;
        lastOffset = offset;
    }

    boolean isKnown() {
        return n > SharedConstants.LEAST_PAUSES;
    }

    boolean isSilentAt(long recvTsNs) {
        return n > 0 && recvTsNs - lastNs > limitNs();
    }

    long limitNs() {
        long longestOfBothNs = Math.max(longestNs, longestBeforeNs);
        return Math.max(SharedConstants.LEAST_LIMIT_NS, SharedConstants.LONGEST_PAUSES * longestOfBothNs);
    }

    /** Say whether no pause of the last ones is twice as long as they are in the mean. */
    boolean isSteady() {
        return n > 1 && Math.max(longestNs, longestBeforeNs) <= Math.floorDiv(2 * (lastNs - firstNs), n - 1);
    }

    IntervalTracker copy() {
        IntervalTracker to = new IntervalTracker();
        to.n = n;
        to.firstNs = firstNs;
        to.lastNs = lastNs;
        to.lastOffset = lastOffset;
        to.longestNs = longestNs;
        to.longestBeforeNs = longestBeforeNs;
        return to;
    }

    void write(DataOutputView target) throws IOException {
        target.writeLong(n);
        if (n > 0) {
            target.writeLong(firstNs);
            target.writeLong(lastNs);
            target.writeLong(lastOffset);
            target.writeLong(longestNs);
            target.writeLong(longestBeforeNs);
        }
    }

    void read(DataInputView source) throws IOException {
        n = source.readLong();
        if (n > 0) {
            firstNs = source.readLong();
            lastNs = source.readLong();
            lastOffset = source.readLong();
            longestNs = source.readLong();
            longestBeforeNs = source.readLong();
        }
    }
}
