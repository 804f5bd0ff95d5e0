package exchangefingerprint.flink.planned;

import java.util.List;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.dag.Transformation;
import org.apache.flink.table.data.RowData;

/** What comes before an operator, for tests: no rows. */
public final class Nothing extends Transformation<RowData> {
    private static final long serialVersionUID = 1L;

    /** Of rows of a type. */
    public Nothing(TypeInformation<RowData> type) {
        super("nothing", type, 1);
    }

    @Override
    protected List<Transformation<?>> getTransitivePredecessorsInternal() {
        return List.of(this);
    }

    @Override
    public List<Transformation<?>> getInputs() {
        return List.of();
    }
}
