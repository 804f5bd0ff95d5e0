package exchangefingerprint.flink.messages;

import exchangefingerprint.flink.planned.Planned;
import java.util.List;
import java.util.function.Consumer;
import org.apache.flink.api.dag.Transformation;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.SimpleOperatorFactory;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.binary.BinaryRowData;
import org.apache.flink.table.data.binary.BinaryStringData;
import org.apache.flink.table.data.writer.BinaryRowWriter;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.RowType;

/**
 * Passes on what is a message of the connection that it is keyed by, written once, as it goes to the network.
 *
 * <p>It does what the planner's own operator does for this view, which copies each text of each record before it looks
 * at any, and writes what is left a second time.
 */
public final class KeepMessages extends AbstractStreamOperator<RowData>
        implements OneInputStreamOperator<RowData, RowData> {
    private static final long serialVersionUID = 1L;

    private final RecordColumns in;
    private final int[] places;
    private final LogicalTypeRoot[] types;

    private transient BinaryRowData row;
    private transient BinaryRowWriter writer;
    private transient StreamRecord<RowData> out;

    KeepMessages(RowType in, RowType out) {
        this.in = RecordColumns.of(in);
        List<String> names = out.getFieldNames();
        places = names.stream().mapToInt(name -> RecordColumns.place(in, name)).toArray();
        types = out.getChildren().stream().map(type -> type.getTypeRoot()).toArray(LogicalTypeRoot[]::new);
    }

    @Override
    public void open() throws Exception {
        super.open();
        prepare();
    }

    /** Make what is used again for each row. */
    void prepare() {
        row = new BinaryRowData(places.length);
        writer = new BinaryRowWriter(row);
        out = new StreamRecord<>(null);
    }

    @Override
    public void processElement(StreamRecord<RowData> element) {
        RowData record = element.getValue();
        if (in.isMessage(record)) {
            output.collect(out.replace(written(record)));
        }
    }

    /** Write the columns that go on; the next one overwrites the row. */
    RowData written(RowData record) {
        writer.reset();
        for (int at = 0; at < places.length; at++) {
            int place = places[at];
            if (record.isNullAt(place)) {
                writer.setNullAt(at);
                continue;
            }
            switch (types[at]) {
                case BIGINT:
                    writer.writeLong(at, record.getLong(place));
                    break;
                case INTEGER:
                    writer.writeInt(at, record.getInt(place));
                    break;
                case VARCHAR:
                    writer.writeString(at, (BinaryStringData) record.getString(place));
                    break;
                default:
                    throw new IllegalStateException(
                            "Expected a number or a text in column " + at + ", found " + types[at]);
            }
        }
        writer.complete();
        return row;
    }

    /** Puts this operator where the planner has put its own. */
    public static final class InPlace implements Consumer<Transformation<?>> {
        @Override
        public void accept(Transformation<?> planned) {
            KeepMessages ours = new KeepMessages(Planned.inputType(planned), Planned.outputType(planned));
            Planned.replace(planned, SimpleOperatorFactory.of(ours));
        }
    }
}
