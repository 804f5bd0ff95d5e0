package exchangefingerprint.flink.messages;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import exchangefingerprint.flink.RowLayout;
import exchangefingerprint.flink.SharedConstants;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MessageDecoderTest {
    /** Not the order of the job's own table: the names count. */
    private static final RowLayout LAYOUT = new RowLayout(List.of(
            "rejection_reason",
            "body",
            "type_code",
            "connection_id",
            "declared_exchange",
            "recv_ts_ns",
            "exchange_ts_ns",
            "seq",
            "prev_seq",
            "request_id",
            "payload_bytes"));

    private static final String TIME = "1790000000000000123";
    private static final String NEEDED = "'connection_id': 'c', 'recv_ts_ns': " + TIME + ", 'msg_type': 'ACK'";

    @Test
    void aWholeMessageHasItsFields() {
        GenericRowData row = decode("{" + NEEDED
                + ", 'exchange_ts_ns': -5, 'seq': 9223372036854775807, 'prev_seq': -1, 'request_id': 0,"
                + " 'payload_bytes': 12, 'declared_exchange': 'kraken', 'of_nobody': [{'seq': 1}]}");
        assertNull(value(row, "rejection_reason"));
        assertEquals(StringData.fromString("c"), value(row, "connection_id"));
        assertEquals(1_790_000_000_000_000_123L, value(row, "recv_ts_ns"));
        assertEquals(1L, value(row, "type_code"));
        assertEquals(-5L, value(row, "exchange_ts_ns"));
        assertEquals(Long.MAX_VALUE, value(row, "seq"));
        assertEquals(-1L, value(row, "prev_seq"));
        assertEquals(0L, value(row, "request_id"));
        assertEquals(12L, value(row, "payload_bytes"));
        assertEquals(StringData.fromString("kraken"), value(row, "declared_exchange"));
    }

    @Test
    void absentAndNullAreTheSame() {
        for (String fields : List.of("", ", 'seq': null, 'exchange_ts_ns': null, 'declared_exchange': null")) {
            GenericRowData row = decode("{" + NEEDED + fields + "}");
            assertNull(value(row, "rejection_reason"));
            assertEquals(Long.MIN_VALUE, value(row, "exchange_ts_ns"));
            assertEquals(Long.MIN_VALUE, value(row, "seq"));
            assertEquals(Long.MIN_VALUE, value(row, "prev_seq"));
            assertEquals(Long.MIN_VALUE, value(row, "request_id"));
            assertEquals(Long.MIN_VALUE, value(row, "payload_bytes"));
            assertNull(value(row, "declared_exchange"));
        }
    }

    @Test
    void theBytesStayWhatTheyAre() {
        byte[] body = {(byte) 0xFF, 0, 1};
        GenericRowData row = decode(body);
        assertArrayEquals(body, (byte[]) value(row, "body"));
        assertEquals(StringData.fromString("not UTF-8"), value(row, "rejection_reason"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        " | NOT_JSON",
        "nonsense | NOT_JSON",
        "{'seq': NaN} | NOT_JSON",
        "[1, 2] | NO_OBJECT",
        "{} {} | MORE_THAN_ONE_VALUE",
        "{} x | NOT_JSON",
        "{} | NO_CONNECTION_ID",
        "{'connection_id': ''} | BAD_CONNECTION_ID",
        "{'connection_id': 7} | BAD_CONNECTION_ID",
        "{'connection_id': 'a\\u0000'} | BAD_CONNECTION_ID",
        "{'connection_id': 'c'} | NO_RECV_TS_NS",
        "{'connection_id': 'c', 'recv_ts_ns': 1790000000} | BAD_RECV_TS_NS",
        "{'connection_id': 'c', 'recv_ts_ns': 946684799999999999} | BAD_RECV_TS_NS",
        "{'connection_id': 'c', 'recv_ts_ns': 946684800000000000} | NO_MSG_TYPE",
        "{'connection_id': 'c', 'recv_ts_ns': 4102444799999999999} | NO_MSG_TYPE",
        "{'connection_id': 'c', 'recv_ts_ns': 4102444800000000000} | BAD_RECV_TS_NS",
        "{'connection_id': 'c', 'recv_ts_ns': 1790000000000000000.0} | BAD_RECV_TS_NS",
        "{'msg_type': 'ack', 'connection_id': 'c', 'recv_ts_ns': 1790000000000000000} | BAD_MSG_TYPE",
    })
    void theFirstFaultIsTheReason(String text, RejectionReason reason) {
        assertEquals(reason.text, rejection(text == null ? "" : text));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "'seq': -9223372036854775808 | BAD_SEQ",
        "'seq': 9223372036854775808 | BAD_SEQ",
        "'prev_seq': 1.0 | BAD_PREV_SEQ",
        "'request_id': '1' | BAD_REQUEST_ID",
        "'exchange_ts_ns': true | BAD_EXCHANGE_TS_NS",
        "'payload_bytes': -1 | BAD_PAYLOAD_BYTES",
        "'declared_exchange': 5 | BAD_DECLARED_EXCHANGE",
        "'declared_exchange': 5, 'seq': 1.5 | BAD_SEQ",
        "'seq': 1.5, 'seq': 2 |",
        "'declared_exchange': '' | BAD_DECLARED_EXCHANGE",
        "'payload_bytes': 0 |",
    })
    void whatMayBeAbsentMustBeRightIfItIsThere(String fields, RejectionReason reason) {
        assertEquals(reason == null ? null : reason.text, rejection("{" + NEEDED + ", " + fields + "}"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"NEW", "ACK", "NACK", "HEARTBEAT", "OTHER"})
    void aTypeIsItsPlaceInTheList(String type) {
        GenericRowData row = decode("{" + NEEDED.replace("ACK", type) + "}");
        assertEquals((long) List.of("NEW", "ACK", "NACK", "HEARTBEAT", "OTHER").indexOf(type), value(row, "type_code"));
    }

    @Test
    void limitsAreThemselvesAllowed() {
        String whole = "{" + NEEDED + "}";
        assertNull(rejection(whole + " ".repeat(65_536 - whole.length())));
        assertEquals("larger than 64 KiB", rejection(whole + " ".repeat(65_537 - whole.length())));
        String id = "{" + NEEDED.replace("'c'", "'" + "é".repeat(127) + "😀'") + "}";
        assertNull(rejection(id));
        assertEquals(
                "connection_id is not a string of 1 to 128 printable characters", rejection(id.replace("😀", "😀é")));
        assertNull(rejection("{" + NEEDED + ", 'x': " + "[".repeat(499) + "]".repeat(499) + "}"));
        assertEquals("not JSON", rejection("{" + NEEDED + ", 'x': " + "[".repeat(500) + "]".repeat(500) + "}"));
    }

    @Test
    void nothingIsANullValue() {
        GenericRowData row = decode((byte[]) null);
        assertEquals(StringData.fromString("null value"), value(row, "rejection_reason"));
        assertNull(value(row, "body"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"UTF-16LE", "UTF-16BE", "UTF-32LE"})
    void anotherEncodingIsNoJson(String encoding) throws Exception {
        byte[] body = ("{" + NEEDED + "}").replace('\'', '"').getBytes(encoding);
        assertEquals(StringData.fromString("not JSON"), value(decode(body), "rejection_reason"));
    }

    @Test
    void aTableWithoutAColumnIsNamed() {
        RowLayout layout = new RowLayout(List.of("connection_id", "body", "rejection_reason"));
        String said = assertThrows(IllegalArgumentException.class, () -> new MessageDecoder(null, layout)).getMessage();
        assertTrue(said.contains("Expected a column recv_ts_ns, found connection_id, body"), said);
    }

    @Test
    void everyTypeHasACode() {
        assertEquals(SharedConstants.HEARTBEAT, SharedConstants.MSG_TYPES.indexOf("HEARTBEAT"));
    }

    private static String rejection(String text) {
        Object reason = value(decode(text), "rejection_reason");
        return reason == null ? null : reason.toString();
    }

    /** Decode JSON that is written with single quotes. */
    private static GenericRowData decode(String text) {
        return decode(text.replace('\'', '"').getBytes(StandardCharsets.UTF_8));
    }

    private static Object value(GenericRowData row, String column) {
        return row.getField(LAYOUT.place(column));
    }

    private static GenericRowData decode(byte[] body) {
        return (GenericRowData) new MessageDecoder(null, LAYOUT).deserialize(body);
    }
}
