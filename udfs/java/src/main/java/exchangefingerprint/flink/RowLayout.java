package exchangefingerprint.flink;

import java.io.Serializable;
import java.util.HashMap;
import java.util.List;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.utils.LogicalTypeParser;

/** The places of a row's columns, by their names: where a column stands is said once, where the row is declared. */
public final class RowLayout implements Serializable {
    private static final long serialVersionUID = 1L;

    private final String[] names;
    private final HashMap<String, Integer> places = new HashMap<>();

    /** Take the columns in their order. */
    public RowLayout(List<String> names) {
        this.names = names.toArray(String[]::new);
        for (int place = 0; place < this.names.length; place++) {
            places.put(this.names[place], place);
        }
    }

    /** Read the columns of a type such as {@code ROW<kind STRING, n BIGINT>}. */
    public static RowLayout of(String type) {
        return new RowLayout(
                ((RowType) LogicalTypeParser.parse(type, RowLayout.class.getClassLoader())).getFieldNames());
    }

    /** Return the place of a column. */
    public int place(String name) {
        Integer place = places.get(name);
        if (place == null) {
            throw new IllegalArgumentException(
                    "Expected a column " + name + ", found " + String.join(", ", names) + ": correct the declaration.");
        }
        return place;
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
