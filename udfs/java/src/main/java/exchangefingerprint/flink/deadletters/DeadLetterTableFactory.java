package exchangefingerprint.flink.deadletters;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.SinkV2Provider;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.factories.FactoryUtil;

/** The connector {@code fingerprint-dead-letters}: rows of {@link DeadLetter#TABLE} become records of a topic. */
public final class DeadLetterTableFactory implements DynamicTableSinkFactory {
    private static final String PROPERTIES = "properties.";
    private static final ConfigOption<String> KAFKA = text(PROPERTIES + "bootstrap.servers");
    private static final ConfigOption<String> TOPIC = text("topic");
    private static final ConfigOption<String> SOURCE_TOPIC = text("source-topic");
    private static final ConfigOption<String> URL = text("url");

    private static ConfigOption<String> text(String name) {
        return ConfigOptions.key(name).stringType().noDefaultValue();
    }

    @Override
    public String factoryIdentifier() {
        return "fingerprint-dead-letters";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(KAFKA, TOPIC, SOURCE_TOPIC, URL);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of();
    }

    @Override
    public DynamicTableSink createDynamicTableSink(Context context) {
        FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        helper.validateExcept(PROPERTIES);
        ReadableConfig options = helper.getOptions();
        return new DeadLetterTable(
                new DeadLetterSink(
                        kafka(context.getCatalogTable().getOptions()),
                        options.get(TOPIC),
                        options.get(SOURCE_TOPIC),
                        options.get(URL)));
    }

    private static Map<String, String> kafka(Map<String, String> options) {
        Map<String, String> found = new HashMap<>();
        options.forEach(
                (name, value) -> {
                    if (name.startsWith(PROPERTIES)) {
                        found.put(name.substring(PROPERTIES.length()), value);
                    }
                });
        return found;
    }

    private record DeadLetterTable(DeadLetterSink sink) implements DynamicTableSink {
        @Override
        public ChangelogMode getChangelogMode(ChangelogMode requested) {
            return ChangelogMode.insertOnly();
        }

        @Override
        public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
            return SinkV2Provider.of(sink);
        }

        @Override
        public DynamicTableSink copy() {
            return this;
        }

        @Override
        public String asSummaryString() {
            return "dead letters";
        }
    }
}
