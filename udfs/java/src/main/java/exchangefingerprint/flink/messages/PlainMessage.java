package exchangefingerprint.flink.messages;

import exchangefingerprint.flink.SharedConstants;
import java.util.Arrays;
import java.util.stream.Stream;
import org.apache.flink.table.data.GenericRowData;

/**
 * Reads a message that is written plainly, straight from its bytes: fields that are known, each once, whose values are
 * null, whole numbers, or texts of printable ASCII without a backslash.
 *
 * <p>Nearly all messages are. Whatever is not, be it right or wrong, is left to the parser: this says no.
 */
final class PlainMessage {
    private static final MessageField[] FIELDS = MessageField.values();
    private static final KnownText[] NAMES = quoted(Arrays.stream(FIELDS).map(field -> field.json));
    private static final KnownText[] TYPES = quoted(SharedConstants.MSG_TYPES.stream());
    private static final KnownText NULL = new KnownText("null");
    private static final int MOST_DIGITS = 19;

    private final int[] places;
    private final TextCache texts = new TextCache();
    private final int[] followers = new int[FIELDS.length + 1];
    private byte[] body;
    private int at;

    /** Take where in a row each field stands. */
    PlainMessage(int[] places) {
        this.places = places;
    }

    /** Put the fields into a row and say yes; or say no, and leave there whatever it is. */
    boolean read(byte[] message, GenericRowData row) {
        body = message;
        at = 0;
        int seen = 0;
        int field = -1;
        if (!takes('{')) {
            return false;
        }
        do {
            field = name(field);
            if (field < 0 || (seen & 1 << field) != 0 || !takes(':') || !takesValue(FIELDS[field], row)) {
                return false;
            }
            seen |= 1 << field;
        } while (takes(','));
        return takes('}') && isAtEnd() && fillIn(seen, row);
    }

    private boolean isAtEnd() {
        passSpace();
        return at == body.length;
    }

    private boolean fillIn(int seen, GenericRowData row) {
        for (MessageField field : FIELDS) {
            if ((seen & 1 << field.ordinal()) == 0) {
                if (field.ifAbsent != null) {
                    return false;
                }
                row.setField(places[field.ordinal()], field.absent);
            }
        }
        return true;
    }

    private void passSpace() {
        while (at < body.length && (body[at] == ' ' || body[at] == '\n' || body[at] == '\r' || body[at] == '\t')) {
            at++;
        }
    }

    private boolean takes(char character) {
        passSpace();
        if (at < body.length && body[at] == character) {
            at++;
            return true;
        }
        return false;
    }

    /** Pass a field's name, most likely the one that followed the field before last time; -1 if it is none. */
    private int name(int before) {
        passSpace();
        int likely = followers[before + 1];
        if (takes(NAMES[likely])) {
            return likely;
        }
        for (int field = 0; field < NAMES.length; field++) {
            if (takes(NAMES[field])) {
                followers[before + 1] = field;
                return field;
            }
        }
        return -1;
    }

    private boolean takes(KnownText text) {
        if (text.isAt(body, at)) {
            at += text.length();
            return true;
        }
        return false;
    }

    private boolean takesValue(MessageField field, GenericRowData row) {
        passSpace();
        if (at == body.length) {
            return false;
        }
        int place = places[field.ordinal()];
        if (body[at] == 'n' && takes(NULL)) {
            row.setField(place, field.absent);
            return field.ifAbsent == null;
        }
        switch (field) {
            case CONNECTION_ID:
                return takesText(row, place, 1, SharedConstants.MAX_ID_CHARACTERS);
            case DECLARED_EXCHANGE:
                return takesText(row, place, 1, SharedConstants.MAX_EXCHANGE_CHARACTERS);
            case MSG_TYPE:
                return takesType(row, place);
            default:
                return takesNumber(field, row, place);
        }
    }

    private boolean takesText(GenericRowData row, int place, int fewest, int most) {
        int end = textEnd();
        if (end < 0 || end - at < fewest || end - at > most) {
            return false;
        }
        row.setField(place, texts.text(body, at, end));
        at = end + 1;
        return true;
    }

    private boolean takesType(GenericRowData row, int place) {
        for (int code = 0; code < TYPES.length; code++) {
            if (takes(TYPES[code])) {
                row.setField(place, (long) code);
                return true;
            }
        }
        return false;
    }

    /** Pass the quote before a text, and return where the one behind it stands; -1 if it is no plain text. */
    private int textEnd() {
        if (body[at] != '"') {
            return -1;
        }
        at++;
        for (int end = at; end < body.length; end++) {
            byte character = body[end];
            if (character == '"') {
                return end;
            }
            if (character < ' ' || character > '~' || character == '\\') {
                return -1;
            }
        }
        return -1;
    }

    private boolean takesNumber(MessageField field, GenericRowData row, int place) {
        boolean isNegative = body[at] == '-';
        int begin = isNegative ? at + 1 : at;
        long number = 0;
        int end = begin;
        while (end < body.length && end - begin < MOST_DIGITS && body[end] >= '0' && body[end] <= '9') {
            number = 10 * number + body[end] - '0';
            end++;
        }
        // Of nineteen digits that are too many for 64 bits, the sum is below 0.
        boolean isPlain = end > begin && number >= 0 && (body[begin] != '0' || end == begin + 1 && !isNegative);
        at = end;
        long signed = isNegative ? -number : number;
        row.setField(place, signed);
        return isPlain && field.isInRange(signed);
    }

    private static KnownText[] quoted(Stream<String> texts) {
        return texts.map(text -> new KnownText('"' + text + '"')).toArray(KnownText[]::new);
    }
}
