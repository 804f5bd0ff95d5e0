package exchangefingerprint.flink.health;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class IntervalTrackerTest {
    private static final long S = 1_000_000_000L;

    private final IntervalTracker tracker = new IntervalTracker();
    private long nowNs;

    private void take(int n, long pauseNs) {
        for (int i = 0; i < n; i++) {
            nowNs += pauseNs;
            tracker.take(nowNs, i);
        }
    }

    @Test
    void aLimitIsFourTimesTheLongestPauseAndFiveSecondsAtLeast() {
        take(200, S);
        assertFalse(tracker.isKnown(), "199 pauses");
        take(1, 3 * S);
        assertTrue(tracker.isKnown());
        assertEquals(12 * S, tracker.limitNs());
        assertFalse(tracker.isSilentAt(nowNs + 12 * S));
        assertTrue(tracker.isSilentAt(nowNs + 12 * S + 1));
        tracker.restart();
        take(201, S / 10);
        assertEquals(5 * S, tracker.limitNs());
    }

    @Test
    void aPauseIsForgottenTwoBlocksLater() {
        take(1, 0);
        take(1, 10 * S);
        take(999, S);
        assertEquals(40 * S, tracker.limitNs(), "1000 pauses are a block: it is the one before from now on");
        take(999, S);
        assertEquals(40 * S, tracker.limitNs());
        take(1, S);
        assertEquals(5 * S, tracker.limitNs());
    }

    @Test
    void steadyIsNoPauseOfMoreThanTwiceTheMean() {
        take(1, 0);
        assertFalse(tracker.isSteady(), "no pause");
        take(2, S);
        take(1, 2 * S);
        assertTrue(tracker.isSteady(), "2 s, mean 4/3 s");
        tracker.restart();
        take(3, S);
        take(1, 5 * S);
        assertFalse(tracker.isSteady(), "5 s, mean 7/3 s");
    }
}
