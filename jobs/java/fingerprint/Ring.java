package fingerprint;

import java.io.IOException;
import java.util.Arrays;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** The last messages of a connection, and where its counting began. Grows up to {@link #SIZE} messages, then turns. */
public final class Ring {
    /** Messages of a window. */
    static final int SIZE = 50;

    /** Integers of a message. */
    static final int WIDTH = 6;

    private static final int FIRST_CAPACITY = 6;

    /** Messages in this segment. */
    long n;

    /** Offset of the segment's first message. */
    long segment;

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

    /** Return the place of the next message in {@link #slots()}, and count it. */
    int next() {
        int at = (int) (n++ % SIZE) * WIDTH;
        if (at == slots.length) {
            slots = Arrays.copyOf(slots, Math.min(2 * at, SIZE * WIDTH));
        }
        return at;
    }

    long[] slots() {
        return slots;
    }

    /** Return the last {@link #SIZE} messages, the oldest first, message by message. */
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
    public static final class Serializer extends TypeSerializerSingleton<Ring> {
        @Override
        public boolean isImmutableType() {
            return false;
        }

        @Override
        public Ring createInstance() {
            return new Ring();
        }

        @Override
        public Ring copy(Ring from) {
            Ring to = new Ring();
            to.n = from.n;
            to.segment = from.segment;
            to.lastRecvTsNs = from.lastRecvTsNs;
            to.health = from.health.copy();
            to.drift = from.drift.copy();
            to.slots = from.slots.clone();
            return to;
        }

        @Override
        public Ring copy(Ring from, Ring reuse) {
            return copy(from);
        }

        @Override
        public int getLength() {
            return -1;
        }

        @Override
        public void serialize(Ring ring, DataOutputView target) throws IOException {
            target.writeLong(ring.n);
            target.writeLong(ring.segment);
            target.writeLong(ring.lastRecvTsNs);
            ring.health.write(target);
            ring.drift.write(target);
            target.writeInt(ring.slots.length);
            for (int i = 0; i < ring.used(); i++) {
                target.writeLong(ring.slots[i]);
            }
        }

        @Override
        public Ring deserialize(DataInputView source) throws IOException {
            Ring ring = new Ring();
            ring.n = source.readLong();
            ring.segment = source.readLong();
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
        public Ring deserialize(Ring reuse, DataInputView source) throws IOException {
            return deserialize(source);
        }

        @Override
        public void copy(DataInputView source, DataOutputView target) throws IOException {
            serialize(deserialize(source), target);
        }

        @Override
        public TypeSerializerSnapshot<Ring> snapshotConfiguration() {
            return new Snapshot();
        }

        /** Names the serializer in a checkpoint. */
        public static final class Snapshot extends SimpleTypeSerializerSnapshot<Ring> {
            /** Called by Flink when it restores. */
            public Snapshot() {
                super(Serializer::new);
            }
        }
    }
}
