package exchangefingerprint.flink.messages;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import exchangefingerprint.flink.RowLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.apache.flink.table.data.GenericRowData;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is read plainly is what the parser reads, and is nothing that it refuses. */
class PlainMessageTest {
    private static final RowLayout LAYOUT = new RowLayout(List.of(
            "connection_id",
            "recv_ts_ns",
            "type_code",
            "exchange_ts_ns",
            "seq",
            "prev_seq",
            "request_id",
            "payload_bytes",
            "declared_exchange",
            "body",
            "rejection_reason"));
    private static final String NEEDED = "'connection_id':'c','recv_ts_ns':1790000000000000123,'msg_type':'ACK'";
    private static final String[] TEXTS = {
        "c", "conn-1", "", "a b", "~", "é", "\\u0041", "\\\"", "\u007f", "x".repeat(129)
    };
    private static final String[] NUMBERS = {
        "0", "-0", "7", "-7", "00", "01", "9223372036854775807", "9223372036854775808", "-9223372036854775807",
        "-9223372036854775808", "9999999999999999999", "18446744073709551616", "10000000000000000000", "1.0", "1e3",
        "-",
        "1790000000000000000", "946684799999999999", "4102444800000000000", "true"
    };
    private static final String[] TYPES = {
        "'NEW'", "'ACK'", "'NACK'", "'HEARTBEAT'", "'OTHER'", "'ack'", "'NEWS'", "0"
    };
    private static final List<String> OPTIONAL =
            List.of("exchange_ts_ns", "seq", "prev_seq", "request_id", "payload_bytes", "declared_exchange", "seqs");
    private static final String[] NOISE = {"", "", "", " ", "\n\t\r ", ",", "}", "{", "x", "\u0000", "\u000b", "'"};

    private final MessageDecoder decoder = new MessageDecoder(null, LAYOUT);
    private final PlainMessage plain = new PlainMessage(MessageField.places(LAYOUT));

    private static byte[] bytes(String text) {
        return text.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
    }

    /** Read a record in both ways; say whether it was read plainly. */
    private boolean isPlain(String text) {
        GenericRowData found = LAYOUT.newRow();
        boolean isPlain = plain.read(bytes(text), found);
        GenericRowData expected = LAYOUT.newRow();
        RejectionReason reason = decoder.readAny(bytes(text), expected);
        if (isPlain) {
            assertNull(reason, text);
            assertEquals(expected, found, text);
        }
        return isPlain;
    }

    private static String any(Random random, String[] texts) {
        return texts[random.nextInt(texts.length)];
    }

    private static String draw(Random random) {
        List<String> fields = new ArrayList<>(List.of(
                "'connection_id':'" + (random.nextInt(4) > 0 ? "c" : any(random, TEXTS)) + "'",
                "'recv_ts_ns':" + (random.nextInt(4) > 0 ? "1790000000000000123" : any(random, NUMBERS)),
                "'msg_type':" + any(random, TYPES)));
        for (String name : OPTIONAL) {
            if (random.nextInt(3) == 0) {
                String value = name.startsWith("d") ? "'" + any(random, TEXTS) + "'" : any(random, NUMBERS);
                fields.add("'" + name + "':" + (random.nextInt(4) == 0 ? "null" : value));
            }
        }
        if (random.nextInt(20) == 0) {
            fields.add(fields.get(random.nextInt(fields.size())));
        }
        if (random.nextInt(20) == 0) {
            fields.remove(random.nextInt(fields.size()));
        }
        if (random.nextBoolean()) {
            Collections.shuffle(fields, random);
        }
        String text = String.join(random.nextBoolean() ? "," : " , ", fields);
        return "{" + (random.nextBoolean() ? text : text.replace(":", ": ")) + "}";
    }

    @Test
    void drawnRecordsAreReadAlike() {
        Random random = new Random(1);
        int nPlain = 0;
        int n = 60_000;
        for (int i = 0; i < n; i++) {
            String text = draw(random);
            nPlain += isPlain(text) ? 1 : 0;
            int at = random.nextInt(text.length() + 1);
            int end = Math.min(text.length(), at + random.nextInt(3));
            isPlain(text.substring(0, at) + any(random, NOISE) + text.substring(end));
            isPlain(text.substring(0, at));
        }
        assertTrue(nPlain > n / 20 && nPlain < n / 2, nPlain + " of " + n);
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "{" + NEEDED + "}",
        " { " + NEEDED + " } \n",
        "{" + NEEDED + ",'exchange_ts_ns':null,'seq':-1,'prev_seq':-2,'request_id':0,'payload_bytes':150,"
                + "'declared_exchange':'a'}",
        "{'msg_type':'NEW','recv_ts_ns':1790000000000000000,'connection_id':'c'}",
        "{" + NEEDED + ",'seq':9223372036854775807}",
    })
    void usualMessagesAreReadPlainly(String text) {
        assertTrue(isPlain(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "", "{", "{}", "{'connection_id'", "{'connection_id':", "{'connection_id':'", "{'connection_id':'c'",
        "{" + NEEDED, "{" + NEEDED + ",}", "{" + NEEDED + "}}", "{" + NEEDED + "} x", "[" + NEEDED + "]",
        "{" + NEEDED + ",'seq':1,'seq':2}",
        "{" + NEEDED + ",'seq':-9223372036854775808}",
        "{" + NEEDED + ",'seq':9223372036854775808}",
        "{" + NEEDED + ",'seq':nul}",
        "{" + NEEDED + ",'seq':nullx}",
        "{" + NEEDED + ",'payload_bytes':-1}",
        "{" + NEEDED + ",'of_nobody':1}",
        "{'connection_id':null,'recv_ts_ns':1790000000000000000,'msg_type':'NEW'}",
    })
    void whatIsNotPlainIsLeftToTheParser(String text) {
        assertEquals(false, isPlain(text));
    }

    @Test
    void aMessageIsReadAfterOneThatWasNot() {
        isPlain("{" + NEEDED + ",'seq':5,'declared_exchange':'x'");
        assertTrue(isPlain("{" + NEEDED + "}"));
    }
}
