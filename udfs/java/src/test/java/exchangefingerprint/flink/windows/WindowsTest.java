package exchangefingerprint.flink.windows;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import exchangefingerprint.flink.RowLayout;
import exchangefingerprint.flink.SharedConstants;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.util.ListCollector;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class WindowsTest {
    private static final RowLayout IN = RowLayout.of(Windows.MESSAGE);
    private static final RowLayout OUT = RowLayout.of(Windows.GATHERED);
    private static final long MS = 1_000_000L;
    private static final long S = 1000 * MS;
    private static final long START_NS = 1_790_000_000L * S;
    private static final long IDLE_GAP_NS = 60 * S;

    private final Windows function = new Windows();
    private final Windows.State state = new Windows.State();
    private final List<RowData> rows = new ArrayList<>();
    private long nowNs = START_NS;
    private long offset = 1000;
    private int partition = 4;
    private long countsFrom;

    @BeforeEach
    void collect() {
        function.setCollector(new ListCollector<>(rows));
    }

    /** Take in a message: number `seq`, of type NEW, or a heartbeat without a number. */
    private void take(long pauseNs, Long seq) {
        nowNs += pauseNs;
        GenericRowData message = IN.newRow();
        IN.set(message, "connection_id", StringData.fromString("c"));
        IN.set(message, "recv_ts_ns", nowNs);
        IN.set(message, "exchange_ts_ns", nowNs - 7);
        IN.set(message, "seq", seq == null ? SharedConstants.MISSING : seq);
        IN.set(message, "prev_seq", SharedConstants.MISSING);
        IN.set(message, "request_id", SharedConstants.MISSING);
        IN.set(message, "type_code", seq == null ? 3L : 0L);
        IN.set(message, "payload_bytes", 200L);
        IN.set(message, "declared_exchange", StringData.fromString("kraken"));
        IN.set(message, "kafka_partition", partition);
        IN.set(message, "kafka_offset", offset++);
        IN.set(message, "counts_from", countsFrom);
        function.eval(state, message, IDLE_GAP_NS);
    }

    private void takeAll(int n, long pauseNs) {
        for (int i = 0; i < n; i++) {
            take(pauseNs, 5L);
        }
    }

    private List<GenericRowData> ofKind(String kind) {
        return rows.stream()
                .map(row -> (GenericRowData) row)
                .filter(row -> value(row, "kind").toString().equals(kind))
                .toList();
    }

    private static Object value(GenericRowData row, String column) {
        return row.getField(OUT.place(column));
    }

    private static List<Object> values(List<GenericRowData> rows, String column) {
        return rows.stream().map(row -> value(row, column)).toList();
    }

    @Test
    void windowsAreWholeAtTheFiftiethMessageAndEveryTwentyFifth() {
        takeAll(124, MS);
        List<GenericRowData> windows = ofKind("window");
        assertEquals(List.of(50L, 75L, 100L), values(windows, "n"));
        assertEquals(List.of(1049L, 1074L, 1099L), values(windows, "last_offset"));
        GenericRowData last = windows.get(2);
        assertEquals(1000L, value(last, "segment"));
        assertEquals(1050L, value(last, "first_offset"));
        assertEquals(START_NS + 51 * MS, value(last, "window_start_ns"));
        assertEquals(START_NS + 100 * MS, value(last, "window_end_ns"));
        assertEquals(4, value(last, "kafka_partition"));
        assertEquals(StringData.fromString("kraken"), value(last, "declared_exchange"));
        assertNull(value(last, "at"));
        long[] columns = new long[7 * 50];
        ByteBuffer bytes = ByteBuffer.wrap((byte[]) value(last, "window_columns")).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asLongBuffer().get(columns);
        for (int i = 0; i < 50; i++) {
            long recvTsNs = START_NS + (51 + i) * MS;
            long[] message = {recvTsNs, recvTsNs - 7, 5, SharedConstants.MISSING, 0, 200, 1050 + i};
            assertArrayEquals(message, java.util.Arrays.copyOfRange(columns, 7 * i, 7 * i + 7));
        }
    }

    @Test
    void aLongerGapThanMayBeBeginsASegment() {
        takeAll(40, MS);
        takeAll(1, IDLE_GAP_NS);
        takeAll(9, MS);
        assertEquals(1, ofKind("window").size(), "60 s are within a segment");
        takeAll(1, IDLE_GAP_NS + 1);
        takeAll(48, MS);
        assertEquals(1, ofKind("window").size());
        takeAll(1, MS);
        GenericRowData second = ofKind("window").get(1);
        assertEquals(50L, value(second, "n"));
        assertEquals(1050L, value(second, "segment"));
    }

    @Test
    void timeThatGoesBackBeginsNoSegment() {
        takeAll(49, MS);
        takeAll(1, -3600 * S);
        assertEquals(List.of(50L), values(ofKind("window"), "n"));
        GenericRowData window = ofKind("window").get(0);
        assertEquals(1000L, value(window, "first_offset"));
        assertEquals(START_NS + 49 * MS - 3600 * S, value(window, "window_start_ns"), "the earliest, not the first");
        assertEquals(START_NS + 49 * MS, value(window, "window_end_ns"));
    }

    @Test
    void aConnectionTellsEveryTwoSecondsThatItLives() {
        takeAll(1, 0);
        takeAll(10, 500 * MS);
        assertEquals(List.of(1L, 5L, 9L), values(ofKind("activity"), "n"));
        GenericRowData first = ofKind("activity").get(0);
        assertEquals("2026-09-21T14:13:20.000000Z", value(first, "at").toString());
        assertNull(value(first, "limit_s"), "200 pauses are needed");
        assertNull(value(first, "last_heartbeat_at"));
        take(2 * S + 1_234_567, null);
        assertEquals("2026-09-21T14:13:27.001234Z", value(ofKind("activity").get(3), "last_heartbeat_at").toString());
        takeAll(200, MS);
        takeAll(1, 2 * S);
        assertEquals(4 * (2 * S + 1_234_567) / 1e9, value(ofKind("activity").get(4), "limit_s"));
    }

    @Test
    void aFaultSaysWhatItIsAndSinceWhen() {
        for (long seq = 1; seq <= 201; seq++) {
            take(MS, seq);
        }
        take(MS, 206L);
        GenericRowData gap = ofKind("gap").get(0);
        assertEquals("2026-09-21T14:13:20.202000Z", value(gap, "at").toString());
        assertEquals("2026-09-21T14:13:20.201000Z", value(gap, "since_at").toString());
        assertEquals(1200L, value(gap, "since_offset"));
        assertEquals(1201L, value(gap, "last_offset"));
        assertEquals(List.of(201L, 206L, 4L), List.of(
                value(gap, "seq_before"), value(gap, "seq"), value(gap, "n_missing")));
        for (String column : List.of("silence_s", "limit_s", "rate_before", "rate_now", "score", "window_columns")) {
            assertNull(value(gap, column), column);
        }
        take(5 * S + 500 * MS, 207L);
        GenericRowData stall = ofKind("stall").get(0);
        assertEquals(5.5, value(stall, "silence_s"));
        assertEquals(5.0, value(stall, "limit_s"));
        assertNull(value(stall, "seq"));
    }

    @Test
    void aChangeOfTheRateIsAFault() {
        takeAll(25 * 170, 160 * MS);
        takeAll(25 * 60, 40 * MS);
        GenericRowData drift = ofKind("drift").get(0);
        assertEquals(6.25, (double) value(drift, "rate_before"), 1e-3);
        assertEquals(25.0, (double) value(drift, "rate_now"), 0.5);
        assertEquals(1, ofKind("drift").size());
        assertNull(value(drift, "n_missing"));
    }

    @Test
    void aMessageThatDeclaresNothingMakesARowThatDoesNot() {
        takeAll(49, MS);
        GenericRowData message = IN.newRow();
        String numbers = "recv_ts_ns exchange_ts_ns seq prev_seq request_id type_code payload_bytes";
        for (String column : numbers.split(" ")) {
            IN.set(message, column, nowNs);
        }
        IN.set(message, "kafka_partition", 4);
        IN.set(message, "kafka_offset", offset);
        IN.set(message, "counts_from", 0L);
        function.eval(state, message, IDLE_GAP_NS);
        assertNull(value(ofKind("window").get(0), "declared_exchange"));
    }

    /** 60 messages, some that were deleted unread, 49 behind them, and the one that completes a window. */
    @Test
    void noWindowSpansRecordsThatWereDeletedUnread() {
        takeAll(60, 1_000_000);
        offset = 1100;
        countsFrom = 1095;
        takeAll(49, 1_000_000);
        assertEquals(List.of(1049L), values(ofKind("window"), "last_offset"));
        take(1_000_000, 5L);
        assertEquals(List.of(1049L, 1149L), values(ofKind("window"), "last_offset"));
        assertEquals(List.of(1000L, 1100L), values(ofKind("window"), "segment"));
    }

    @Test
    void noWindowHasMessagesOfTwoPartitions() {
        takeAll(49, 1_000_000);
        partition = 5;
        offset = 3000;
        takeAll(50, 1_000_000);
        assertEquals(List.of(3049L), values(ofKind("window"), "last_offset"));
    }

    @Test
    void everyMessageChangesWhatFlinkCompares() {
        takeAll(3, MS);
        assertEquals(3, state.calls);
    }
}
