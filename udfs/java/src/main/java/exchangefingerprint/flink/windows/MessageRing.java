package exchangefingerprint.flink.windows;

import exchangefingerprint.flink.SharedConstants;
import exchangefingerprint.flink.health.Drift;
import exchangefingerprint.flink.health.Health;
import exchangefingerprint.flink.state.VersionedSerializer;
import java.io.IOException;
import java.util.Arrays;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** The last messages of a connection, and where its counting began. Grows up to a window's messages, then turns. */
public final class MessageRing {
    private static final int SIZE = SharedConstants.WINDOW_SIZE;

    /** Integers of a message. */
    private static final int WIDTH = SharedConstants.WIRE_WIDTH;

    private static final int FIRST_CAPACITY = 6;

    /** Messages in this segment. */
    long n;

    /** Offset of the segment's first message. */
    long segment;

    /** Partition of its messages. */
    int partition;

    /** Receive time of the last message. */
    long lastRecvTsNs;

    /** What its messages say of its health. */
    Health health = new Health();

    /** What its windows say of its rate. */
    Drift drift = new Drift();

    private long[] slots = new long[FIRST_CAPACITY * WIDTH];

    /** Begin a segment. */
    void restart(long firstOffset) {
        n = 0;
        segment = firstOffset;
        health.restart();
        drift.restart();
        slots = new long[FIRST_CAPACITY * WIDTH];
    }

    /** Take in a message of the segment, and count it. */
    void add(long... columns) {
        if (columns.length != WIDTH) {
            throw new IllegalArgumentException("Expected " + WIDTH + " columns of a message, found " + columns.length);
        }
        int at = (int) (n++ % SIZE) * WIDTH;
        if (at == slots.length) {
            slots = Arrays.copyOf(slots, Math.min(2 * at, SIZE * WIDTH));
        }
        System.arraycopy(columns, 0, slots, at, WIDTH);
    }

    /** Offset of the last message; there must be one. */
    long lastOffset() {
        return slots[(int) ((n - 1) % SIZE) * WIDTH + WIDTH - 1];
    }

    /** Return the messages of a window, the oldest first, message by message. */
    long[] window() {
        int oldest = (int) (n % SIZE) * WIDTH;
        long[] window = new long[SIZE * WIDTH];
        System.arraycopy(slots, oldest, window, 0, window.length - oldest);
        System.arraycopy(slots, 0, window, window.length - oldest, oldest);
        return window;
    }

    private int used() {
        return (int) Math.min(n, SIZE) * WIDTH;
    }

    /** Writes a ring into checkpoints: only the messages that are there. */
    public static final class Serializer extends VersionedSerializer<MessageRing> {
        private static final long serialVersionUID = 1L;

        @Override
        public MessageRing createInstance() {
            return new MessageRing();
        }

        @Override
        public MessageRing copy(MessageRing from) {
            MessageRing to = new MessageRing();
            to.n = from.n;
            to.segment = from.segment;
            to.partition = from.partition;
            to.lastRecvTsNs = from.lastRecvTsNs;
            to.health = from.health.copy();
            to.drift = from.drift.copy();
            to.slots = from.slots.clone();
            return to;
        }

        @Override
        protected void write(MessageRing ring, DataOutputView target) throws IOException {
            target.writeLong(ring.n);
            target.writeLong(ring.segment);
            target.writeInt(ring.partition);
            target.writeLong(ring.lastRecvTsNs);
            ring.health.write(target);
            ring.drift.write(target);
            target.writeInt(ring.slots.length);
            for (int i = 0; i < ring.used(); i++) {
                target.writeLong(ring.slots[i]);
            }
        }

        @Override
        protected MessageRing read(DataInputView source) throws IOException {
            MessageRing ring = new MessageRing();
            ring.n = source.readLong();
            ring.segment = source.readLong();
            ring.partition = source.readInt();
            ring.lastRecvTsNs = source.readLong();
            ring.health.read(source);
            ring.drift.read(source);
            ring.slots = new long[source.readInt()];
            for (int i = 0; i < ring.used(); i++) {
                ring.slots[i] = source.readLong();
            }
            return ring;
        }

        @Override
        public Snapshot snapshotConfiguration() {
            return new Snapshot();
        }

        /** Names the serializer in a checkpoint. */
        public static final class Snapshot extends VersionedSerializer.Snapshot<MessageRing> {
            @Override
            public Serializer restoreSerializer() {
                return new Serializer();
            }
        }
    }
}
