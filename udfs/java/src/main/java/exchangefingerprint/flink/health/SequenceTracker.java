package exchangefingerprint.flink.health;

import exchangefingerprint.flink.SharedConstants;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * What a connection's sequence numbers have promised so far.
 *
 * <p>Many connections interleave several streams that are numbered each for itself. So a promise is only what the
 * numbers have kept so often that it is no accident, and after a fault it is learnt anew. In recordings of interleaved
 * streams the most steps of one by accident are 25, and the most steps up 582; after a thousand numbers each stream of
 * several has begun.
 */
final class SequenceTracker {
    /** Numbers since learning began; without any the others mean nothing. */
    long n;

    long stepsOfOne;
    long stepsUp;
    long lowest;
    long last;
    long lastNs;
    long lastOffset;

    void restart() {
        n = 0;
    }

    /** Say whether this is the number that came last: a heartbeat may repeat it. */
    boolean isAt(long seq) {
        return n > 0 && seq == last;
    }

    /** Tell whether the numbers have kept something so long that the next one is expected to keep it. */
    boolean promises() {
        return stepsOfOne >= SharedConstants.LEAST_STEPS_OF_ONE || stepsUp >= SharedConstants.LEAST_STEPS_UP;
    }

    /** Take in a number; return what is wrong with it, or null. */
    HealthEvent take(long seq, long recvTsNs, long offset) {
        String kind = n == 0 ? null : faultOf(seq);
        HealthEvent event = kind == null ? null : HealthEvent.ofSequence(kind, this, seq);
        if (event != null) {
            restart();
        }
        // No number is the least integer, which stands for none.
        stepsOfOne = n > 0 && seq - 1 == last ? stepsOfOne + 1 : 0;
        stepsUp = n > 0 && seq > last ? stepsUp + 1 : 0;
        lowest = n > 0 ? Math.min(lowest, seq) : seq;
        n++;
        last = seq;
        lastNs = recvTsNs;
        lastOffset = offset;
        return event;
    }

    private String faultOf(long seq) {
        boolean isBroken = stepsOfOne >= SharedConstants.LEAST_STEPS_OF_ONE && seq - 1 != last
                || stepsUp >= SharedConstants.LEAST_STEPS_UP && seq <= last;
        if (isBroken) {
            return seq > last ? "gap" : seq == last ? "repeat" : "reset";
        }
        return n >= SharedConstants.LEAST_ABOVE && seq < lowest ? "reset" : null;
    }

    SequenceTracker copy() {
        SequenceTracker to = new SequenceTracker();
        to.n = n;
        to.stepsOfOne = stepsOfOne;
        to.stepsUp = stepsUp;
        to.lowest = lowest;
        to.last = last;
        to.lastNs = lastNs;
        to.lastOffset = lastOffset;
        return to;
    }

    void write(DataOutputView target) throws IOException {
        target.writeLong(n);
        if (n > 0) {
            target.writeLong(stepsOfOne);
            target.writeLong(stepsUp);
            target.writeLong(lowest);
            target.writeLong(last);
            target.writeLong(lastNs);
            target.writeLong(lastOffset);
        }
    }

    void read(DataInputView source) throws IOException {
        n = source.readLong();
        if (n > 0) {
            stepsOfOne = source.readLong();
            stepsUp = source.readLong();
            lowest = source.readLong();
            last = source.readLong();
            lastNs = source.readLong();
            lastOffset = source.readLong();
        }
    }
}
