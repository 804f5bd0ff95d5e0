package exchangefingerprint.flink.state;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import exchangefingerprint.flink.SharedConstants;
import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.junit.jupiter.api.Test;

class StateLayoutTest {
    private static final int OTHER = SharedConstants.STATE_LAYOUT + 1;
    private static final String SENTENCE = "Expected job state of layout " + SharedConstants.STATE_LAYOUT
            + ", found layout " + OTHER + ": submit the job without --resume and --from-savepoint, which reads the"
            + " topic from its beginning and gives the same results.";

    private final StateLayout.Serializer serializer = new StateLayout.Serializer();

    @Test
    void itIsOneByte() throws IOException {
        byte[] bytes = Bytes.of(serializer, StateLayout.CURRENT);
        assertArrayEquals(new byte[] {SharedConstants.STATE_LAYOUT}, bytes);
        assertSame(StateLayout.CURRENT, Bytes.read(serializer, bytes));
    }

    @Test
    void valuesOfAnotherVersionAreRefusedInOneSentence() {
        IOException refused = assertThrows(IOException.class, () -> Bytes.read(serializer, new byte[] {OTHER}));
        assertEquals(SENTENCE, refused.getMessage());
    }

    @Test
    void aCheckpointOfThisVersionIsRestored() throws IOException {
        TypeSerializerSnapshot<StateLayout> restored = Bytes.restored(serializer, SharedConstants.STATE_LAYOUT);
        assertInstanceOf(StateLayout.Serializer.class, restored.restoreSerializer());
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
