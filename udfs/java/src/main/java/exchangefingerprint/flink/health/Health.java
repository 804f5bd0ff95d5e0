package exchangefingerprint.flink.health;

import exchangefingerprint.flink.SharedConstants;
import java.io.IOException;
import java.util.function.Consumer;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * What a connection has been like in this segment, and whether a message shows that something is wrong.
 *
 * <p>Heartbeats are a contract only where they come at a steady pace whether or not there are data: many venues send
 * them only when there is nothing else.
 */
public final class Health {
    /** How often, by receive times, a connection tells that it lives. */
    private static final long BUCKET_NS = 2_000_000_000L;

    private final IntervalTracker messages;
    private final IntervalTracker data;
    private final IntervalTracker heartbeats;
    private final SequenceTracker sequence;

    /** Null as long as no number names its predecessor: most connections have none. */
    private NumberChains chains;

    /** The counters of numbers that name none; null as long as all numbers together promise something. */
    private NumberChains counters;

    /** Heartbeats since learning began that had data between them and the one before. */
    private long heartbeatsAmidData;

    private Health(
            IntervalTracker messages, IntervalTracker data, IntervalTracker heartbeats, SequenceTracker sequence) {
        this.messages = messages;
        this.data = data;
        this.heartbeats = heartbeats;
        this.sequence = sequence;
    }

    /** Begin without a message. */
    public Health() {
        this(new IntervalTracker(), new IntervalTracker(), new IntervalTracker(), new SequenceTracker());
    }

    /** Begin a segment. */
    public void restart() {
        restartIntervals();
        sequence.restart();
        chains = null;
        counters = null;
    }

    /** Say whether a message is the first in its bucket of time. */
    public boolean opensBucket(long recvTsNs) {
        return messages.n == 0 || Math.floorDiv(recvTsNs, BUCKET_NS) != Math.floorDiv(messages.lastNs, BUCKET_NS);
    }

    /** Return the longest time without a message that is no fault; null as long as it is not known. */
    public Long silenceLimitNs() {
        return messages.isKnown() ? messages.limitNs() : null;
    }

    /** Return when the last heartbeat came; null if none has since they are counted. */
    public Long lastHeartbeatNs() {
        return heartbeats.n > 0 ? heartbeats.lastNs : null;
    }

    /** Take in a message, and pass on what is wrong; its numbers may be missing. */
    public void take(
            long typeCode, long seq, long prevSeq, long recvTsNs, long offset, Consumer<HealthEvent> raise) {
        if (messages.isKnown() && messages.isSilentAt(recvTsNs)) {
            raise.accept(HealthEvent.ofSilence("stall", messages, recvTsNs));
            restartIntervals();
        }
        messages.take(recvTsNs, offset);
        if (typeCode == SharedConstants.HEARTBEAT) {
            takeHeartbeat(recvTsNs, offset, raise);
        } else {
            takeData(recvTsNs, offset, raise);
        }
        if (typeCode == SharedConstants.ACK) {
            takeAnswer(offset);
        }
        boolean isIdle = typeCode == SharedConstants.HEARTBEAT
                && prevSeq == SharedConstants.MISSING
                && sequence.isAt(seq);
        HealthEvent wrong =
                seq == SharedConstants.MISSING || isIdle ? null : takeNumber(seq, prevSeq, recvTsNs, offset);
        if (wrong != null) {
            raise.accept(wrong);
        }
    }

    private HealthEvent takeNumber(long seq, long prevSeq, long recvTsNs, long offset) {
        if (prevSeq == SharedConstants.MISSING) {
            if (chains != null) {
                chains.begin(seq);
            }
            return takePlainNumber(seq, recvTsNs, offset);
        }
        if (chains == null) {
            chains = new NumberChains(SharedConstants.MOST_CHAINS);
        }
        return chains.take(prevSeq, seq, recvTsNs, offset);
    }

    private HealthEvent takePlainNumber(long seq, long recvTsNs, long offset) {
        HealthEvent wrong = sequence.take(seq, recvTsNs, offset);
        if (wrong != null || sequence.promises()) {
            counters = null;
            return wrong;
        }
        if (counters == null) {
            counters = new NumberChains(SharedConstants.MOST_COUNTERS);
        }
        HealthEvent broken = counters.takeStep(seq, recvTsNs, offset);
        if (broken != null) {
            sequence.restart();
        }
        return broken;
    }

    private void takeAnswer(long offset) {
        if (chains != null) {
            chains.answer(offset);
        }
        if (counters != null) {
            counters.answer(offset);
        }
    }

    private void takeHeartbeat(long recvTsNs, long offset, Consumer<HealthEvent> raise) {
        if (data.isKnown() && data.isSilentAt(recvTsNs)) {
            raise.accept(HealthEvent.ofSilence("data_stall", data, recvTsNs));
            data.restart();
        }
        if (heartbeats.n > 0 && data.n > 0 && data.lastOffset > heartbeats.lastOffset) {
            heartbeatsAmidData++;
        }
        heartbeats.take(recvTsNs, offset);
    }

    private void takeData(long recvTsNs, long offset, Consumer<HealthEvent> raise) {
        boolean isContract = heartbeatsAmidData >= SharedConstants.LEAST_HEARTBEATS && heartbeats.isSteady();
        if (isContract && heartbeats.isSilentAt(recvTsNs)) {
            raise.accept(HealthEvent.ofSilence("heartbeat_stall", heartbeats, recvTsNs));
            restartHeartbeats();
        }
        data.take(recvTsNs, offset);
    }

    private void restartIntervals() {
        messages.restart();
        data.restart();
        restartHeartbeats();
    }

    private void restartHeartbeats() {
        heartbeats.restart();
        heartbeatsAmidData = 0;
    }

    /** Return another one that has taken in the same. */
    public Health copy() {
        Health to = new Health(messages.copy(), data.copy(), heartbeats.copy(), sequence.copy());
        to.chains = chains == null ? null : chains.copy();
        to.counters = counters == null ? null : counters.copy();
        to.heartbeatsAmidData = heartbeatsAmidData;
        return to;
    }

    /** Write it into a checkpoint. */
    public void write(DataOutputView target) throws IOException {
        messages.write(target);
        data.write(target);
        heartbeats.write(target);
        sequence.write(target);
        writeChains(chains, target);
        writeChains(counters, target);
        target.writeLong(heartbeatsAmidData);
    }

    /** Become what {@link #write} has written. */
    public void read(DataInputView source) throws IOException {
        messages.read(source);
        data.read(source);
        heartbeats.read(source);
        sequence.read(source);
        chains = readChains(SharedConstants.MOST_CHAINS, source);
        counters = readChains(SharedConstants.MOST_COUNTERS, source);
        heartbeatsAmidData = source.readLong();
    }

    private static void writeChains(NumberChains chains, DataOutputView target) throws IOException {
        target.writeBoolean(chains != null);
        if (chains != null) {
            chains.write(target);
        }
    }

    private static NumberChains readChains(int most, DataInputView source) throws IOException {
        if (!source.readBoolean()) {
            return null;
        }
        NumberChains chains = new NumberChains(most);
        chains.read(source);
        return chains;
    }
}
