package fingerprint;

import static org.apache.flink.table.annotation.ArgumentTrait.SET_SEMANTIC_TABLE;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.apache.flink.table.annotation.ArgumentHint;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.FunctionHint;
import org.apache.flink.table.annotation.StateHint;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.ProcessTableFunction;

/**
 * Emits a connection's windows: its last 50 messages, at the 50th and at every 25th from then on. In rows of other kinds
 * it emits what is wrong with the connection, and every two seconds that it lives; one function, for each would have to
 * sort the messages by connection.
 *
 * <p>A message whose receive time is further from the one before than the longest silence begins a new segment: it is
 * counted as the first. So what is emitted is a function of the messages alone, whenever they are read.
 */
@FunctionHint(
        output =
                @DataTypeHint(
                        value =
                                "ROW<kind STRING, kafka_partition INT, last_offset BIGINT, declared_exchange STRING,"
                                        + " n BIGINT, segment BIGINT, window_columns ARRAY<BIGINT NOT NULL>,"
                                        + " at STRING, since_at STRING, since_offset BIGINT,"
                                        + " seq_before BIGINT, seq BIGINT, n_missing BIGINT,"
                                        + " silence_s DOUBLE, limit_s DOUBLE, last_heartbeat_at STRING,"
                                        + " rate_before DOUBLE, rate_now DOUBLE, score DOUBLE>",
                        bridgedTo = RowData.class))
public final class Windows extends ProcessTableFunction<RowData> {
    /** Stands for NULL, as in {@code udfs.schema}. */
    static final long MISSING = Long.MIN_VALUE;

    static final int SLIDE = 25;
    static final double NS_PER_S = 1e9;
    private static final long HEARTBEAT = 3;
    private static final StringData WINDOW = StringData.fromString("window");
    private static final StringData ACTIVITY = StringData.fromString("activity");

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
            collect(windowRow(ring, messages, offset));
            Symptom wrong = ring.drift.take(ring.lastRecvTsNs, offset);
            if (wrong != null) {
                collect(symptomRow(ring, messages, offset, wrong));
            }
        }
        examine(ring, messages, offset);
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

    private void examine(Ring ring, RowData message, long offset) {
        long recvTsNs = message.getLong(1);
        boolean opensBucket = ring.health.opensBucket(recvTsNs);
        ring.health.take(
                message.getLong(5) == HEARTBEAT,
                message.getLong(3),
                recvTsNs,
                offset,
                symptom -> collect(symptomRow(ring, message, offset, symptom)));
        if (opensBucket) {
            collect(activityRow(ring, message, offset));
        }
    }

    private static GenericRowData windowRow(Ring ring, RowData message, long offset) {
        GenericRowData row = row(WINDOW, ring, message, offset);
        row.setField(6, new GenericArrayData(ring.window()));
        return row;
    }

    private static GenericRowData symptomRow(Ring ring, RowData message, long offset, Symptom symptom) {
        GenericRowData row = row(StringData.fromString(symptom.kind()), ring, message, offset);
        row.setField(7, timestamp(ring.lastRecvTsNs));
        row.setField(8, timestamp(symptom.sinceNs()));
        row.setField(9, symptom.sinceOffset());
        row.setField(10, symptom.seqBefore());
        row.setField(11, symptom.seq());
        row.setField(12, symptom.missing());
        row.setField(13, seconds(symptom.silenceNs()));
        row.setField(14, seconds(symptom.limitNs()));
        row.setField(16, symptom.rateBefore());
        row.setField(17, symptom.rateNow());
        row.setField(18, symptom.score());
        return row;
    }

    private static GenericRowData activityRow(Ring ring, RowData message, long offset) {
        GenericRowData row = row(ACTIVITY, ring, message, offset);
        Health health = ring.health;
        row.setField(7, timestamp(ring.lastRecvTsNs));
        row.setField(14, health.messages.isKnown() ? seconds(health.messages.limitNs()) : null);
        row.setField(15, health.heartbeats.n > 0 ? timestamp(health.heartbeats.lastNs) : null);
        return row;
    }

    private static GenericRowData row(StringData kind, Ring ring, RowData message, long offset) {
        GenericRowData row = new GenericRowData(19);
        row.setField(0, kind);
        row.setField(1, message.getInt(7));
        row.setField(2, offset);
        row.setField(3, message.isNullAt(6) ? null : message.getString(6));
        row.setField(4, ring.n);
        row.setField(5, ring.segment);
        return row;
    }

    /** Write a time as text, cut to microseconds as PostgreSQL has them. */
    private static StringData timestamp(long tsNs) {
        return StringData.fromString(Instant.EPOCH.plusNanos(tsNs).truncatedTo(ChronoUnit.MICROS).toString());
    }

    private static Double seconds(Long ns) {
        return ns == null ? null : (Double) (ns / NS_PER_S);
    }
}
