package exchangefingerprint.flink.verdicts;

import static org.junit.jupiter.api.Assertions.assertEquals;

import exchangefingerprint.flink.SharedConstants;
import exchangefingerprint.flink.windows.Windows;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** If this fails, what is kept has changed: raise STATE_LAYOUT in {@code udfs/schema.py} as well. */
class StateFieldsTest {
    @Test
    void theLayoutIsThis() {
        assertEquals(3, SharedConstants.STATE_LAYOUT);
        assertEquals(
                List.of("layout StateLayout", "history String", "segment Long", "model_version String",
                        "last_offset Long"),
                fields(History.State.class));
        assertEquals(
                List.of("layout StateLayout", "verdict Verdict", "declared String", "segment Long",
                        "model_version String", "last_offset Long"),
                fields(CurrentVerdict.State.class));
        assertEquals(
                List.of("certain String", "certain_probability Double", "certain_strength_nats Double",
                        "certain_suffix_windows Long", "certain_since_at String", "certain_since_offset Long",
                        "certain_after_messages Long", "previous_verdict String", "certain_before String",
                        "declared_before String"),
                fields(CurrentVerdict.Verdict.class));
        assertEquals(List.of("calls long", "ring MessageRing"), fields(Windows.State.class));
    }

    private static List<String> fields(Class<?> type) {
        return Arrays.stream(type.getDeclaredFields())
                .filter(field -> !field.isSynthetic())
                .map(field -> field.getName() + " " + field.getType().getSimpleName())
                .collect(Collectors.toList());
    }
}
