package exchangefingerprint.flink.windows;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import exchangefingerprint.flink.SharedConstants;
import exchangefingerprint.flink.health.Health;
import exchangefingerprint.flink.state.Bytes;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.junit.jupiter.api.Test;

class MessageRingTest {
    private static final long S = 1_000_000_000L;

    private final MessageRing.Serializer serializer = new MessageRing.Serializer();

    /** Take in messages a second apart; column c of message i is 10 i + c but for the receive time. */
    private static void take(MessageRing ring, int first, int n) {
        for (int i = first; i < first + n; i++) {
            ring.lastRecvTsNs = i * S;
            ring.add(i * S, 10 * i + 1, 10 * i + 2, 10 * i + 3, 10 * i + 4, 10 * i + 5, 10 * i + 6);
            long type = i % 5 == 0 ? SharedConstants.HEARTBEAT : 0;
            ring.health.take(type, i, SharedConstants.MISSING, i * S, i, event -> {});
            if (ring.n >= 50 && ring.n % 25 == 0) {
                ring.drift.take(i * S, i);
            }
        }
    }

    private static MessageRing of(int n) {
        MessageRing ring = new MessageRing();
        ring.restart(7);
        take(ring, 0, n);
        return ring;
    }

    @Test
    void aWindowIsTheLastFiftyMessages() {
        for (int n : new int[] {50, 75, 120}) {
            long[] window = of(n).window();
            assertEquals(350, window.length);
            for (int i = 0; i < 50; i++) {
                int message = n - 50 + i;
                assertEquals(message * S, window[7 * i]);
                assertEquals(10L * message + 6, window[7 * i + 6]);
            }
        }
    }

    @Test
    void aMessageHasSevenColumns() {
        assertThrows(IllegalArgumentException.class, () -> new MessageRing().add(1, 2, 3, 4, 5, 6));
    }

    @Test
    void whatIsWrittenIsRead() throws IOException {
        // Without a message, with one, up to a window, beyond a block of intervals, and with all blocks of drift.
        for (int n : new int[] {0, 1, 6, 7, 49, 50, 1500, 12_000}) {
            MessageRing ring = of(n);
            MessageRing read = Bytes.read(serializer, Bytes.of(serializer, ring));
            MessageRing copied = serializer.copy(ring);
            for (MessageRing one : new MessageRing[] {ring, read, copied}) {
                assertEquals(n, one.n);
                assertEquals(7, one.segment);
                take(one, n, 60);
            }
            // What comes later shows whatever would be missing.
            assertArrayEquals(ring.window(), read.window());
            assertArrayEquals(Bytes.of(serializer, ring), Bytes.of(serializer, read));
            assertArrayEquals(Bytes.of(serializer, ring), Bytes.of(serializer, copied));
        }
    }

    @Test
    void aCopyIsOnItsOwn() throws IOException {
        MessageRing ring = of(700);
        byte[] before = Bytes.of(serializer, ring);
        take(serializer.copy(ring), 700, 500);
        assertArrayEquals(before, Bytes.of(serializer, ring));
    }

    /** If this fails, what is kept has changed: raise STATE_LAYOUT in {@code udfs/schema.py} as well. */
    @Test
    void theLayoutIsThis() throws IOException {
        DataOutputSerializer expected = new DataOutputSerializer(64);
        expected.writeByte(6);
        writeLongs(expected, 2, 7);
        expected.writeInt(0);
        writeLongs(expected, S); // messages, segment, partition, last receive time
        writeLongs(expected, 2, 0, S, 1, S, 0); // all: how many, first, last, offset, longest pauses
        writeLongs(expected, 1, S, S, 1, 0, 0); // data
        writeLongs(expected, 1, 0, 0, 0, 0, 0); // heartbeats
        writeLongs(expected, 2, 1, 1, 0, 1, S, 1); // numbers: steps of one, steps up, lowest, last and its place
        expected.writeBoolean(false); // chains
        writeOneCounter(expected, 1, S, 1, 1, S);
        writeLongs(expected, 0); // heartbeats amid data
        writeLongs(expected, 0); // windows
        expected.writeInt(42);
        writeLongs(expected, 0, 1, 2, 3, 4, 5, 6, S, 11, 12, 13, 14, 15, 16);
        assertEquals(6, SharedConstants.STATE_LAYOUT);
        assertArrayEquals(expected.getCopyOfBuffer(), Bytes.of(serializer, of(2)));
    }

    /** Write the counter of numbers without predecessors: where it is, how often it went on, its longest pause. */
    private static void writeOneCounter(
            DataOutputSerializer expected, long last, long lastNs, long lastOffset, long links, long pauseNs)
            throws IOException {
        expected.writeBoolean(true);
        expected.writeInt(1);
        writeLongs(expected, last, lastNs, lastOffset, links, pauseNs);
        expected.writeBoolean(false);
        expected.writeInt(0);
        writeLongs(expected, SharedConstants.MISSING, links, 0);
    }

    /** As above, for what is kept of numbers that name their predecessors. */
    @Test
    void theLayoutOfChainsIsThis() throws IOException {
        Health health = new Health();
        long[][] messages = {{0, 70, 60}, {1, 3, 9}, {0, 5, 9}, {0, 80, 70}, {0, 96, 95}};
        for (int i = 0; i < messages.length; i++) {
            long prevSeq = i == 2 ? SharedConstants.MISSING : messages[i][2];
            health.take(messages[i][0], messages[i][1], prevSeq, i * 10L, i, event -> {});
        }
        DataOutputSerializer expected = new DataOutputSerializer(64);
        writeLongs(expected, 5, 0, 40, 4, 10, 0); // all
        writeLongs(expected, 5, 0, 40, 4, 10, 0); // data
        writeLongs(expected, 0); // heartbeats
        writeLongs(expected, 1, 0, 0, 5, 5, 20, 2); // numbers without a predecessor
        expected.writeBoolean(true);
        expected.writeInt(3); // chains, the one that was continued last at the end: last, its place, links, pause
        writeLongs(expected, 3, 10, 1, 0, 0);
        expected.writeBoolean(true);
        writeLongs(expected, 9, 3, 1, 0, 1); // its first message: names, number, offset, heard before, answered before
        writeLongs(expected, 80, 30, 3, 1, 30);
        expected.writeBoolean(false);
        writeLongs(expected, 96, 40, 4, 0, 0);
        expected.writeBoolean(true);
        writeLongs(expected, 95, 96, 4, 30, 1);
        expected.writeInt(1); // numbers that a chain may continue
        writeLongs(expected, 5);
        writeLongs(expected, 1, 1, 1); // offset of the last answer; links, numbers without a predecessor
        writeOneCounter(expected, 5, 20, 2, 0, 0);
        writeLongs(expected, 0); // heartbeats amid data
        DataOutputSerializer written = new DataOutputSerializer(64);
        health.write(written);
        assertArrayEquals(expected.getCopyOfBuffer(), written.getCopyOfBuffer());
        Health read = new Health();
        read.read(new DataInputDeserializer(written.getCopyOfBuffer()));
        for (Health one : new Health[] {read, health.copy()}) {
            DataOutputSerializer again = new DataOutputSerializer(64);
            one.write(again);
            assertArrayEquals(written.getCopyOfBuffer(), again.getCopyOfBuffer());
        }
    }

    /** As above, for what is kept of windows. */
    @Test
    void theLayoutOfDriftIsThis() throws IOException {
        MessageRing ring = new MessageRing();
        for (int i = 0; i <= 9; i++) {
            ring.drift.take((1L << 30) * i, i);
        }
        DataOutputSerializer expected = new DataOutputSerializer(64);
        writeLongs(expected, 10, 9L << 30); // windows, end of the last
        expected.writeInt(30 << 14); // of the block that has begun: one logarithm of 2 to the 30, in 16,384ths
        expected.writeByte(6); // room for blocks
        expected.writeInt(8 * 30 << 14);
        for (int i = 1; i < 6; i++) {
            expected.writeInt(0);
        }
        expected.writeByte(0); // places where blocks began
        DataOutputSerializer written = new DataOutputSerializer(64);
        ring.drift.write(written);
        assertArrayEquals(expected.getCopyOfBuffer(), written.getCopyOfBuffer());
    }

    @Test
    void anotherVersionIsRefused() throws IOException {
        byte[] bytes = Bytes.of(serializer, of(3));
        bytes[0]--;
        String said = assertThrows(IOException.class, () -> Bytes.read(serializer, bytes)).getMessage();
        assertTrue(said.contains("found layout 5: submit the job without --resume"), said);
        assertThrows(IOException.class, () -> Bytes.restored(serializer, 1));
    }

    @Test
    void aSegmentBeginsWithNothing() {
        MessageRing ring = of(1500);
        ring.restart(2000);
        assertEquals(0, ring.n);
        assertEquals(2000, ring.segment);
        assertNull(ring.health.silenceLimitNs());
        assertNull(ring.health.lastHeartbeatNs());
    }

    private static void writeLongs(DataOutputSerializer target, long... values) throws IOException {
        for (long value : values) {
            target.writeLong(value);
        }
    }
}
