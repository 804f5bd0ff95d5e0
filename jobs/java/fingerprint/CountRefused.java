package fingerprint;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.metrics.Counter;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.ScalarFunction;

/** Counts refused records by reason; its value is the reason. */
public final class CountRefused extends ScalarFunction {
    private transient Map<String, Counter> counters;

    @Override
    public void open(FunctionContext context) {
        counters = new HashMap<>();
        for (Reason reason : Reason.values()) {
            counters.put(reason.text, context.getMetricGroup().counter(reason.metric()));
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
