package exchangefingerprint.flink.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import exchangefingerprint.flink.SharedConstants;
import exchangefingerprint.flink.verdicts.ConnectionPast;
import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.junit.jupiter.api.Test;

class VersionedSerializerTest {
    private static final int OTHER = SharedConstants.STATE_LAYOUT + 1;
    private static final String SENTENCE = "Expected job state of layout " + SharedConstants.STATE_LAYOUT
            + ", found layout " + OTHER + ": submit the job without --resume and --from-savepoint, which reads the"
            + " topic from its beginning and gives the same results.";

    private final VersionedSerializer<ConnectionPast> serializer = new ConnectionPast.Serializer();

    @Test
    void theVersionComesFirst() throws IOException {
        assertEquals(SharedConstants.STATE_LAYOUT, Bytes.of(serializer, new ConnectionPast())[0]);
    }

    @Test
    void valuesOfAnotherVersionAreRefusedInOneSentence() throws IOException {
        byte[] bytes = Bytes.of(serializer, new ConnectionPast());
        bytes[0] = OTHER;
        IOException refused = assertThrows(IOException.class, () -> Bytes.read(serializer, bytes));
        assertEquals(SENTENCE, refused.getMessage());
    }

    @Test
    void aCheckpointOfThisVersionIsRestored() throws IOException {
        TypeSerializerSnapshot<ConnectionPast> restored = Bytes.restored(serializer, SharedConstants.STATE_LAYOUT);
        assertInstanceOf(ConnectionPast.Serializer.class, restored.restoreSerializer());
        assertTrue(serializer.snapshotConfiguration()
                .resolveSchemaCompatibility(restored)
                .isCompatibleAsIs());
    }

    @Test
    void aCheckpointOfAnotherVersionIsRefusedInOneSentence() {
        IOException refused = assertThrows(IOException.class, () -> Bytes.restored(serializer, OTHER));
        assertEquals(SENTENCE, refused.getMessage());
    }
}
