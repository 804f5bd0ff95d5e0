package exchangefingerprint.flink.messages;

import exchangefingerprint.flink.RowLayout;
import exchangefingerprint.flink.SharedConstants;
import java.io.IOException;
import java.util.Arrays;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.table.data.GenericRowData;

/**
 * The fields of a message, in the order in which they are complained of: the column of each, what it may be, and why a
 * record without it is invalid.
 */
enum MessageField {
    CONNECTION_ID("connection_id", null, RejectionReason.NO_CONNECTION_ID, RejectionReason.BAD_CONNECTION_ID),
    RECV_TS_NS("recv_ts_ns", null, RejectionReason.NO_RECV_TS_NS, RejectionReason.BAD_RECV_TS_NS),
    MSG_TYPE("type_code", null, RejectionReason.NO_MSG_TYPE, RejectionReason.BAD_MSG_TYPE),
    EXCHANGE_TS_NS("exchange_ts_ns", SharedConstants.MISSING, null, RejectionReason.BAD_EXCHANGE_TS_NS),
    SEQ("seq", SharedConstants.MISSING, null, RejectionReason.BAD_SEQ),
    REQUEST_ID("request_id", SharedConstants.MISSING, null, RejectionReason.BAD_REQUEST_ID),
    PAYLOAD_BYTES("payload_bytes", SharedConstants.MISSING, null, RejectionReason.BAD_PAYLOAD_BYTES),
    DECLARED_EXCHANGE("declared_exchange", null, null, RejectionReason.BAD_DECLARED_EXCHANGE);

    private static final MessageField[] ALL = values();
    private static final char[][] TYPES =
            SharedConstants.MSG_TYPES.stream().map(String::toCharArray).toArray(char[][]::new);

    private final String column;
    private final Long absent;
    private final RejectionReason ifAbsent;
    private final RejectionReason ifBad;

    MessageField(String column, Long absent, RejectionReason ifAbsent, RejectionReason ifBad) {
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

    /** Return what remembers the texts of each field that has one. */
    static TextCache[] newTextCaches() {
        TextCache[] texts = new TextCache[ALL.length];
        texts[CONNECTION_ID.ordinal()] = new TextCache(1, SharedConstants.MAX_ID_CHARACTERS);
        texts[DECLARED_EXCHANGE.ordinal()] = new TextCache(0, SharedConstants.MAX_EXCHANGE_CHARACTERS);
        return texts;
    }

    /** Read an object up to its end, whatever is wrong with it; return the first field's reason, or null. */
    static RejectionReason read(JsonParser parser, GenericRowData row, int[] places, TextCache[] texts)
            throws IOException {
        for (MessageField field : ALL) {
            row.setField(places[field.ordinal()], field.absent);
        }
        int bad = 0;
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            MessageField field = named(parser.currentName());
            JsonToken token = parser.nextToken();
            if (field != null) {
                boolean isBad = !field.take(token, parser, row, places[field.ordinal()], texts);
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
    private boolean take(JsonToken token, JsonParser parser, GenericRowData row, int place, TextCache[] texts)
            throws IOException {
        if (token == JsonToken.VALUE_NULL) {
            row.setField(place, absent);
            return true;
        }
        switch (this) {
            case CONNECTION_ID:
            case DECLARED_EXCHANGE:
                return takeText(token, parser, row, place, texts[ordinal()]);
            default:
                long number = this == MSG_TYPE ? typeCode(token, parser) : number(token, parser);
                row.setField(place, number);
                return isInRange(number);
        }
    }

    private static boolean takeText(
            JsonToken token, JsonParser parser, GenericRowData row, int place, TextCache texts) throws IOException {
        if (token != JsonToken.VALUE_STRING) {
            return false;
        }
        TextCache.Entry entry = texts.read(parser);
        row.setField(place, entry.text());
        return entry.isAllowed();
    }

    private boolean isInRange(long number) {
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
        if (token == JsonToken.VALUE_STRING) {
            char[] buffer = parser.getTextCharacters();
            int begin = parser.getTextOffset();
            int end = begin + parser.getTextLength();
            for (int code = 0; code < TYPES.length; code++) {
                if (Arrays.equals(TYPES[code], 0, TYPES[code].length, buffer, begin, end)) {
                    return code;
                }
            }
        }
        return -1;
    }
}
