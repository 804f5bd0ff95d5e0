package exchangefingerprint.flink.jdbc;

import org.apache.flink.api.common.ExecutionConfig;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RuntimeContext;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.java.typeutils.InputTypeConfigurable;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.functions.sink.legacy.RichSinkFunction;
import org.apache.flink.table.data.RowData;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A sink of Flink's JDBC connector that ends its task where it cannot write, not the whole TaskManager.
 *
 * <p>When a task has failed, the connector tries to write what is left as it is closed, and what it throws then ends
 * the JVM, with all other jobs in it. What is left is written again after the restart.
 */
@SuppressWarnings("deprecation") // Flink's JDBC connector has no other sink for tables
final class ResultSink extends RichSinkFunction<RowData> implements CheckpointedFunction, InputTypeConfigurable {
    private static final long serialVersionUID = 1L;
    private static final Logger LOG = LoggerFactory.getLogger(ResultSink.class);

    private final RichSinkFunction<RowData> jdbc;

    ResultSink(RichSinkFunction<RowData> jdbc) {
        this.jdbc = jdbc;
    }

    @Override
    public void setInputType(TypeInformation<?> type, ExecutionConfig config) {
        ((InputTypeConfigurable) jdbc).setInputType(type, config);
    }

    @Override
    public void setRuntimeContext(RuntimeContext context) {
        super.setRuntimeContext(context);
        jdbc.setRuntimeContext(context);
    }

    @Override
    public void open(OpenContext context) throws Exception {
        jdbc.open(context);
        PatientFlushes.takeOver(jdbc);
    }

    @Override
    public void invoke(RowData row, Context context) throws Exception {
        jdbc.invoke(row, context);
    }

    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
        ((CheckpointedFunction) jdbc).initializeState(context);
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) throws Exception {
        ((CheckpointedFunction) jdbc).snapshotState(context);
    }

    /** Write what is left: at the end of a bounded topic nothing comes after this, and {@link #close} may fail. */
    @Override
    public void finish() throws Exception {
        jdbc.finish();
        snapshotState(null); // which it does not look at: all that it does is to write
    }

    @Override
    public void close() throws Exception {
        try {
            jdbc.close();
        } catch (RuntimeException error) {
            LOG.warn("Expected to write the last rows of a task that ends, found {}", error.toString());
            closeConnection();
        }
    }

    /** Close what was not, since writing came first: the second time, the connector writes nothing. */
    private void closeConnection() throws Exception {
        try {
            jdbc.close();
        } catch (RuntimeException again) {
            LOG.debug("The same complaint", again);
        }
    }
}
