package exchangefingerprint.flink.messages;

import exchangefingerprint.flink.RowLayout;
import exchangefingerprint.flink.SharedConstants;
import java.io.IOException;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;

/**
 * The fields of a message, in the order in which they are complained of: the column of each, what it may be, and why a
 * record without it is invalid.
 */
enum MessageField {
    CONNECTION_ID(
            "connection_id",
            "connection_id",
            null,
            RejectionReason.NO_CONNECTION_ID,
            RejectionReason.BAD_CONNECTION_ID),
    RECV_TS_NS("recv_ts_ns", "recv_ts_ns", null, RejectionReason.NO_RECV_TS_NS, RejectionReason.BAD_RECV_TS_NS),
    MSG_TYPE("msg_type", "type_code", null, RejectionReason.NO_MSG_TYPE, RejectionReason.BAD_MSG_TYPE),
    EXCHANGE_TS_NS(
            "exchange_ts_ns", "exchange_ts_ns", SharedConstants.MISSING, null, RejectionReason.BAD_EXCHANGE_TS_NS),
    SEQ("seq", "seq", SharedConstants.MISSING, null, RejectionReason.BAD_SEQ),
    PREV_SEQ("prev_seq", "prev_seq", SharedConstants.MISSING, null, RejectionReason.BAD_PREV_SEQ),
    REQUEST_ID("request_id", "request_id", SharedConstants.MISSING, null, RejectionReason.BAD_REQUEST_ID),
    PAYLOAD_BYTES("payload_bytes", "payload_bytes", SharedConstants.MISSING, null, RejectionReason.BAD_PAYLOAD_BYTES),
    DECLARED_EXCHANGE("declared_exchange", "declared_exchange", null, null, RejectionReason.BAD_DECLARED_EXCHANGE);

    private static final MessageField[] ALL = values();
    private static final Map<String, MessageField> BY_NAME =
            Arrays.stream(ALL).collect(Collectors.toMap(field -> field.json, field -> field));

    /** Its name in a record. */
    final String json;

    /** What is in the row of a message without it, if there may be one. */
    final Long absent;

    /** Why there may be none. */
    final RejectionReason ifAbsent;

    private final String column;
    private final RejectionReason ifBad;

    MessageField(String json, String column, Long absent, RejectionReason ifAbsent, RejectionReason ifBad) {
        this.json = json;
        this.column = column;
        this.absent = absent;
        this.ifAbsent = ifAbsent;
        this.ifBad = ifBad;
    }

    /** Return where in a row each field stands, in the order of the fields. */
    static int[] places(RowLayout layout) {
        int[] places = new int[ALL.length];
        for (MessageField field : ALL) {
            places[field.ordinal()] = layout.place(field.column);
        }
        return places;
    }

    /** Read an object up to its end, whatever is wrong with it; return the first field's reason, or null. */
    static RejectionReason read(JsonParser parser, GenericRowData row, int[] places) throws IOException {
        for (MessageField field : ALL) {
            row.setField(places[field.ordinal()], field.absent);
        }
        int bad = 0;
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            MessageField field = BY_NAME.get(parser.currentName());
            JsonToken token = parser.nextToken();
            if (field != null) {
                boolean isBad = !field.take(token, parser, row, places[field.ordinal()]);
                bad = isBad ? bad | 1 << field.ordinal() : bad & ~(1 << field.ordinal());
            }
            parser.skipChildren();
        }
        return firstReason(bad, row, places);
    }

    private static RejectionReason firstReason(int bad, GenericRowData row, int[] places) {
        for (MessageField field : ALL) {
            if ((bad & 1 << field.ordinal()) != 0) {
                return field.ifBad;
            }
            if (field.ifAbsent != null && row.isNullAt(places[field.ordinal()])) {
                return field.ifAbsent;
            }
        }
        return null;
    }

    /** Put the value into the row; tell whether it is one that may be there. */
    private boolean take(JsonToken token, JsonParser parser, GenericRowData row, int place) throws IOException {
        if (token == JsonToken.VALUE_NULL) {
            row.setField(place, absent);
            return true;
        }
        switch (this) {
            case CONNECTION_ID:
                return takeText(token, parser, row, place, 1, SharedConstants.MAX_ID_CHARACTERS);
            case DECLARED_EXCHANGE:
                return takeText(token, parser, row, place, 1, SharedConstants.MAX_EXCHANGE_CHARACTERS);
            default:
                long number = this == MSG_TYPE ? typeCode(token, parser) : number(token, parser);
                row.setField(place, number);
                return isInRange(number);
        }
    }

    private static boolean takeText(
            JsonToken token, JsonParser parser, GenericRowData row, int place, int fewest, int most)
            throws IOException {
        if (token != JsonToken.VALUE_STRING) {
            return false;
        }
        String text = parser.getText();
        row.setField(place, StringData.fromString(text));
        return Text.isPrintable(text, fewest, most);
    }

    /** Tell whether it may be this number. */
    boolean isInRange(long number) {
        switch (this) {
            case MSG_TYPE:
            case PAYLOAD_BYTES:
                return number >= 0;
            case RECV_TS_NS:
                return number >= SharedConstants.START_NS && number < SharedConstants.END_NS;
            default:
                return number != SharedConstants.MISSING;
        }
    }

    /** Read a number; what is none, or does not fit 64 bits, is {@link SharedConstants#MISSING}. */
    private static long number(JsonToken token, JsonParser parser) throws IOException {
        boolean fits =
                token == JsonToken.VALUE_NUMBER_INT && parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER;
        return fits ? parser.getLongValue() : SharedConstants.MISSING;
    }

    /** Return the code of a type; -1 if it is none. */
    private static long typeCode(JsonToken token, JsonParser parser) throws IOException {
        return token == JsonToken.VALUE_STRING ? SharedConstants.MSG_TYPES.indexOf(parser.getText()) : -1;
    }
}
