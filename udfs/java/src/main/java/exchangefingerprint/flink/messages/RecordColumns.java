package exchangefingerprint.flink.messages;

import java.io.Serializable;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;

/** Where in a row the columns stand that tell whether it is a message. */
record RecordColumns(int reason, int key, int connectionId) implements Serializable {
    static RecordColumns of(RowType type) {
        return new RecordColumns(
                place(type, "rejection_reason"), place(type, "record_key"), place(type, "connection_id"));
    }

    /** Tell whether it is a message of the connection that it is keyed by. */
    boolean isMessage(RowData record) {
        return record.isNullAt(reason)
                && !record.isNullAt(key)
                && record.getString(key).equals(record.getString(connectionId));
    }

    static int place(RowType type, String name) {
        int place = type.getFieldIndex(name);
        if (place < 0) {
            throw new IllegalStateException("Expected a column " + name + ", found " + type.getFieldNames());
        }
        return place;
    }
}
