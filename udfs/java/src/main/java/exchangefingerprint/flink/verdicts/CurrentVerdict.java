package exchangefingerprint.flink.verdicts;

import static org.apache.flink.table.annotation.ArgumentTrait.PASS_COLUMNS_THROUGH;
import static org.apache.flink.table.annotation.ArgumentTrait.SET_SEMANTIC_TABLE;

import exchangefingerprint.flink.state.StateLayout;
import java.util.Objects;
import org.apache.flink.table.annotation.ArgumentHint;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.StateHint;
import org.apache.flink.table.functions.ProcessTableFunction;
import org.apache.flink.types.Row;

/**
 * Adds to every window what stands for its connection from then on, and what stood before.
 *
 * <p>The first class that is decisive stands until another one overturns it; a window that could overturn also upholds.
 * In a new segment of the connection, or before another model, nothing stands.
 */
public final class CurrentVerdict extends ProcessTableFunction<CurrentVerdict.Verdict> {
    private static final long serialVersionUID = 1L;

    /** What stands; null where nothing does. */
    public static class Verdict {
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
    public static final class State {
        @DataTypeHint(value = "RAW", bridgedTo = StateLayout.class, rawSerializer = StateLayout.Serializer.class)
        public StateLayout layout;

        /** What stood at the last window. */
        public Verdict verdict;

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
            @StateHint State state, @ArgumentHint({SET_SEMANTIC_TABLE, PASS_COLUMNS_THROUGH}) Row decided) {
        Long segment = decided.getFieldAs("segment");
        String model = decided.getFieldAs("model_version");
        if (!segment.equals(state.segment) || !model.equals(state.model_version)) {
            state.segment = segment;
            state.model_version = model;
            state.verdict = new Verdict();
            state.declared = null;
        }
        state.layout = StateLayout.CURRENT;
        state.verdict = next(state.verdict, state.declared, decided);
        state.declared = decided.getFieldAs("declared_exchange");
        state.last_offset = decided.getFieldAs("last_offset");
        collect(state.verdict);
    }

    private static Verdict next(Verdict before, String declaredBefore, Row decided) {
        Verdict verdict = new Verdict();
        verdict.certain_before = before.certain;
        verdict.declared_before = declaredBefore;
        String decisive = decided.getFieldAs("decisive");
        boolean isUpheld = decided.<Boolean>getFieldAs("overturns") || before.certain == null && decisive != null;
        verdict.certain = isUpheld ? decisive : before.certain;
        verdict.certain_probability = isUpheld ? decided.getFieldAs("probability") : before.certain_probability;
        verdict.certain_strength_nats = isUpheld ? decided.getFieldAs("strength_nats") : before.certain_strength_nats;
        verdict.certain_suffix_windows =
                isUpheld ? decided.getFieldAs("suffix_windows") : before.certain_suffix_windows;
        boolean isFirst = isUpheld && before.certain == null;
        verdict.certain_after_messages = isFirst ? decided.getFieldAs("n") : before.certain_after_messages;
        boolean isChanged = !Objects.equals(verdict.certain, before.certain);
        verdict.certain_since_at = isChanged ? decided.getFieldAs("since_at") : before.certain_since_at;
        verdict.certain_since_offset = isChanged ? decided.getFieldAs("since_offset") : before.certain_since_offset;
        verdict.previous_verdict = isChanged && !isFirst ? before.certain : before.previous_verdict;
        return verdict;
    }
}
