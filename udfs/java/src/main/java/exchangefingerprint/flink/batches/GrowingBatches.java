package exchangefingerprint.flink.batches;

import exchangefingerprint.flink.planned.Planned;
import java.util.function.Consumer;
import org.apache.flink.api.dag.Transformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.python.PythonOptions;
import org.apache.flink.streaming.api.operators.SimpleOperatorFactory;
import org.apache.flink.table.functions.python.PythonFunctionInfo;
import org.apache.flink.table.runtime.generated.GeneratedProjection;
import org.apache.flink.table.runtime.operators.python.scalar.arrow.ArrowPythonScalarFunctionOperator;
import org.apache.flink.table.types.logical.RowType;

/**
 * Flink's operator for a vectorised Python function, which gathers longer while much is waiting.
 *
 * <p>Flink's own gathers for the same time always: either a window waits long when there is nothing to do, or Python is
 * called for few windows when there is much. What is waiting anyway loses nothing by waiting for more company.
 */
public final class GrowingBatches extends ArrowPythonScalarFunctionOperator {
    private static final long serialVersionUID = 1L;

    private final Patience patience = new Patience();
    private final long bundleMs;
    private transient long lastCallNs;

    private GrowingBatches(ArrowPythonScalarFunctionOperator planned) {
        super(
                (Configuration) Planned.read(planned, "config"),
                (PythonFunctionInfo[]) Planned.read(planned, "scalarFunctions"),
                (RowType) Planned.read(planned, "inputType"),
                (RowType) Planned.read(planned, "udfInputType"),
                (RowType) Planned.read(planned, "udfOutputType"),
                (GeneratedProjection) Planned.read(planned, "udfInputGeneratedProjection"),
                (GeneratedProjection) Planned.read(planned, "forwardedFieldGeneratedProjection"));
        bundleMs = ((Configuration) Planned.read(planned, "config")).get(PythonOptions.MAX_BUNDLE_TIME_MILLS);
    }

    @Override
    public void open() throws Exception {
        super.open();
        lastCallNs = System.nanoTime(); // which counts from anywhere
    }

    @Override
    protected void invokeFinishBundle() throws Exception {
        int nWindows = elementCount;
        if (nWindows == 0) {
            super.invokeFinishBundle();
            return;
        }
        long sinceLastNs = System.nanoTime() - lastCallNs;
        lastCallNs += sinceLastNs;
        super.invokeFinishBundle();
        long gatherMs = patience.after(nWindows, sinceLastNs, System.nanoTime() - lastCallNs);
        // Flink's timer ticks every bundleMs, and calls Python once as much has gone by since this time. Counted from
        // the end of the call, the tick that comes soon after it is always too early, and a batch waits for the second.
        lastFinishBundleTime += Math.max(gatherMs - bundleMs, -bundleMs / 2);
    }

    /** Puts this operator where the planner has put Flink's. */
    public static final class InPlace implements Consumer<Transformation<?>> {
        @Override
        public void accept(Transformation<?> planned) {
            SimpleOperatorFactory<?> factory = (SimpleOperatorFactory<?>) Planned.factory(planned);
            GrowingBatches ours = new GrowingBatches((ArrowPythonScalarFunctionOperator) factory.getOperator());
            Planned.replace(planned, SimpleOperatorFactory.of(ours));
        }
    }
}
