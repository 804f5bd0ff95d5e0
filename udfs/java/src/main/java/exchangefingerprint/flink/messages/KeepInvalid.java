package exchangefingerprint.flink.messages;

import exchangefingerprint.flink.planned.Planned;
import java.util.List;
import java.util.function.Consumer;
import org.apache.flink.api.dag.Transformation;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.SimpleOperatorFactory;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.types.logical.RowType;

/**
 * Passes on what is no message of the connection that it is keyed by, with the reason.
 *
 * <p>It does what the planner's own operator does for this view, which copies the texts of each message before it finds
 * that it is one.
 */
public final class KeepInvalid extends AbstractStreamOperator<RowData>
        implements OneInputStreamOperator<RowData, RowData> {
    private static final long serialVersionUID = 1L;

    private final RecordColumns in;
    private final int body;
    private final int partition;
    private final int offset;
    private final List<String> out;
    private final Rejection rejection = new Rejection();

    KeepInvalid(RowType in, RowType out) {
        this.in = RecordColumns.of(in);
        body = RecordColumns.place(in, "body");
        partition = RecordColumns.place(in, "kafka_partition");
        offset = RecordColumns.place(in, "kafka_offset");
        this.out = List.copyOf(out.getFieldNames());
    }

    @Override
    public void processElement(StreamRecord<RowData> element) {
        RowData record = element.getValue();
        if (!in.isMessage(record)) {
            output.collect(new StreamRecord<>(rejected(record)));
        }
    }

    /** Lay out a record that is no message. */
    GenericRowData rejected(RowData record) {
        GenericRowData row = new GenericRowData(out.size());
        for (int at = 0; at < out.size(); at++) {
            row.setField(at, value(record, out.get(at)));
        }
        return row;
    }

    private Object value(RowData record, String column) {
        switch (column) {
            case "record_key":
                return record.isNullAt(in.key()) ? null : record.getString(in.key()).toBytes();
            case "body":
                return record.isNullAt(body) ? null : record.getBinary(body);
            case "kafka_partition":
                return record.getInt(partition);
            case "kafka_offset":
                return record.getLong(offset);
            case "reason":
                return StringData.fromString(rejection.eval(text(record, in.reason()), text(record, in.key())));
            default:
                throw new IllegalStateException("Expected the columns of a rejected record, found " + column);
        }
    }

    private static String text(RowData record, int place) {
        return record.isNullAt(place) ? null : record.getString(place).toString();
    }

    /** Puts this operator where the planner has put its own. */
    public static final class InPlace implements Consumer<Transformation<?>> {
        @Override
        public void accept(Transformation<?> planned) {
            KeepInvalid ours = new KeepInvalid(Planned.inputType(planned), Planned.outputType(planned));
            Planned.replace(planned, SimpleOperatorFactory.of(ours));
        }
    }
}
