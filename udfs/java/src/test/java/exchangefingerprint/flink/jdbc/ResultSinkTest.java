package exchangefingerprint.flink.jdbc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.functions.sink.legacy.RichSinkFunction;
import org.apache.flink.table.data.RowData;
import org.junit.jupiter.api.Test;

@SuppressWarnings("deprecation") // as the sink itself
class ResultSinkTest {
    /** As the connector's: what failed once is thrown each time, and the connection is closed behind the last write. */
    private static final class Failing extends RichSinkFunction<RowData> implements CheckpointedFunction {
        private static final long serialVersionUID = 1L;

        private final List<String> done = new ArrayList<>();
        private boolean isClosed;

        @Override
        public void initializeState(FunctionInitializationContext context) {}

        @Override
        public void snapshotState(FunctionSnapshotContext context) {
            done.add("write");
            throw new IllegalStateException("no room");
        }

        @Override
        public void close() {
            if (!isClosed) {
                isClosed = true;
                snapshotState(null);
            }
            done.add("close connection");
            throw new IllegalStateException("no room");
        }
    }

    private final Failing jdbc = new Failing();
    private final ResultSink sink = new ResultSink(jdbc);

    @Test
    void aSinkThatCannotWriteIsClosedAllTheSame() throws Exception {
        sink.close();
        assertEquals(List.of("write", "close connection"), jdbc.done);
    }

    @Test
    void whatCannotBeWrittenAtTheEndFailsTheTask() {
        assertThrows(IllegalStateException.class, sink::finish);
        assertEquals(List.of("write"), jdbc.done);
    }
}
