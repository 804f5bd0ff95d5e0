package exchangefingerprint.flink.verdicts;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import exchangefingerprint.flink.SharedConstants;
import java.util.Arrays;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;
import org.junit.jupiter.api.Test;

class VerdictsTest {
    private static final short[] FOR_BINANCE = {0, -6000, -6000};
    private static final short[] FOR_KRAKEN = {-6000, 0, -6000};
    private static final short[] FOR_NONE = {-1000, -1000, -1000};
    private static final int[] MILLIONTHS = {250_000, 749_900, 100};
    private static final short TRAIT = 400;

    private final Verdicts function = new Verdicts();
    private final Verdicts.State state = new Verdicts.State();
    private GenericRowData row;
    private long n = 25;
    private int partition = 4;
    private long segment = 0;
    private String model = "m1";
    private String declared = "kraken";

    private static String model(String version) {
        return "{\"model_version\":\"" + version + "\",\"classes\":[\"binance\",\"kra\\\"ken\",\"unknown\"],"
                + "\"bounds_millinats\":[10000,10000,10000],\"unknown\":2,\"intercept\":0.0,\"slope_per_nat\":0.1}";
    }

    /** Take in the next windows, each of the same evidence. */
    private void take(short[] evidence, int windows) {
        for (int i = 0; i < windows; i++) {
            n += 25;
            byte[] record = ScoredRows.record(1, MILLIONTHS, evidence, TRAIT);
            row = function.judge(state, ScoredRows.row(model(model), partition, segment, n, declared, record));
        }
    }

    private Object value(String column) {
        return row.getField(ScoredRows.OUT.place(column));
    }

    private String text(String column) {
        return value(column) == null ? null : value(column).toString();
    }

    @Test
    void aWindowIsLaidOutAsItsTableHasIt() {
        take(FOR_KRAKEN, 1);
        assertEquals(4, value("kafka_partition"));
        assertEquals(49L, value("last_offset"));
        assertEquals(0L, value("first_offset"));
        assertEquals("1970-01-01T00:00:00.000000Z", text("window_start_at"));
        assertEquals("1970-01-01T00:00:49.000000Z", text("window_end_at"));
        assertEquals("kra\"ken", text("predicted_exchange"));
        assertEquals(0.7499, value("confidence"));
        assertEquals(0.0001, value("unknown_score"));
        assertEquals("{\"binance\":0.25,\"kra\\\"ken\":0.7499,\"unknown\":0.0001}", text("probabilities"));
        float[] features = new float[SharedConstants.N_FEATURES];
        Arrays.fill(features, 0.25F);
        assertArrayEquals(features, ((ArrayData) value("features")).toFloatArray());
        assertEquals("m1", text("model_version"));
        // Four kinds of 4% each: above 1% twice, not above 5% and 10%. A beat of 4% in 4 s is one every 2 s.
        assertEquals("xf1-NT-t0-h1s-sc", text("signature"));
        assertEquals("xf1-NT-t0-h1s-sc", text("pooled_signature"));
    }

    @Test
    void nothingStandsBeforeAClassIsDecisive() {
        take(FOR_KRAKEN, 1);
        assertEquals("kra\"ken", text("leaning"));
        assertEquals(6.0, value("strength_nats"));
        assertEquals(0.645656, value("probability"));
        assertEquals(0L, value("since_offset"));
        assertEquals(false, value("has_news"));
        for (String column : new String[] {
            "certain", "certain_probability", "certain_since_at", "certain_before", "exact_features"
        }) {
            assertNull(value(column), column);
        }
    }

    @Test
    void theFirstDecisiveClassStandsThroughWindowsThatAreNot() {
        take(FOR_NONE, 1);
        take(FOR_KRAKEN, 2);
        assertEquals(true, value("has_news"));
        assertEquals(8 * SharedConstants.N_FEATURES, ((byte[]) value("exact_features")).length);
        assertNull(value("certain_before"));
        take(FOR_NONE, 20);
        assertEquals("kra\"ken", text("certain"));
        assertEquals("kra\"ken", text("certain_before"));
        assertEquals(12.0, value("certain_strength_nats"));
        assertEquals(0.768525, value("certain_probability"));
        // The greatest lead of 12 nats is reached over the three windows there were.
        assertEquals(3L, value("certain_suffix_windows"));
        assertEquals(100L, value("certain_after_messages"));
        assertEquals("1970-01-01T00:00:00.000000Z", text("certain_since_at"));
        assertEquals(0L, value("certain_since_offset"));
        assertNull(value("previous_verdict"));
        assertEquals(false, value("has_news"));
        assertNull(value("exact_features"));
    }

    @Test
    void aWindowThatCouldOverturnUpholds() {
        take(FOR_KRAKEN, 4);
        assertEquals(24.0, value("certain_strength_nats"));
        assertEquals(4L, value("certain_suffix_windows"));
        assertEquals(75L, value("certain_after_messages"));
        assertEquals(false, value("has_news"));
    }

    @Test
    void anotherClassOverturns() {
        take(FOR_KRAKEN, 2);
        take(FOR_BINANCE, 3);
        assertEquals("kra\"ken", text("certain"), "18 nats are less than 10 and 11.513");
        take(FOR_BINANCE, 1);
        assertEquals("binance", text("certain"));
        assertEquals("kra\"ken", text("certain_before"));
        assertEquals("kra\"ken", text("previous_verdict"));
        assertEquals(50L, value("certain_since_offset"));
        assertEquals("1970-01-01T00:00:50.000000Z", text("certain_since_at"));
        assertEquals(75L, value("certain_after_messages"), "when the first class was decisive");
        assertEquals(true, value("has_news"));
        take(FOR_NONE, 1);
        assertEquals("kra\"ken", text("previous_verdict"));
        assertEquals("binance", text("certain_before"));
    }

    @Test
    void aClaimThatChangesIsNews() {
        take(FOR_KRAKEN, 2);
        declared = "coinbase";
        take(FOR_KRAKEN, 1);
        assertEquals(true, value("has_news"));
        take(FOR_KRAKEN, 1);
        assertEquals(false, value("has_news"));
        declared = null;
        take(FOR_KRAKEN, 1);
        assertEquals(true, value("has_news"));
        assertNull(value("declared_exchange"));
    }

    @Test
    void aSegmentAndAModelBeginWithNothing() {
        take(FOR_KRAKEN, 2);
        segment = 4;
        take(FOR_KRAKEN, 1);
        assertEquals(6.0, value("strength_nats"), "of one window");
        take(FOR_KRAKEN, 1);
        partition = 5;
        take(FOR_KRAKEN, 1);
        assertNull(value("certain"));
        assertEquals(6.0, value("strength_nats"), "of one window");
        take(FOR_KRAKEN, 1);
        assertNull(value("certain_before"));
        assertEquals(true, value("has_news"));
        model = "m2";
        take(FOR_BINANCE, 2);
        assertEquals("binance", text("certain"));
        assertNull(value("previous_verdict"));
        assertEquals(225L, value("certain_after_messages"));
        assertEquals("m2", text("model_version"));
    }

    @Test
    void everyWindowChangesWhatFlinkCompares() {
        take(FOR_NONE, 3);
        assertEquals(3, state.calls);
    }

    @Test
    void featuresGoOnToTheLastBit() {
        byte[] record = ScoredRows.record(0, MILLIONTHS, FOR_KRAKEN, TRAIT);
        record[0] = 1;
        byte[] features = new WindowRecord(record, 3).features();
        assertArrayEquals(Arrays.copyOf(record, 8 * SharedConstants.N_FEATURES), features);
    }

    @Test
    void aRecordOfAnotherVersionIsRefused() {
        byte[] record = ScoredRows.record(0, MILLIONTHS, FOR_KRAKEN, TRAIT);
        String said = assertThrows(
                        IllegalArgumentException.class,
                        () -> new WindowRecord(Arrays.copyOf(record, record.length - 1), 3))
                .getMessage();
        assertTrue(said.startsWith("Expected a window's record of " + record.length + " bytes, found "), said);
    }

    @Test
    void aTextThatIsNoModelIsAnError() {
        GenericRowData scored = ScoredRows.row("{}", 0, 0, 50, null, new byte[0]);
        assertThrows(IllegalArgumentException.class, () -> function.judge(state, scored));
        assertEquals(StringData.fromString("c"), scored.getString(0));
    }
}
