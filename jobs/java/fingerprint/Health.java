package fingerprint;

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
final class Health {
    /** Heartbeats with data before them, after which they are expected. */
    static final int LEAST_HEARTBEATS = 20;

    /** How often, by receive times, a connection tells that it lives. */
    static final long BUCKET_NS = 2_000_000_000L;

    final Rhythm messages;
    final Rhythm data;
    final Rhythm heartbeats;
    final Numbers numbers;

    /** Heartbeats since learning began that had data between them and the one before. */
    long heartbeatsAmidData;

    private Health(Rhythm messages, Rhythm data, Rhythm heartbeats, Numbers numbers) {
        this.messages = messages;
        this.data = data;
        this.heartbeats = heartbeats;
        this.numbers = numbers;
    }

    Health() {
        this(new Rhythm(), new Rhythm(), new Rhythm(), new Numbers());
    }

    /** Begin a segment. */
    void restart() {
        restartRhythms();
        numbers.restart();
    }

    /** Say whether a message is the first in its bucket of time. */
    boolean opensBucket(long recvTsNs) {
        return messages.n == 0 || Math.floorDiv(recvTsNs, BUCKET_NS) != Math.floorDiv(messages.lastNs, BUCKET_NS);
    }

    /** Take in a message, and pass on what is wrong; {@code seq} may be missing. */
    void take(boolean isHeartbeat, long seq, long recvTsNs, long offset, Consumer<Symptom> raise) {
        if (messages.isKnown() && messages.isSilentAt(recvTsNs)) {
            raise.accept(Symptom.ofSilence("stall", messages, recvTsNs));
            restartRhythms();
        }
        messages.take(recvTsNs, offset);
        if (isHeartbeat) {
            takeHeartbeat(recvTsNs, offset, raise);
        } else {
            takeData(recvTsNs, offset, raise);
        }
        Symptom wrong = seq == Windows.MISSING ? null : numbers.take(seq, recvTsNs, offset);
        if (wrong != null) {
            raise.accept(wrong);
        }
    }

    private void takeHeartbeat(long recvTsNs, long offset, Consumer<Symptom> raise) {
        if (data.isKnown() && data.isSilentAt(recvTsNs)) {
            raise.accept(Symptom.ofSilence("data_stall", data, recvTsNs));
            data.restart();
        }
        if (heartbeats.n > 0 && data.n > 0 && data.lastOffset > heartbeats.lastOffset) {
            heartbeatsAmidData++;
        }
        heartbeats.take(recvTsNs, offset);
    }

    private void takeData(long recvTsNs, long offset, Consumer<Symptom> raise) {
        boolean isContract = heartbeatsAmidData >= LEAST_HEARTBEATS && heartbeats.isSteady();
        if (isContract && heartbeats.isSilentAt(recvTsNs)) {
            raise.accept(Symptom.ofSilence("heartbeat_stall", heartbeats, recvTsNs));
            restartHeartbeats();
        }
        data.take(recvTsNs, offset);
    }

    private void restartRhythms() {
        messages.restart();
        data.restart();
        restartHeartbeats();
    }

    private void restartHeartbeats() {
        heartbeats.restart();
        heartbeatsAmidData = 0;
    }

    Health copy() {
        Health to = new Health(messages.copy(), data.copy(), heartbeats.copy(), numbers.copy());
        to.heartbeatsAmidData = heartbeatsAmidData;
        return to;
    }

    void write(DataOutputView target) throws IOException {
        messages.write(target);
        data.write(target);
        heartbeats.write(target);
        numbers.write(target);
        target.writeLong(heartbeatsAmidData);
    }

    void read(DataInputView source) throws IOException {
        messages.read(source);
        data.read(source);
        heartbeats.read(source);
        numbers.read(source);
        heartbeatsAmidData = source.readLong();
    }
}
