package exchangefingerprint.flink.batches;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class PatienceTest {
    private static final long NS_PER_MS = 1_000_000;

    private final Patience patience = new Patience();

    @Test
    void whatIsWaitingIsGatheredLong() {
        // 1,200 windows a second, counted for a quarter of a second
        assertEquals("1 1 1 1 59 59", gathered(6, 60, 50, 1));
    }

    @Test
    void manyOfThemAreGatheredLonger() {
        assertEquals("1 1 1 1 159 159", gathered(6, 250, 50, 1)); // 5,000 a second
        assertEquals("159 59 59", gathered(3, 300, 150, 1)); // then 2,000
        assertTrue(patience.isLong());
        assertEquals("149 149 149", gathered(3, 2_000, 150, 1)); // and 13,333
    }

    @Test
    void whereTheMachineCannotDoMoreBatchesAreLarge() {
        assertEquals("60 280", gathered(2, 400, 200, 120)); // 2,000 a second
        assertEquals("10 10", gathered(2, 480, 400, 390)); // 1,200
        assertEquals("395 55", gathered(2, 240, 200, 5)); // as many, done at once
    }

    @Test
    void whatIsWatchedLiveOnABusyMachineIsNotGatheredLong() {
        assertEquals("60 60 60 60", gathered(4, 100, 100, 90)); // 1,000 a second
        assertFalse(patience.isLong());
    }

    @Test
    void aLongBatchOfWhatIsWatchedLiveEndsIt() {
        gathered(5, 60, 50, 1);
        assertTrue(patience.isLong());
        assertEquals("59 59 59 59 1", gathered(5, 60, 60, 1)); // 1,000 a second
        assertFalse(patience.isLong());
    }

    @Test
    void aLongBatchOfWhatIsWaitingDoesNotEndIt() {
        gathered(5, 60, 50, 1);
        assertEquals("40 40 40 40 40 40", gathered(6, 72, 60, 20));
    }

    @Test
    void aBurstIsNotWhatIsWaiting() {
        gathered(1, 100, 10, 1);
        assertEquals("1 1 1 1 1 1", gathered(6, 10, 50, 1)); // 150 windows in 260 ms, then 60 in 300
    }

    @Test
    void aWindowAfterALongSilenceIsNotGatheredLong() {
        assertEquals("1 1", gathered(2, 1, 3_600_000, 1));
    }

    @Test
    void aBatchIsGatheredAsLongAsACallTakes() {
        assertEquals("26", gathered(1, 10, 50, 26));
        assertEquals("60", gathered(1, 10, 600, 500));
    }

    @Test
    void whatWasGatheredDuringALongCallGoesAtOnce() {
        assertEquals("0", gathered(1, 1_000, 500, 80));
    }

    private String gathered(int nTimes, int nWindows, long sinceLastMs, long callMs) {
        StringBuilder all = new StringBuilder();
        for (int i = 0; i < nTimes; i++) {
            all.append(' ').append(patience.after(nWindows, sinceLastMs * NS_PER_MS, callMs * NS_PER_MS));
        }
        return all.substring(1);
    }
}
