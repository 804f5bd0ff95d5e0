package exchangefingerprint.flink.batches;

import exchangefingerprint.flink.planned.Planned;
import java.io.IOException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.api.dag.Transformation;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.python.PythonOptions;
import org.apache.flink.streaming.api.operators.SimpleOperatorFactory;
import org.apache.flink.streaming.api.runners.python.beam.BeamPythonFunctionRunner;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.functions.python.PythonFunctionInfo;
import org.apache.flink.table.runtime.generated.GeneratedProjection;
import org.apache.flink.table.runtime.operators.python.scalar.arrow.ArrowPythonScalarFunctionOperator;
import org.apache.flink.table.types.logical.RowType;

/**
 * Flink's operator for a vectorised Python function, which gathers longer while much is waiting, and then gathers on
 * while Python computes.
 *
 * <p>Flink's own gathers for the same time always: either a window waits long when there is nothing to do, or Python is
 * called for few windows when there is much. What is waiting anyway loses nothing by waiting for more company. And it
 * waits for the end of each call with nothing to do, and Python has nothing to do afterwards.
 *
 * <p>There is one call at a time. What comes meanwhile is kept here, up to what goes to Python at once. Nothing is
 * left with Python, and nothing here, when a checkpoint begins.
 */
public final class GrowingBatches extends ArrowPythonScalarFunctionOperator {
    private static final long serialVersionUID = 2L;

    private final Patience patience = new Patience();
    private final long bundleMs;
    private final int partSize;
    private transient ExecutorService calling;
    private transient MailboxExecutor mailbox;
    private transient long lastCallNs;
    private transient int gathered;
    private transient Call call;

    /** What Python is computing. */
    private static final class Call {
        private final int nWindows;
        private final long sinceLastNs;
        private volatile boolean isDone;
        private volatile Throwable failure;

        Call(int nWindows, long sinceLastNs) {
            this.nWindows = nWindows;
            this.sinceLastNs = sinceLastNs;
        }
    }

    private GrowingBatches(ArrowPythonScalarFunctionOperator planned) {
        super(
                (Configuration) Planned.read(planned, "config"),
                (PythonFunctionInfo[]) Planned.read(planned, "scalarFunctions"),
                (RowType) Planned.read(planned, "inputType"),
                (RowType) Planned.read(planned, "udfInputType"),
                (RowType) Planned.read(planned, "udfOutputType"),
                (GeneratedProjection) Planned.read(planned, "udfInputGeneratedProjection"),
                (GeneratedProjection) Planned.read(planned, "forwardedFieldGeneratedProjection"));
        Configuration config = (Configuration) Planned.read(planned, "config");
        bundleMs = config.get(PythonOptions.MAX_BUNDLE_TIME_MILLS);
        partSize = Math.min(config.get(PythonOptions.MAX_ARROW_BATCH_SIZE), config.get(PythonOptions.MAX_BUNDLE_SIZE));
    }

    @Override
    public void open() throws Exception {
        super.open();
        calling = Executors.newSingleThreadExecutor();
        mailbox = getContainingTask()
                .getMailboxExecutorFactory()
                .createExecutor(getOperatorConfig().getChainIndex());
        lastCallNs = System.nanoTime(); // which counts from anywhere
    }

    @Override
    public void processElementInternal(RowData window) throws Exception {
        if (++gathered == partSize) {
            // The part goes to Python now: into a call of its own, or into the one whose end has not come.
            awaitCall();
            gathered = 0;
        }
        super.processElementInternal(window);
    }

    /** Begin a call with what is gathered, unless one is going on, and wait for its end where few windows come. */
    @Override
    protected void invokeFinishBundle() throws Exception {
        if (call != null || elementCount == 0) {
            return;
        }
        long sinceLastNs = System.nanoTime() - lastCallNs;
        lastCallNs += sinceLastNs;
        Call next = new Call(elementCount, sinceLastNs);
        gathered = 0;
        elementCount = 0;
        // Of no element, Flink's own hands on what is gathered and waits for nothing.
        super.invokeFinishBundle();
        call = next;
        calling.submit(() -> flush(next));
        if (!patience.isLong()) {
            awaitCall();
        }
    }

    private void flush(Call of) {
        try {
            pythonFunctionRunner.flush();
        } catch (Throwable error) { // else the call would end as if nothing were wrong
            of.failure = error;
        } finally {
            of.isDone = true;
            ((BeamPythonFunctionRunner) pythonFunctionRunner).notifyNoMoreResults();
        }
        mailbox.execute(this::endCallIfDone, "rows that Python has computed");
    }

    /** Emit all that has come. Flink's own stops at the mark behind a call, and it may be that of the call before. */
    @Override
    protected void emitResults() throws Exception {
        Tuple3<String, byte[], Integer> result = pythonFunctionRunner.pollResult();
        while (result != null) {
            if (result.f2 != 0) {
                emitResult(result);
            }
            result = pythonFunctionRunner.pollResult();
        }
    }

    private void endCallIfDone() throws Exception {
        if (call != null && call.isDone) {
            endCall();
        }
    }

    private void awaitCall() throws Exception {
        if (call == null) {
            return;
        }
        while (!call.isDone) {
            Tuple3<String, byte[], Integer> result = pythonFunctionRunner.takeResult();
            if (result.f2 != 0) {
                emitResult(result);
            }
        }
        endCall();
    }

    private void endCall() throws Exception {
        Call done = call;
        call = null;
        emitResults();
        if (done.failure != null) {
            throw new IOException(
                    "Expected Python to compute " + done.nWindows + " windows, found an error", done.failure);
        }
        long gatherMs = patience.after(done.nWindows, done.sinceLastNs, System.nanoTime() - lastCallNs);
        // Flink's timer ticks every bundleMs, and calls Python once as much has gone by since this time. Counted from
        // the end of the call, the tick that comes soon after it is always too early, and a batch waits for the second.
        lastFinishBundleTime =
                getProcessingTimeService().getCurrentProcessingTime() + Math.max(gatherMs - bundleMs, -bundleMs / 2);
    }

    private void computeAll() throws Exception {
        awaitCall();
        invokeFinishBundle();
        awaitCall();
        if (!forwardedInputQueue.isEmpty()) {
            // A checkpoint would lose them.
            throw new IOException(
                    "Expected Python to compute all windows, found " + forwardedInputQueue.size() + " left");
        }
    }

    @Override
    public void prepareSnapshotPreBarrier(long checkpointId) throws Exception {
        computeAll();
        super.prepareSnapshotPreBarrier(checkpointId);
    }

    @Override
    public void processWatermark(Watermark mark) throws Exception {
        computeAll();
        super.processWatermark(mark);
    }

    @Override
    public void endInput() throws Exception {
        computeAll();
        super.endInput();
    }

    @Override
    public void close() throws Exception {
        try {
            super.close();
        } finally {
            if (calling != null) {
                calling.shutdownNow();
            }
        }
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
