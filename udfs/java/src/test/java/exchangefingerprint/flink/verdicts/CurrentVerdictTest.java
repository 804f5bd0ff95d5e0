package exchangefingerprint.flink.verdicts;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import exchangefingerprint.flink.state.StateLayout;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.util.ListCollector;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class CurrentVerdictTest {
    private final CurrentVerdict function = new CurrentVerdict();
    private final CurrentVerdict.State state = new CurrentVerdict.State();
    private final List<CurrentVerdict.Verdict> verdicts = new ArrayList<>();
    private long n = 25;
    private long segment = 3;
    private String model = "m1";
    private String declared = "kraken";

    @BeforeEach
    void collect() {
        function.setCollector(new ListCollector<>(verdicts));
    }

    /** Take in the next window: which class is decisive, and whether that would overturn a verdict. */
    private CurrentVerdict.Verdict decide(String decisive, boolean overturns) {
        n += 25;
        Row row = Row.withNames();
        row.setField("segment", segment);
        row.setField("model_version", model);
        row.setField("declared_exchange", declared);
        row.setField("last_offset", 100 + n);
        row.setField("n", n);
        row.setField("decisive", decisive);
        row.setField("overturns", overturns);
        row.setField("probability", n / 1000.0);
        row.setField("strength_nats", n / 10.0);
        row.setField("suffix_windows", n / 25);
        row.setField("since_at", "t" + n);
        row.setField("since_offset", n);
        function.eval(state, row);
        return verdicts.get(verdicts.size() - 1);
    }

    @Test
    void nothingStandsBeforeAClassIsDecisive() {
        CurrentVerdict.Verdict verdict = decide(null, false);
        assertNull(verdict.certain);
        assertNull(verdict.certain_probability);
        assertNull(verdict.certain_since_at);
        assertNull(verdict.declared_before);
        assertSame(StateLayout.CURRENT, state.layout);
    }

    @Test
    void theFirstDecisiveClassStandsThroughWindowsThatAreNot() {
        decide(null, false);
        decide("kraken", false);
        decide("binance", false);
        CurrentVerdict.Verdict verdict = decide(null, false);
        assertEquals("kraken", verdict.certain);
        assertEquals("kraken", verdict.certain_before);
        assertEquals(0.075, verdict.certain_probability);
        assertEquals(7.5, verdict.certain_strength_nats);
        assertEquals(3L, verdict.certain_suffix_windows);
        assertEquals(75L, verdict.certain_after_messages);
        assertEquals("t75", verdict.certain_since_at);
        assertEquals(75L, verdict.certain_since_offset);
        assertNull(verdict.previous_verdict);
    }

    @Test
    void aWindowThatCouldOverturnUpholds() {
        decide("kraken", false);
        CurrentVerdict.Verdict verdict = decide("kraken", true);
        assertEquals(0.075, verdict.certain_probability);
        assertEquals("t50", verdict.certain_since_at);
        assertEquals(50L, verdict.certain_after_messages);
    }

    @Test
    void anotherClassOverturns() {
        decide("kraken", false);
        CurrentVerdict.Verdict verdict = decide("binance", true);
        assertEquals("binance", verdict.certain);
        assertEquals("kraken", verdict.certain_before);
        assertEquals("kraken", verdict.previous_verdict);
        assertEquals("t75", verdict.certain_since_at);
        assertEquals(75L, verdict.certain_since_offset);
        assertEquals(50L, verdict.certain_after_messages, "when the first class was decisive");
        assertEquals("kraken", decide(null, false).previous_verdict);
    }

    @Test
    void whatWasDeclaredComesWithTheNextWindow() {
        decide("kraken", false);
        declared = "coinbase";
        assertEquals("kraken", decide(null, false).declared_before);
        assertEquals("coinbase", decide(null, false).declared_before);
    }

    @Test
    void aSegmentAndAModelBeginWithNothing() {
        decide("kraken", false);
        segment = 4;
        CurrentVerdict.Verdict verdict = decide(null, false);
        assertNull(verdict.certain);
        assertNull(verdict.certain_before);
        assertNull(verdict.declared_before);
        decide("kraken", false);
        model = "m2";
        verdict = decide("binance", false);
        assertEquals("binance", verdict.certain);
        assertNull(verdict.previous_verdict);
        assertEquals(125L, verdict.certain_after_messages);
    }
}
