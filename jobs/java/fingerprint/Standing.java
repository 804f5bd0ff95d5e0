package fingerprint;

import static org.apache.flink.table.annotation.ArgumentTrait.PASS_COLUMNS_THROUGH;
import static org.apache.flink.table.annotation.ArgumentTrait.SET_SEMANTIC_TABLE;

import java.util.Objects;
import org.apache.flink.table.annotation.ArgumentHint;
import org.apache.flink.table.annotation.StateHint;
import org.apache.flink.table.functions.ProcessTableFunction;
import org.apache.flink.types.Row;

/**
 * Adds to every window what stands for its connection from then on, and what stood before.
 *
 * <p>The first class that is decisive stands until another one overturns it; a window that could overturn also upholds.
 * In a new segment of the connection, or before another model, nothing stands.
 */
public final class Standing extends ProcessTableFunction<Standing.Stands> {
    /** What stands; null where nothing does. */
    public static class Stands {
        /** The class, and the measures of the last window that made or upheld it. */
        public String certain;

        public Double certain_probability;
        public Double certain_strength_nats;
        public Long certain_suffix_windows;

        /** Since when it stands. */
        public String certain_since_at;

        public Long certain_since_offset;

        /** Messages of the connection when the first class was decisive. */
        public Long certain_after_messages;

        /** What stood before the last change. */
        public String previous_verdict;

        /** What stood, and what was declared, at the window before. */
        public String certain_before;

        public String declared_before;
    }

    /** What is kept of a connection. */
    public static final class Memory {
        /** What stood at the last window. */
        public Stands stands;

        /** What was declared there. */
        public String declared;

        /** The segment that it belongs to, and the model. */
        public Long segment;

        public String model_version;

        /** Offset of the window's last message; that it differs every time refreshes the state's time to live. */
        public Long last_offset;
    }

    /** Take in a window of the connection, with what was decided on it. */
    public void eval(
            @StateHint Memory memory, @ArgumentHint({SET_SEMANTIC_TABLE, PASS_COLUMNS_THROUGH}) Row decided) {
        Long segment = decided.getFieldAs("segment");
        String model = decided.getFieldAs("model_version");
        if (!segment.equals(memory.segment) || !model.equals(memory.model_version)) {
            memory.segment = segment;
            memory.model_version = model;
            memory.stands = new Stands();
            memory.declared = null;
        }
        memory.stands = next(memory.stands, memory.declared, decided);
        memory.declared = decided.getFieldAs("declared_exchange");
        memory.last_offset = decided.getFieldAs("last_offset");
        collect(memory.stands);
    }

    private static Stands next(Stands before, String declaredBefore, Row decided) {
        Stands stands = new Stands();
        stands.certain_before = before.certain;
        stands.declared_before = declaredBefore;
        String decisive = decided.getFieldAs("decisive");
        boolean isUpheld = decided.<Boolean>getFieldAs("overturns") || before.certain == null && decisive != null;
        stands.certain = isUpheld ? decisive : before.certain;
        stands.certain_probability = isUpheld ? decided.getFieldAs("probability") : before.certain_probability;
        stands.certain_strength_nats = isUpheld ? decided.getFieldAs("strength_nats") : before.certain_strength_nats;
        stands.certain_suffix_windows =
                isUpheld ? decided.getFieldAs("suffix_windows") : before.certain_suffix_windows;
        boolean isFirst = isUpheld && before.certain == null;
        stands.certain_after_messages = isFirst ? decided.getFieldAs("n") : before.certain_after_messages;
        boolean isChanged = !Objects.equals(stands.certain, before.certain);
        stands.certain_since_at = isChanged ? decided.getFieldAs("since_at") : before.certain_since_at;
        stands.certain_since_offset = isChanged ? decided.getFieldAs("since_offset") : before.certain_since_offset;
        stands.previous_verdict = isChanged && !isFirst ? before.certain : before.previous_verdict;
        return stands;
    }
}
