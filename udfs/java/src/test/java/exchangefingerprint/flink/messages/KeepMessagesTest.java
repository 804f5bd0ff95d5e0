package exchangefingerprint.flink.messages;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import exchangefingerprint.flink.planned.Nothing;
import exchangefingerprint.flink.planned.Planned;
import java.nio.charset.StandardCharsets;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.SimpleOperatorFactory;
import org.apache.flink.streaming.api.transformations.OneInputTransformation;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.utils.LogicalTypeParser;
import org.junit.jupiter.api.Test;

class KeepMessagesTest {
    private static final RowType IN =
            row("record_key STRING, connection_id STRING, seq BIGINT, declared_exchange STRING, body BYTES,"
                    + " rejection_reason STRING, kafka_partition INT, kafka_offset BIGINT");
    private static final RowType MESSAGE =
            row("connection_id STRING, kafka_partition INT, seq BIGINT, declared_exchange STRING");
    private static final RowType REJECTED =
            row("record_key BYTES, body BYTES, kafka_partition INT, kafka_offset BIGINT, reason STRING");

    private static RowType row(String columns) {
        return (RowType) LogicalTypeParser.parse("ROW<" + columns + ">", KeepMessagesTest.class.getClassLoader());
    }

    private static GenericRowData record(String key, String connection, String reason) {
        return GenericRowData.of(text(key), text(connection), 7L, null, new byte[] {1, 2}, text(reason), 3, 99L);
    }

    private static StringData text(String value) {
        return value == null ? null : StringData.fromString(value);
    }

    @Test
    void aMessageIsOfTheConnectionThatItIsKeyedBy() {
        RecordColumns columns = RecordColumns.of(IN);
        assertTrue(columns.isMessage(record("é-1", "é-1", null)));
        assertFalse(columns.isMessage(record("a", "b", null)));
        assertFalse(columns.isMessage(record(null, "a", null)));
        assertFalse(columns.isMessage(record("a", "a", "not JSON")));
        assertFalse(columns.isMessage(record(null, null, "not JSON")));
    }

    @Test
    void aMessageIsWrittenByTheNamesOfItsColumns() {
        KeepMessages operator = new KeepMessages(IN, MESSAGE);
        operator.prepare();

        RowData first = operator.written(record("a long id of a connection", "a long id of a connection", null));
        assertEquals("a long id of a connection", first.getString(0).toString());
        assertEquals(3, first.getInt(1));
        assertEquals(7, first.getLong(2));
        assertTrue(first.isNullAt(3));

        GenericRowData claims = record("c", "c", null);
        claims.setField(3, text("kraken"));
        RowData second = operator.written(claims);
        assertEquals("c", second.getString(0).toString());
        assertEquals("kraken", second.getString(3).toString());
    }

    @Test
    void whatIsNoMessageIsLaidOutWithItsReason() {
        KeepInvalid operator = new KeepInvalid(IN, REJECTED);

        GenericRowData other = operator.rejected(record("é", "b", null));
        assertArrayEquals("é".getBytes(StandardCharsets.UTF_8), (byte[]) other.getField(0));
        assertArrayEquals(new byte[] {1, 2}, (byte[]) other.getField(1));
        assertEquals(3, other.getField(2));
        assertEquals(99L, other.getField(3));
        assertEquals("key is not the connection_id", other.getField(4).toString());

        GenericRowData keyless = record(null, null, "not JSON");
        keyless.setField(4, null);
        GenericRowData bare = operator.rejected(keyless);
        assertNull(bare.getField(0));
        assertNull(bare.getField(1));
        assertEquals("not JSON", bare.getField(4).toString());
    }

    @Test
    void aColumnThatIsMissingIsNamedBeforeAnythingRuns() {
        RowType other = row("connection_id STRING, surprise BIGINT");
        String found = assertThrows(IllegalStateException.class, () -> new KeepMessages(IN, other)).getMessage();
        assertTrue(found.startsWith("Expected a column surprise, found [record_key, "), found);
    }

    @Test
    void bothTakeThePlaceOfThePlannersOperators() {
        OneInputTransformation<RowData, RowData> messages = planned(MESSAGE, new KeepInvalid(IN, REJECTED));
        new KeepMessages.InPlace().accept(messages);
        assertInstanceOf(KeepMessages.class, ((SimpleOperatorFactory<?>) Planned.factory(messages)).getOperator());

        OneInputTransformation<RowData, RowData> invalid = planned(REJECTED, new KeepMessages(IN, MESSAGE));
        new KeepInvalid.InPlace().accept(invalid);
        assertInstanceOf(KeepInvalid.class, ((SimpleOperatorFactory<?>) Planned.factory(invalid)).getOperator());
    }

    private static OneInputTransformation<RowData, RowData> planned(
            RowType out, OneInputStreamOperator<RowData, RowData> operator) {
        return new OneInputTransformation<>(
                new Nothing(InternalTypeInfo.of(IN)),
                "planned",
                SimpleOperatorFactory.of(operator),
                InternalTypeInfo.of(out),
                1);
    }
}
