package exchangefingerprint.flink.health;

import exchangefingerprint.flink.SharedConstants;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Numbers of which each names the one before it. */
final class NumberChain {
    long last;
    long lastNs;
    long lastOffset;
    long links;
    long longestNs;

    /** Whether its first number may show that another chain has broken off; if not, what follows means nothing. */
    boolean isSuspect;

    /** The predecessor that the first message names, its number, and its offset. */
    long headNames;

    long headSeq;
    long headOffset;

    /** When any chain was last heard of before the first message. */
    long headHeardNs;

    /** Offset of the last answer before the first message. */
    long headAnswered;

    boolean isEstablished() {
        return links >= SharedConstants.LEAST_LINKS;
    }

    boolean isLate(long recvTsNs) {
        return recvTsNs - lastNs > limitNs();
    }

    private boolean isAwaited(long recvTsNs) {
        return recvTsNs - lastNs <= times(SharedConstants.AWAITED_LIMITS, limitNs());
    }

    private long limitNs() {
        return Math.max(SharedConstants.LEAST_BREAK_NS, times(SharedConstants.LONGEST_PAUSES_OF_CHAIN, longestNs));
    }

    private static long times(int n, long ns) {
        return ns > Long.MAX_VALUE / n ? Long.MAX_VALUE : n * ns;
    }

    void goOn(long seq, long recvTsNs, long offset) {
        longestNs = Math.max(longestNs, recvTsNs - lastNs);
        last = seq;
        lastNs = recvTsNs;
        lastOffset = offset;
        links++;
    }

    /** Tell whether this one began in place of another: it was expected then, and has not come since. */
    boolean mayContinue(NumberChain other) {
        boolean wasBefore = headAnswered < other.lastOffset && other.lastOffset < headOffset;
        return wasBefore && other.isEstablished() && other.isAwaited(headHeardNs);
    }

    /** How far the first message's predecessor is from another chain's last number, without a sign. */
    long distanceTo(NumberChain other) {
        return headNames > other.last ? headNames - other.last : other.last - headNames;
    }

    void takeThePlaceOf(NumberChain other) {
        isSuspect = false;
        links += other.links;
        longestNs = Math.max(longestNs, other.longestNs);
    }

    NumberChain copy() {
        NumberChain to = new NumberChain();
        to.last = last;
        to.lastNs = lastNs;
        to.lastOffset = lastOffset;
        to.links = links;
        to.longestNs = longestNs;
        to.isSuspect = isSuspect;
        to.headNames = headNames;
        to.headSeq = headSeq;
        to.headOffset = headOffset;
        to.headHeardNs = headHeardNs;
        to.headAnswered = headAnswered;
        return to;
    }

    void write(DataOutputView target) throws IOException {
        target.writeLong(last);
        target.writeLong(lastNs);
        target.writeLong(lastOffset);
        target.writeLong(links);
        target.writeLong(longestNs);
        target.writeBoolean(isSuspect);
        if (isSuspect) {
            target.writeLong(headNames);
            target.writeLong(headSeq);
            target.writeLong(headOffset);
            target.writeLong(headHeardNs);
            target.writeLong(headAnswered);
        }
    }

    void read(DataInputView source) throws IOException {
        last = source.readLong();
        lastNs = source.readLong();
        lastOffset = source.readLong();
        links = source.readLong();
        longestNs = source.readLong();
        isSuspect = source.readBoolean();
        if (isSuspect) {
            headNames = source.readLong();
            headSeq = source.readLong();
            headOffset = source.readLong();
            headHeardNs = source.readLong();
            headAnswered = source.readLong();
        }
    }
}
