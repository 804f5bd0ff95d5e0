package exchangefingerprint.flink.deadletters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.InvalidRecordException;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.errors.TimeoutException;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.header.Header;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;
import org.junit.jupiter.api.Test;

class DeadLetterWriterTest {
    private final List<String> sent = new ArrayList<>();
    private final Map<Long, String> lost = new LinkedHashMap<>();
    private int asked;

    /** A topic that refuses what `refusal` has an error for. */
    private DeadLetterWriter writer(Function<ProducerRecord<byte[], byte[]>, Exception> refusal, String problem) {
        DeadLetterProducer producer =
                new DeadLetterProducer(Map.of("bootstrap.servers", "nowhere:1"), "letters") {
                    @Override
                    void send(ProducerRecord<byte[], byte[]> record, Consumer<Exception> listener) {
                        Exception error = refusal.apply(record);
                        if (error == null) {
                            sent.add(shown(record));
                        }
                        listener.accept(error);
                    }

                    @Override
                    void flush() {}

                    @Override
                    String problem() {
                        asked++;
                        return problem;
                    }
                };
        Losses losses =
                new Losses("letters", "", new UnregisteredMetricsGroup()) {
                    @Override
                    void add(DeadLetter deadLetter, String cause) {
                        lost.put(deadLetter.offset(), deadLetter.form().lost + ": " + cause);
                    }
                };
        return new DeadLetterWriter(producer, "messages", losses);
    }

    private static String shown(ProducerRecord<byte[], byte[]> record) {
        StringBuilder text = new StringBuilder(text(record.key()) + "=" + text(record.value()));
        for (Header header : record.headers()) {
            text.append(' ').append(header.key()).append('=').append(text(header.value()));
        }
        return text.toString();
    }

    private static String text(byte[] bytes) {
        return bytes == null ? "null" : new String(bytes, StandardCharsets.UTF_8);
    }

    private static GenericRowData row(String key, String value, long offset) {
        return GenericRowData.of(bytes(key), bytes(value), StringData.fromString("not JSON"), 2, offset);
    }

    private static byte[] bytes(String text) {
        return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
    }

    private static int length(byte[] bytes) {
        return bytes == null ? 0 : bytes.length;
    }

    private static final String WHERE = " reason=not JSON source_topic=messages source_partition=2 source_offset=";

    @Test
    void whatFitsIsSentAsItIs() throws IOException {
        DeadLetterWriter writer = writer(record -> null, "");
        writer.write(row("k", "{", 7), null);
        writer.write(row(null, "{", 8), null);
        writer.flush(false);
        assertEquals(List.of("k={" + WHERE + "7", "null={" + WHERE + "8"), sent);
        assertEquals(Map.of(), lost);
    }

    @Test
    void whatIsTooLargeGoesWithoutValueThenWithoutKeyThenNotAtAll() throws IOException {
        DeadLetterWriter writer =
                writer(
                        record ->
                                length(record.key()) + length(record.value()) > 9
                                                || text(record.key()).startsWith("2:3")
                                        ? new RecordTooLargeException("too\nlarge")
                                        : null,
                        "");
        writer.write(row("k", "0123456789", 1), null);
        writer.write(row("0123456789", "{", 20), null);
        writer.write(row("0123456789", "{", 30), null);
        writer.flush(false);
        assertEquals(
                List.of(
                        "k=null" + WHERE + "1 lost=value lost_because=too large",
                        "2:20=null" + WHERE + "20 lost=key and value lost_because=too large key_is=place"),
                sent);
        assertEquals(
                Map.of(1L, "value: too large", 20L, "key and value: too large", 30L, "all: too large"), lost);
    }

    @Test
    void aCompactedTopicGetsThePlaceAsKeyAndLosesNothing() throws IOException {
        DeadLetterWriter writer =
                writer(record -> record.key() == null ? new InvalidRecordException("no key") : null, "");
        writer.write(row(null, "{", 7), null);
        writer.flush(false);
        assertEquals(List.of("2:7={" + WHERE + "7 key_is=place"), sent);
        assertEquals(Map.of(), lost);
    }

    @Test
    void aTopicThatTakesNothingIsAskedOnceAndAllIsLost() throws IOException {
        DeadLetterWriter writer = writer(record -> new TopicAuthorizationException("no rights"), "");
        for (int i = 0; i < 5; i++) {
            writer.write(row("k", "{", i), null);
            writer.flush(false);
        }
        assertEquals(1, asked);
        assertEquals(List.of(), sent);
        assertEquals(5, lost.size());
        assertEquals("all: no rights", lost.get(4L));
    }

    @Test
    void aTopicThatIsGoneIsToldByKafka() throws IOException {
        DeadLetterWriter writer = writer(record -> new TimeoutException("not in time"), "no such topic");
        writer.write(row("k", "{", 1), null);
        writer.flush(false);
        assertEquals(Map.of(1L, "all: no such topic"), lost);
    }

    @Test
    void aKafkaThatIsBackGetsWhatItDidNotTakeInTime() throws IOException {
        Set<String> refused = new HashSet<>();
        DeadLetterWriter writer =
                writer(record -> refused.add(shown(record)) ? new TimeoutException("not in time") : null, "");
        for (int i = 0; i < 3; i++) {
            writer.write(row("k", "{", i), null);
        }
        writer.flush(false);
        writer.write(row("k", "{", 3), null);
        writer.flush(false);
        assertEquals(List.of("k={" + WHERE + "0", "k={" + WHERE + "1", "k={" + WHERE + "2", "k={" + WHERE + "3"), sent);
        assertEquals(Map.of(), lost);
        assertEquals(2, asked);
    }

    @Test
    void whatItDoesNotTakeInTimeTwiceIsLost() throws IOException {
        DeadLetterWriter writer = writer(record -> new TimeoutException("not in time"), "");
        writer.write(row("k", "{", 1), null);
        writer.flush(false);
        assertEquals(List.of(), sent);
        assertEquals(Map.of(1L, "all: not in time"), lost);
    }

    @Test
    void onlyAKafkaThatIsAwayFailsTheJob() throws IOException {
        DeadLetterWriter writer = writer(record -> new TimeoutException("not in time"), null);
        writer.write(row("k", "{", 1), null);
        assertThrows(IOException.class, () -> writer.flush(false));
        assertEquals(Map.of(), lost);
    }
}
