package exchangefingerprint.flink.messages;

import exchangefingerprint.flink.RowLayout;
import exchangefingerprint.flink.SharedConstants;
import exchangefingerprint.flink.kafka.BoundedReading;
import java.io.IOException;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonFactory;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonFactoryBuilder;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.StreamReadConstraints;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;

/**
 * Reads a record's value in one pass: a message's fields, or the reason why it is none, and the bytes themselves.
 *
 * <p>NULL integers are {@link SharedConstants#MISSING}, a type is its code. Fields that are not known are passed over;
 * of one that is there twice the last counts. Python has the same rule, in {@code ingest}.
 */
final class MessageDecoder implements DeserializationSchema<RowData> {
    private static final long serialVersionUID = 1L;
    private static final String VALUES_BEGIN = "{[\"-0123456789tfn";
    private static final JsonFactory JSON = newFactory();

    private final TypeInformation<RowData> type;
    private final RowLayout layout;
    private final int[] places;
    private final int bodyPlace;
    private final int rejectionReasonPlace;
    private transient PlainMessage plain;

    MessageDecoder(TypeInformation<RowData> type, RowLayout layout) {
        this.type = type;
        this.layout = layout;
        this.places = MessageField.places(layout);
        this.bodyPlace = layout.place("body");
        this.rejectionReasonPlace = layout.place("rejection_reason");
    }

    @Override
    public void open(InitializationContext context) {
        BoundedReading.check();
    }

    @Override
    public RowData deserialize(byte[] body) {
        if (plain == null) {
            plain = new PlainMessage(places);
        }
        GenericRowData row = layout.newRow();
        RejectionReason reason = read(body, row);
        row.setField(bodyPlace, body);
        row.setField(rejectionReasonPlace, reason == null ? null : reason.sql);
        return row;
    }

    @Override
    public boolean isEndOfStream(RowData row) {
        return false;
    }

    @Override
    public TypeInformation<RowData> getProducedType() {
        return type;
    }

    private RejectionReason read(byte[] body, GenericRowData row) {
        if (body == null) {
            return RejectionReason.NULL_VALUE;
        }
        if (body.length > SharedConstants.MAX_VALUE_BYTES) {
            return RejectionReason.TOO_LARGE;
        }
        if (plain.read(body, row)) {
            return null;
        }
        return readAny(body, row);
    }

    /** Read a record that is not written plainly, or is no message. */
    RejectionReason readAny(byte[] body, GenericRowData row) {
        if (!Text.isUtf8(body)) {
            return RejectionReason.NOT_UTF8;
        }
        return looksLikeAnotherEncoding(body) ? RejectionReason.NOT_JSON : parse(body, row);
    }

    /** Jackson would guess UTF-16 or UTF-32 from zeros, and pass over a byte order mark. */
    private static boolean looksLikeAnotherEncoding(byte[] body) {
        for (int i = 0; i < Math.min(4, body.length); i++) {
            if (body[i] == 0) {
                return true;
            }
        }
        return body.length > 0 && body[0] == (byte) 0xEF;
    }

    private RejectionReason parse(byte[] body, GenericRowData row) {
        try (JsonParser parser = JSON.createParser(body)) {
            JsonToken first = parser.nextToken();
            if (first == JsonToken.START_OBJECT) {
                RejectionReason reason = MessageField.read(parser, row, places);
                RejectionReason behind = behind(body, (int) parser.currentLocation().getByteOffset());
                return behind == null ? reason : behind;
            }
            parser.skipChildren();
            return first != null && parser.nextToken() == null ? RejectionReason.NO_OBJECT : RejectionReason.NOT_JSON;
        } catch (IOException e) {
            return RejectionReason.NOT_JSON;
        }
    }

    /** Say what is wrong with what stands behind an object: its first character tells, whatever follows. */
    private static RejectionReason behind(byte[] body, int end) {
        for (int i = end; i < body.length; i++) {
            if (" \t\n\r".indexOf(body[i]) < 0) {
                boolean beginsValue = VALUES_BEGIN.indexOf(body[i]) >= 0;
                return beginsValue ? RejectionReason.MORE_THAN_ONE_VALUE : RejectionReason.NOT_JSON;
            }
        }
        return null;
    }

    /** Numbers and names may be as long as a record. Names that were chosen to collide are no error, only slow. */
    private static JsonFactory newFactory() {
        StreamReadConstraints limits =
                StreamReadConstraints.builder()
                        .maxNestingDepth(SharedConstants.MAX_DEPTH)
                        .maxNumberLength(SharedConstants.MAX_VALUE_BYTES)
                        .maxNameLength(SharedConstants.MAX_VALUE_BYTES)
                        .build();
        return new JsonFactoryBuilder()
                .streamReadConstraints(limits)
                .disable(JsonFactory.Feature.FAIL_ON_SYMBOL_HASH_OVERFLOW)
                .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                .build();
    }
}
