package exchangefingerprint.flink.jdbc;

import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.streaming.api.functions.sink.legacy.RichSinkFunction;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.legacy.SinkFunctionProvider;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.factories.FactoryUtil;

/**
 * The connector {@code fingerprint-results}: Flink's JDBC connector, whose options it has, in a {@link ResultSink} and
 * with {@link FloatArrays}.
 */
public final class ResultTableFactory implements DynamicTableSinkFactory {
    @Override
    public String factoryIdentifier() {
        return "fingerprint-results";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of();
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of();
    }

    @Override
    public DynamicTableSink createDynamicTableSink(Context context) {
        DynamicTableSinkFactory jdbc =
                FactoryUtil.discoverFactory(context.getClassLoader(), DynamicTableSinkFactory.class, "jdbc");
        DynamicTableSink sink = jdbc.createDynamicTableSink(context);
        FloatArrays.teach(sink);
        return new ResultTable(sink);
    }

    private record ResultTable(DynamicTableSink jdbc) implements DynamicTableSink {
        @Override
        public ChangelogMode getChangelogMode(ChangelogMode requested) {
            return jdbc.getChangelogMode(requested);
        }

        @Override
        @SuppressWarnings("deprecation") // as the sink itself
        public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
            SinkFunctionProvider provider = (SinkFunctionProvider) jdbc.getSinkRuntimeProvider(context);
            RichSinkFunction<RowData> sink = (RichSinkFunction<RowData>) provider.createSinkFunction();
            return SinkFunctionProvider.of(new ResultSink(sink), provider.getParallelism().orElse(null));
        }

        @Override
        public DynamicTableSink copy() {
            return new ResultTable(jdbc.copy());
        }

        @Override
        public String asSummaryString() {
            return jdbc.asSummaryString();
        }
    }
}
