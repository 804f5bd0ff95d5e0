package exchangefingerprint.flink.kafka;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import exchangefingerprint.flink.SharedConstants;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.compress.Compression;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.header.Header;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.record.CompressionType;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.record.MemoryRecords;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.record.MutableRecordBatch;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.record.Record;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.record.SimpleRecord;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.utils.BufferSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** With the connector's own classes: what they wrote into a batch, they read through ours. */
class BoundedRecordsTest {
    private static final byte[] KEY = {'k'};
    private static final Header[] NO_HEADERS = {};

    @Test
    void theClassPathIsTheRightOne() {
        BoundedReading.check();
    }

    @Test
    void aClassPathInAnotherOrderIsRefused() throws Exception {
        URL[] connectorFirst = {place(BufferSupplier.class), place(BoundedReading.class)};
        try (URLClassLoader loader = new URLClassLoader(connectorFirst, ClassLoader.getPlatformClassLoader())) {
            Method check = loader.loadClass(BoundedReading.class.getName()).getMethod("check");
            Throwable refusal = assertThrows(InvocationTargetException.class, () -> check.invoke(null)).getCause();
            assertEquals(IllegalStateException.class, refusal.getClass());
            assertTrue(refusal.getMessage().startsWith("Expected the job's own functions before Flink's"));
        }
    }

    private static URL place(Class<?> of) {
        return of.getProtectionDomain().getCodeSource().getLocation();
    }

    @ParameterizedTest
    @EnumSource(names = {"GZIP", "SNAPPY", "LZ4", "ZSTD"})
    void whatIsNotTooLargeIsAsItWas(CompressionType type) {
        Random random = new Random(1);
        List<SimpleRecord> written = new ArrayList<>();
        for (int size : List.of(0, 1, 63, 64, 1000, 1010, 1020, 1030, 5000, 65_535, SharedConstants.MAX_VALUE_BYTES)) {
            byte[] value = new byte[size];
            random.nextBytes(value);
            written.add(new SimpleRecord(1_790_000_000_000L + size, KEY, value, NO_HEADERS));
            written.add(new SimpleRecord(1_789_999_999_999L, null, value, NO_HEADERS));
            byte[] key = new byte[Math.min(size, SharedConstants.MAX_KEY_BYTES)];
            written.add(new SimpleRecord(1L, key, null, NO_HEADERS));
        }
        List<Record> read = read(type, written);
        assertEquals(written.size(), read.size());
        for (int i = 0; i < read.size(); i++) {
            Record record = read.get(i);
            assertEquals(i, record.offset());
            assertEquals(written.get(i).timestamp(), record.timestamp());
            assertArrayEquals(bytes(written.get(i).key()), bytes(record.key()));
            assertArrayEquals(bytes(written.get(i).value()), bytes(record.value()));
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"GZIP", "SNAPPY", "LZ4", "ZSTD"})
    void ofWhatIsTooLargeItsBeginningIsLeft(CompressionType type) {
        byte[] large = new byte[3_000_000];
        Arrays.fill(large, (byte) 'x');
        Header[] headers = {new RecordHeader("h", large)};
        List<Record> read = read(
                type,
                List.of(
                        new SimpleRecord(5, KEY, large, NO_HEADERS),
                        new SimpleRecord(6, large, KEY, NO_HEADERS),
                        new SimpleRecord(7, KEY, KEY, headers),
                        new SimpleRecord(8, large, large, headers),
                        new SimpleRecord(9, KEY, null, NO_HEADERS)));
        assertSizes(read.get(0), 5, 1, SharedConstants.MAX_VALUE_BYTES + 1);
        assertSizes(read.get(1), 6, SharedConstants.MAX_KEY_BYTES + 1, 1);
        assertSizes(read.get(2), 7, 1, 1);
        assertSizes(read.get(3), 8, SharedConstants.MAX_KEY_BYTES + 1, SharedConstants.MAX_VALUE_BYTES + 1);
        assertEquals(9, read.get(4).timestamp());
        assertNull(read.get(4).value());
        assertEquals(5, read.size());
    }

    @Test
    void manyEmptyHeadersAreLeftOut() {
        Header[] headers = new Header[100_000];
        Arrays.fill(headers, new RecordHeader("", (byte[]) null));
        Record record = read(CompressionType.ZSTD, List.of(new SimpleRecord(1, KEY, KEY, headers))).get(0);
        assertSizes(record, 1, 1, 1);
    }

    @Test
    void aFewHeadersStay() {
        Header[] headers = {new RecordHeader("redriven_from", new byte[] {'1'})};
        Record record = read(CompressionType.ZSTD, List.of(new SimpleRecord(1, KEY, KEY, headers))).get(0);
        assertEquals("redriven_from", record.headers()[0].key());
    }

    @Test
    void aFormatOfBeforeKafka011IsNotTouched() throws IOException {
        byte[] older = new byte[5000];
        older[8] = -1;
        older[9] = -1;
        assertArrayEquals(older, new BoundedRecords(new ByteArrayInputStream(older), new byte[64]).readAllBytes());
    }

    @Test
    void aRecordThatIsCutOffIsAnError() {
        // A size of 2,000 bytes, and fewer.
        byte[] cut = {(byte) 0xA0, 0x1F, 0, 0, 0, 1, 1, 0};
        assertThrows(EOFException.class, () -> stream(cut).readAllBytes());
        // A key that is longer than its record.
        byte[] torn = new byte[3000];
        torn[0] = (byte) 0xA0;
        torn[1] = 0x1F;
        torn[5] = (byte) 0xFE;
        torn[6] = 0x7F;
        assertThrows(EOFException.class, () -> stream(torn).readAllBytes());
        byte[] negative = {0x01};
        assertThrows(IOException.class, () -> stream(negative).readAllBytes());
        byte[] endless = new byte[20];
        Arrays.fill(endless, (byte) -1);
        assertThrows(IOException.class, () -> stream(endless).readAllBytes());
    }

    private static BoundedRecords stream(byte[] bytes) {
        return new BoundedRecords(new ByteArrayInputStream(bytes), new byte[64]);
    }

    private static List<Record> read(CompressionType type, List<SimpleRecord> written) {
        MemoryRecords batches =
                MemoryRecords.withRecords(Compression.of(type).build(), written.toArray(SimpleRecord[]::new));
        List<Record> read = new ArrayList<>();
        for (MutableRecordBatch batch : batches.batches()) {
            batch.streamingIterator(BufferSupplier.create()).forEachRemaining(read::add);
        }
        return read;
    }

    private static void assertSizes(Record record, long timestamp, int key, int value) {
        assertEquals(timestamp, record.timestamp());
        assertEquals(key, record.keySize());
        assertEquals(value, record.valueSize());
        assertEquals(0, record.headers().length);
        assertEquals(value > 1 ? 'x' : 'k', record.value().get(value > 1 ? value - 1 : 0));
    }

    private static byte[] bytes(ByteBuffer buffer) {
        if (buffer == null) {
            return null;
        }
        byte[] found = new byte[buffer.remaining()];
        buffer.duplicate().get(found);
        return found;
    }
}
