package fingerprint;

import static org.apache.flink.table.annotation.ArgumentTrait.SET_SEMANTIC_TABLE;

import org.apache.flink.table.annotation.ArgumentHint;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.FunctionHint;
import org.apache.flink.table.annotation.StateHint;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.functions.ProcessTableFunction;

/**
 * Emits a connection's windows: its last 50 messages, at the 50th and at every 25th from then on.
 *
 * <p>A message whose receive time is further from the one before than the longest silence begins a new segment: it is
 * counted as the first. So what is emitted is a function of the messages alone, whenever they are read.
 */
@FunctionHint(
        output =
                @DataTypeHint(
                        value =
                                "ROW<kafka_partition INT, last_offset BIGINT, declared_exchange STRING, n BIGINT,"
                                        + " segment BIGINT, window_columns ARRAY<BIGINT NOT NULL>>",
                        bridgedTo = RowData.class))
public final class Windows extends ProcessTableFunction<RowData> {
    /** Stands for NULL, as in {@code udfs.schema}. */
    static final long MISSING = Long.MIN_VALUE;

    private static final int SLIDE = 25;

    /** What is kept of a connection. */
    public static final class Memory {
        /** Differs after every message: Flink compares hashes before it writes, and the ring has none of its own. */
        public long calls;

        /** The last messages. */
        @DataTypeHint(value = "RAW", bridgedTo = Ring.class, rawSerializer = Ring.Serializer.class)
        public Ring ring;
    }

    /** Take in a message of the connection. */
    public void eval(
            @StateHint Memory memory,
            @ArgumentHint(
                            value = SET_SEMANTIC_TABLE,
                            type =
                                    @DataTypeHint(
                                            value =
                                                    "ROW<connection_id STRING, recv_ts_ns BIGINT, exchange_ts_ns BIGINT,"
                                                            + " seq BIGINT, request_id BIGINT, type_code BIGINT,"
                                                            + " declared_exchange STRING, kafka_partition INT,"
                                                            + " kafka_offset BIGINT>",
                                            bridgedTo = RowData.class))
                    RowData messages,
            Long silence_ns) {
        if (memory.ring == null) {
            memory.ring = new Ring();
        }
        memory.calls++;
        long offset = messages.getLong(8);
        Ring ring = memory.ring;
        take(ring, messages, offset, silence_ns);
        if (ring.n >= Ring.SIZE && ring.n % SLIDE == 0) {
            collect(
                    GenericRowData.of(
                            messages.getInt(7),
                            offset,
                            messages.isNullAt(6) ? null : messages.getString(6),
                            ring.n,
                            ring.segment,
                            new GenericArrayData(ring.window())));
        }
    }

    private static void take(Ring ring, RowData message, long offset, long silenceNs) {
        long recvTsNs = message.getLong(1);
        if (ring.n == 0 || recvTsNs - ring.lastRecvTsNs > silenceNs) {
            ring.restart(offset);
        }
        ring.lastRecvTsNs = recvTsNs;
        int at = ring.next();
        long[] slots = ring.slots();
        for (int column = 0; column < Ring.WIDTH - 1; column++) {
            slots[at + column] = message.getLong(1 + column);
        }
        slots[at + Ring.WIDTH - 1] = offset;
    }
}
