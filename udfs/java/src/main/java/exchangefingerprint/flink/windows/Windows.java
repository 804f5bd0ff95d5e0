package exchangefingerprint.flink.windows;

import static org.apache.flink.table.annotation.ArgumentTrait.SET_SEMANTIC_TABLE;

import exchangefingerprint.flink.RowLayout;
import exchangefingerprint.flink.SharedConstants;
import exchangefingerprint.flink.TableText;
import exchangefingerprint.flink.health.HealthEvent;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.apache.flink.table.annotation.ArgumentHint;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.FunctionHint;
import org.apache.flink.table.annotation.StateHint;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.ProcessTableFunction;

/**
 * Emits a connection's windows: its last 50 messages, at the 50th and at every 25th from then on. In rows of other
 * kinds it emits what is wrong with the connection, and every two seconds that it lives; one function, for each would
 * have to sort the messages by connection.
 *
 * <p>A message whose receive time is further from the one before than an idle gap may be begins a new segment: it is
 * counted as the first. So does one behind records that were deleted before they were read, and one that comes in
 * another partition than the one before. So what is emitted is a function of the messages alone, whenever they are
 * read.
 */
@FunctionHint(output = @DataTypeHint(value = Windows.GATHERED, bridgedTo = RowData.class))
public final class Windows extends ProcessTableFunction<RowData> {
    private static final long serialVersionUID = 1L;

    /** The columns of a message, in the order in which the job's SQL selects them. */
    static final String MESSAGE =
            "ROW<connection_id STRING, recv_ts_ns BIGINT, exchange_ts_ns BIGINT, seq BIGINT, prev_seq BIGINT,"
                    + " request_id BIGINT, type_code BIGINT, payload_bytes BIGINT, declared_exchange STRING,"
                    + " kafka_partition INT, kafka_offset BIGINT, counts_from BIGINT>";

    /** The columns of what is emitted. */
    static final String GATHERED =
            "ROW<kind STRING, kafka_partition INT, last_offset BIGINT, declared_exchange STRING,"
                    + " n BIGINT, segment BIGINT, window_columns BYTES,"
                    + " first_offset BIGINT, window_start_ns BIGINT, window_end_ns BIGINT,"
                    + " at STRING, since_at STRING, since_offset BIGINT,"
                    + " seq_before BIGINT, seq BIGINT, n_missing BIGINT,"
                    + " silence_s DOUBLE, limit_s DOUBLE, last_heartbeat_at STRING,"
                    + " rate_before DOUBLE, rate_now DOUBLE, score DOUBLE>";

    private static final RowLayout OUT = RowLayout.of(GATHERED);
    private static final RowLayout IN = RowLayout.of(MESSAGE);
    private static final int RECV_TS_NS = IN.place("recv_ts_ns");
    private static final int EXCHANGE_TS_NS = IN.place("exchange_ts_ns");
    private static final int SEQ = IN.place("seq");
    private static final int PREV_SEQ = IN.place("prev_seq");
    private static final int REQUEST_ID = IN.place("request_id");
    private static final int TYPE_CODE = IN.place("type_code");
    private static final int PAYLOAD_BYTES = IN.place("payload_bytes");
    private static final int DECLARED_EXCHANGE = IN.place("declared_exchange");
    private static final int KAFKA_PARTITION = IN.place("kafka_partition");
    private static final int KAFKA_OFFSET = IN.place("kafka_offset");
    private static final int COUNTS_FROM = IN.place("counts_from");

    /** Where they stand among the integers of a message in a window. */
    private static final int WIRE_RECV_TS_NS = 0;

    private static final int WIRE_KAFKA_OFFSET = SharedConstants.WIRE_WIDTH - 1;

    private static final double NS_PER_S = 1e9;
    private static final StringData WINDOW = StringData.fromString("window");
    private static final StringData ACTIVITY = StringData.fromString("activity");

    /** What is kept of a connection. */
    public static final class State {
        /** Differs after every message: Flink compares hashes before it writes, and the ring has none of its own. */
        public long calls;

        /** The last messages. */
        @DataTypeHint(value = "RAW", bridgedTo = MessageRing.class, rawSerializer = MessageRing.Serializer.class)
        public MessageRing ring;
    }

    /** Take in a message of the connection. */
    public void eval(
            @StateHint State state,
            @ArgumentHint(
                            value = SET_SEMANTIC_TABLE,
                            type = @DataTypeHint(value = MESSAGE, bridgedTo = RowData.class))
                    RowData messages,
            Long idle_gap_ns) {
        if (state.ring == null) {
            state.ring = new MessageRing();
        }
        state.calls++;
        MessageRing ring = state.ring;
        take(ring, messages, idle_gap_ns);
        if (ring.n >= SharedConstants.WINDOW_SIZE && ring.n % SharedConstants.WINDOW_SLIDE == 0) {
            collect(windowRow(ring, messages));
            HealthEvent drift = ring.drift.take(ring.lastRecvTsNs, messages.getLong(KAFKA_OFFSET));
            if (drift != null) {
                collect(healthEventRow(ring, messages, drift));
            }
        }
        examine(ring, messages);
    }

    private static void take(MessageRing ring, RowData message, long idleGapNs) {
        long recvTsNs = message.getLong(RECV_TS_NS);
        long offset = message.getLong(KAFKA_OFFSET);
        if (ring.n == 0 || recvTsNs - ring.lastRecvTsNs > idleGapNs || isTorn(ring, message)) {
            ring.restart(offset);
        }
        ring.partition = message.getInt(KAFKA_PARTITION);
        ring.lastRecvTsNs = recvTsNs;
        ring.add(
                recvTsNs,
                message.getLong(EXCHANGE_TS_NS),
                message.getLong(SEQ),
                message.getLong(REQUEST_ID),
                message.getLong(TYPE_CODE),
                message.getLong(PAYLOAD_BYTES),
                offset);
    }

    /** Tell whether messages between the last one and this one may be missing, or have come in another order. */
    private static boolean isTorn(MessageRing ring, RowData message) {
        return ring.partition != message.getInt(KAFKA_PARTITION) || ring.lastOffset() < message.getLong(COUNTS_FROM);
    }

    private void examine(MessageRing ring, RowData message) {
        long recvTsNs = message.getLong(RECV_TS_NS);
        boolean opensBucket = ring.health.opensBucket(recvTsNs);
        ring.health.take(
                message.getLong(TYPE_CODE),
                message.getLong(SEQ),
                message.getLong(PREV_SEQ),
                recvTsNs,
                message.getLong(KAFKA_OFFSET),
                event -> collect(healthEventRow(ring, message, event)));
        if (opensBucket) {
            collect(activityRow(ring, message));
        }
    }

    private static GenericRowData windowRow(MessageRing ring, RowData message) {
        GenericRowData row = row(WINDOW, ring, message);
        long[] window = ring.window();
        long startNs = Long.MAX_VALUE;
        long endNs = Long.MIN_VALUE;
        for (int at = WIRE_RECV_TS_NS; at < window.length; at += SharedConstants.WIRE_WIDTH) {
            startNs = Math.min(startNs, window[at]);
            endNs = Math.max(endNs, window[at]);
        }
        ByteBuffer bytes = ByteBuffer.allocate(window.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asLongBuffer().put(window);
        OUT.set(row, "window_columns", bytes.array());
        OUT.set(row, "first_offset", window[WIRE_KAFKA_OFFSET]);
        OUT.set(row, "window_start_ns", startNs);
        OUT.set(row, "window_end_ns", endNs);
        return row;
    }

    private static GenericRowData healthEventRow(MessageRing ring, RowData message, HealthEvent event) {
        GenericRowData row = row(StringData.fromString(event.kind()), ring, message);
        OUT.set(row, "at", TableText.timestamp(ring.lastRecvTsNs));
        OUT.set(row, "since_at", TableText.timestamp(event.sinceNs()));
        OUT.set(row, "since_offset", event.sinceOffset());
        OUT.set(row, "seq_before", event.seqBefore());
        OUT.set(row, "seq", event.seq());
        OUT.set(row, "n_missing", event.missing());
        OUT.set(row, "silence_s", seconds(event.silenceNs()));
        OUT.set(row, "limit_s", seconds(event.limitNs()));
        OUT.set(row, "rate_before", event.rateBefore());
        OUT.set(row, "rate_now", event.rateNow());
        OUT.set(row, "score", event.score());
        return row;
    }

    private static GenericRowData activityRow(MessageRing ring, RowData message) {
        GenericRowData row = row(ACTIVITY, ring, message);
        OUT.set(row, "at", TableText.timestamp(ring.lastRecvTsNs));
        OUT.set(row, "limit_s", seconds(ring.health.silenceLimitNs()));
        Long lastHeartbeatNs = ring.health.lastHeartbeatNs();
        OUT.set(row, "last_heartbeat_at", lastHeartbeatNs == null ? null : TableText.timestamp(lastHeartbeatNs));
        return row;
    }

    private static GenericRowData row(StringData kind, MessageRing ring, RowData message) {
        GenericRowData row = OUT.newRow();
        OUT.set(row, "kind", kind);
        OUT.set(row, "kafka_partition", message.getInt(KAFKA_PARTITION));
        OUT.set(row, "last_offset", message.getLong(KAFKA_OFFSET));
        if (!message.isNullAt(DECLARED_EXCHANGE)) {
            OUT.set(row, "declared_exchange", message.getString(DECLARED_EXCHANGE));
        }
        OUT.set(row, "n", ring.n);
        OUT.set(row, "segment", ring.segment);
        return row;
    }

    private static Double seconds(Long ns) {
        return ns == null ? null : (Double) (ns / NS_PER_S);
    }
}
