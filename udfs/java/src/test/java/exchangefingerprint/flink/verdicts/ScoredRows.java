package exchangefingerprint.flink.verdicts;

import exchangefingerprint.flink.RowLayout;
import exchangefingerprint.flink.SharedConstants;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;

/** Scored windows as the job has them. */
final class ScoredRows {
    static final RowLayout IN = RowLayout.of(Verdicts.SCORED);
    static final RowLayout OUT = RowLayout.of(Verdicts.JUDGED);

    private ScoredRows() {}

    /** Make a record whose features, all the same, and traits are of no matter. */
    static byte[] record(int predicted, int[] millionths, short[] evidence, short trait) {
        int n = evidence.length;
        ByteBuffer numbers = ByteBuffer.allocate(
                        8 * SharedConstants.N_FEATURES + 6 * n + 2 * SharedConstants.N_TRAITS + 2)
                .order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < SharedConstants.N_FEATURES; i++) {
            numbers.putDouble(0.25);
        }
        for (int millionth : millionths) {
            numbers.putInt(millionth);
        }
        for (short millinats : evidence) {
            numbers.putShort(millinats);
        }
        for (int i = 0; i < SharedConstants.N_TRAITS; i++) {
            numbers.putShort(trait);
        }
        return numbers.putShort((short) predicted).array();
    }

    /** Make a row of a window whose messages are a second apart and have the offsets up to {@code n}. */
    static GenericRowData row(String model, int partition, long segment, long n, String declared, byte[] record) {
        GenericRowData row = IN.newRow();
        IN.set(row, "connection_id", StringData.fromString("c"));
        IN.set(row, "kafka_partition", partition);
        IN.set(row, "last_offset", n - 1);
        IN.set(row, "declared_exchange", StringData.fromString(declared));
        IN.set(row, "n", n);
        IN.set(row, "segment", segment);
        IN.set(row, "first_offset", n - 50);
        IN.set(row, "window_start_ns", (n - 50) * 1_000_000_000L);
        IN.set(row, "window_end_ns", (n - 1) * 1_000_000_000L);
        IN.set(row, "record", record);
        IN.set(row, "model", StringData.fromString(model));
        return row;
    }
}
