package exchangefingerprint.flink;

import java.io.Serializable;
import java.util.List;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.utils.LogicalTypeParser;

/** The places of a row's columns, by their names: where a column stands is said once, where the row is declared. */
public final class RowLayout implements Serializable {
    private static final long serialVersionUID = 1L;

    private final String[] names;

    /** Take the columns in their order. */
    public RowLayout(List<String> names) {
        this.names = names.toArray(String[]::new);
    }

    /** Read the columns of a type such as {@code ROW<kind STRING, n BIGINT>}. */
    public static RowLayout of(String type) {
        return new RowLayout(
                ((RowType) LogicalTypeParser.parse(type, RowLayout.class.getClassLoader())).getFieldNames());
    }

    /** Return the place of a column. */
    public int place(String name) {
        for (int place = 0; place < names.length; place++) {
            if (names[place].equals(name)) {
                return place;
            }
        }
        throw new IllegalArgumentException(
                "Expected a column " + name + ", found " + String.join(", ", names) + ": correct the declaration.");
    }

    /** Make a row whose columns are all NULL. */
    public GenericRowData newRow() {
        return new GenericRowData(names.length);
    }

    /** Put a value into a column of a row. */
    public void set(GenericRowData row, String name, Object value) {
        row.setField(place(name), value);
    }

    /** Return the columns in their order. */
    public List<String> names() {
        return List.of(names);
    }
}
