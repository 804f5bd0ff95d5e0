package exchangefingerprint.flink.messages;

import exchangefingerprint.flink.RowLayout;
import java.util.Set;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.format.DecodingFormat;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DeserializationFormatFactory;
import org.apache.flink.table.factories.DynamicTableFactory;
import org.apache.flink.table.types.DataType;

/**
 * The format {@code fingerprint-message}: one row for every record, be it a message or not.
 *
 * <p>The table has the columns of {@link MessageField}, {@code body} and {@code rejection_reason}, in any order.
 */
public final class MessageFormat implements DeserializationFormatFactory {
    @Override
    public String factoryIdentifier() {
        return "fingerprint-message";
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
    public DecodingFormat<DeserializationSchema<RowData>> createDecodingFormat(
            DynamicTableFactory.Context context, ReadableConfig options) {
        return new DecodingFormat<>() {
            @Override
            public ChangelogMode getChangelogMode() {
                return ChangelogMode.insertOnly();
            }

            @Override
            public DeserializationSchema<RowData> createRuntimeDecoder(
                    DynamicTableSource.Context context, DataType type) {
                return new MessageDecoder(
                        context.createTypeInformation(type), new RowLayout(DataType.getFieldNames(type)));
            }
        };
    }
}
