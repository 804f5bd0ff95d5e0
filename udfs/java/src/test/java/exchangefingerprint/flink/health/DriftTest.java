package exchangefingerprint.flink.health;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class DriftTest {
    private static final long S = 1_000_000_000L;
    private static final long START_NS = 1_790_000_000L * S;

    private final Drift drift = new Drift();
    private final List<HealthEvent> events = new ArrayList<>();
    private final List<Integer> shownBy = new ArrayList<>();
    private long nowNs = START_NS;
    private int window = -1;

    private void take(int n, long stepNs) {
        for (int i = 0; i < n; i++) {
            nowNs += window < 0 ? 0 : stepNs;
            window++;
            HealthEvent event = drift.take(nowNs, window);
            if (event != null) {
                events.add(event);
                shownBy.add(window);
            }
        }
    }

    @Test
    void fourTimesTheRateShowsAfterFourBlocksAndDatesFromTheirBegin() {
        take(161, 4 * S);
        take(31, S);
        assertEquals(List.of(), events, "24 blocks of 8 are needed");
        take(1, S);
        assertEquals(List.of(192), shownBy);
        HealthEvent event = events.get(0);
        assertEquals("drift", event.kind());
        assertEquals(160, event.sinceOffset());
        assertEquals(START_NS + 640 * S, event.sinceNs());
        assertEquals(25 / 4.0, event.rateBefore(), 1e-3, "25 messages in 4 s");
        assertEquals(25.0, event.rateNow(), 3e-3);
        assertTrue(event.score() > 3);
    }

    @Test
    void lessThanAQuarterNeverCounts() {
        take(201, 4 * S);
        take(60, Math.round(4e9 / 1.24));
        assertEquals(List.of(), events);
    }

    @Test
    void moreThanAQuarterDoes() {
        take(201, 4 * S);
        take(60, Math.round(4e9 / 1.26));
        assertEquals(1, events.size());
    }

    @Test
    void aSegmentForgetsTheOneBefore() {
        take(161, 4 * S);
        drift.restart();
        window = -1;
        take(193, S);
        assertEquals(List.of(), events);
    }
}
