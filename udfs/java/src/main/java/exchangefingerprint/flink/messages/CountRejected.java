package exchangefingerprint.flink.messages;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.metrics.Counter;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.ScalarFunction;

/** Counts rejected records by reason; its value is the reason. */
public final class CountRejected extends ScalarFunction {
    private static final long serialVersionUID = 1L;

    private transient Map<String, Counter> counters;

    @Override
    public void open(FunctionContext context) {
        counters = new HashMap<>();
        for (RejectionReason reason : RejectionReason.values()) {
            // One metric with a label, which Prometheus can add up; all from the start, so that the first is a rise.
            counters.put(reason.text, context.getMetricGroup().addGroup("reason", reason.text).counter("dead_letters"));
        }
    }

    /** Count one. */
    public String eval(String reason) {
        counters.get(reason).inc();
        return reason;
    }

    @Override
    public boolean isDeterministic() {
        return false;
    }
}
