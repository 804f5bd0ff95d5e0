package fingerprint;

import java.io.IOException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;

/** The fields of a message: their places in the row, what each may be, and why a message without it is none. */
enum MessageField {
    CONNECTION_ID(0, null, Reason.NO_CONNECTION_ID, Reason.BAD_CONNECTION_ID),
    RECV_TS_NS(1, null, Reason.NO_RECV_TS_NS, Reason.BAD_RECV_TS_NS),
    MSG_TYPE(5, null, Reason.NO_MSG_TYPE, Reason.BAD_MSG_TYPE),
    EXCHANGE_TS_NS(2, Windows.MISSING, null, Reason.BAD_EXCHANGE_TS_NS),
    SEQ(3, Windows.MISSING, null, Reason.BAD_SEQ),
    REQUEST_ID(4, Windows.MISSING, null, Reason.BAD_REQUEST_ID),
    /** Checked, but nobody's input: its place is overwritten by the bytes. */
    PAYLOAD_BYTES(7, null, null, Reason.BAD_PAYLOAD_BYTES),
    DECLARED_EXCHANGE(6, null, null, Reason.BAD_DECLARED_EXCHANGE);

    static final int BODY = 7;
    static final int REFUSED_BECAUSE = 8;
    static final int ARITY = 9;

    private static final int LONGEST_CONNECTION_ID = 128;
    private static final int LONGEST_DECLARED_EXCHANGE = 64;
    /** Seconds, milliseconds and microseconds since 1970 are below it for centuries: no time in another unit passes. */
    private static final long YEAR_2000_NS = 946_684_800_000_000_000L;

    private static final long YEAR_2100_NS = 4_102_444_800_000_000_000L;
    private static final MessageField[] ALL = values();

    private final int place;
    private final Long absent;
    private final Reason ifAbsent;
    private final Reason ifBad;

    MessageField(int place, Long absent, Reason ifAbsent, Reason ifBad) {
        this.place = place;
        this.absent = absent;
        this.ifAbsent = ifAbsent;
        this.ifBad = ifBad;
    }

    /** Read an object up to its end, whatever is wrong with it; return the first field's reason, or null. */
    static Reason read(JsonParser parser, GenericRowData row) throws IOException {
        for (MessageField field : ALL) {
            row.setField(field.place, field.absent);
        }
        int bad = 0;
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            MessageField field = named(parser.currentName());
            JsonToken token = parser.nextToken();
            if (field != null) {
                boolean isBad = !field.take(token, parser, row);
                bad = isBad ? bad | 1 << field.ordinal() : bad & ~(1 << field.ordinal());
            }
            parser.skipChildren();
        }
        return firstReason(bad, row);
    }

    private static Reason firstReason(int bad, GenericRowData row) {
        for (MessageField field : ALL) {
            if ((bad & 1 << field.ordinal()) != 0) {
                return field.ifBad;
            }
            if (field.ifAbsent != null && row.isNullAt(field.place)) {
                return field.ifAbsent;
            }
        }
        return null;
    }

    private static MessageField named(String name) {
        switch (name) {
            case "connection_id":
                return CONNECTION_ID;
            case "recv_ts_ns":
                return RECV_TS_NS;
            case "msg_type":
                return MSG_TYPE;
            case "exchange_ts_ns":
                return EXCHANGE_TS_NS;
            case "seq":
                return SEQ;
            case "request_id":
                return REQUEST_ID;
            case "payload_bytes":
                return PAYLOAD_BYTES;
            case "declared_exchange":
                return DECLARED_EXCHANGE;
            default:
                return null;
        }
    }

    /** Put the value into the row; tell whether it is one that may be there. */
    private boolean take(JsonToken token, JsonParser parser, GenericRowData row) throws IOException {
        if (token == JsonToken.VALUE_NULL) {
            row.setField(place, absent);
            return true;
        }
        switch (this) {
            case CONNECTION_ID:
                return takeText(token, parser, row, 1, LONGEST_CONNECTION_ID);
            case DECLARED_EXCHANGE:
                return takeText(token, parser, row, 0, LONGEST_DECLARED_EXCHANGE);
            case MSG_TYPE:
                return takeInteger(token == JsonToken.VALUE_STRING ? typeCode(parser.getText()) : -1, 0, 4, row);
            case RECV_TS_NS:
                return takeInteger(number(token, parser), YEAR_2000_NS, YEAR_2100_NS - 1, row);
            case PAYLOAD_BYTES:
                return takeInteger(number(token, parser), 0, Long.MAX_VALUE, row);
            default:
                return takeInteger(number(token, parser), Windows.MISSING + 1, Long.MAX_VALUE, row);
        }
    }

    private boolean takeText(JsonToken token, JsonParser parser, GenericRowData row, int fewest, int most)
            throws IOException {
        if (token != JsonToken.VALUE_STRING) {
            return false;
        }
        String text = parser.getText();
        row.setField(place, StringData.fromString(text));
        return Text.isPrintable(text, fewest, most);
    }

    private boolean takeInteger(long value, long least, long most, GenericRowData row) {
        row.setField(place, value);
        return value >= least && value <= most;
    }

    /** Read a number; what is none, or does not fit 64 bits, is {@link Windows#MISSING}. */
    private static long number(JsonToken token, JsonParser parser) throws IOException {
        boolean fits =
                token == JsonToken.VALUE_NUMBER_INT && parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER;
        return fits ? parser.getLongValue() : Windows.MISSING;
    }

    /** Return the code of a type, as {@code udfs.schema.MsgType} has them; -1 if it is none. */
    private static int typeCode(String name) {
        switch (name) {
            case "NEW":
                return 0;
            case "ACK":
                return 1;
            case "NACK":
                return 2;
            case "HEARTBEAT":
                return 3;
            case "OTHER":
                return 4;
            default:
                return -1;
        }
    }
}
