package exchangefingerprint.flink.verdicts;

import static org.apache.flink.table.annotation.ArgumentTrait.PASS_COLUMNS_THROUGH;
import static org.apache.flink.table.annotation.ArgumentTrait.SET_SEMANTIC_TABLE;

import exchangefingerprint.flink.state.StateLayout;
import org.apache.flink.table.annotation.ArgumentHint;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.StateHint;
import org.apache.flink.table.functions.ProcessTableFunction;
import org.apache.flink.types.Row;

/**
 * Adds to every window the records of its connection's last windows, its own as the last.
 *
 * <p>A new segment of the connection starts without any, and so does another model: its records are of its own length.
 */
public final class History extends ProcessTableFunction<History.Records> {
    private static final long serialVersionUID = 1L;

    /** What is added. */
    public static final class Records {
        /** One record after the other, the oldest first. */
        public String history;
    }

    /** What is kept of a connection. */
    public static final class State {
        @DataTypeHint(value = "RAW", bridgedTo = StateLayout.class, rawSerializer = StateLayout.Serializer.class)
        public StateLayout layout;

        public String history;
        public Long segment;
        public String model_version;

        /** Offset of the window's last message; that it differs every time refreshes the state's time to live. */
        public Long last_offset;
    }

    /** Take in a window of the connection. */
    public void eval(
            @StateHint State state,
            @ArgumentHint({SET_SEMANTIC_TABLE, PASS_COLUMNS_THROUGH}) Row scored,
            Integer most_windows) {
        String record = scored.getFieldAs("history_record");
        Long segment = scored.getFieldAs("segment");
        String model = scored.getFieldAs("model_version");
        boolean goesOn = segment.equals(state.segment) && model.equals(state.model_version);
        state.layout = StateLayout.CURRENT;
        String before = goesOn ? state.history : "";
        int kept = Math.min(before.length(), (most_windows - 1) * record.length());
        state.history = before.substring(before.length() - kept) + record;
        state.segment = segment;
        state.model_version = model;
        state.last_offset = scored.getFieldAs("last_offset");
        Records records = new Records();
        records.history = state.history;
        collect(records);
    }
}
