package exchangefingerprint.flink.jdbc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PatientFlushesTest {
    private static final long TICK_NS = 10_000_000L;

    /** Let rows come at a rate, and list at which ticks they are written, and how many each time. */
    private static List<List<Integer>> written(PatientFlushes flushes, int fromTick, int ticks, int rowsEach) {
        List<List<Integer>> written = new ArrayList<>();
        int waiting = 0;
        for (int tick = fromTick; tick < fromTick + ticks; tick++) {
            waiting += rowsEach;
            if (flushes.isDue(waiting, tick * TICK_NS)) {
                written.add(List.of(tick, waiting));
                waiting = 0;
            }
        }
        return written;
    }

    @Test
    void fewRowsAreWrittenAtEachTick() {
        List<List<Integer>> written = written(new PatientFlushes(0), 1, 100, 20);
        assertEquals(100, written.size());
        assertEquals(List.of(100, 20), written.get(99));
    }

    @Test
    void manyRowsAreWrittenEachSixtyMilliseconds() {
        List<List<Integer>> written = written(new PatientFlushes(0), 1, 100, 21);
        // 25 ticks until they are counted, 2,100 a second; then each sixth.
        assertEquals(List.of(25, 21), written.get(24));
        assertEquals(List.of(31, 126), written.get(25));
        assertEquals(List.of(37, 126), written.get(26));
        assertEquals(25 + 12, written.size());
    }

    @Test
    void itIsQuickAgainOnceFewCome() {
        PatientFlushes flushes = new PatientFlushes(0);
        written(flushes, 1, 60, 50);
        List<List<Integer>> written = written(flushes, 61, 100, 1);
        assertEquals(List.of(160, 1), written.get(written.size() - 1));
        assertTrue(written.stream().filter(each -> each.get(0) > 110).allMatch(each -> each.get(1) == 1));
    }

    @Test
    void whereNothingWaitsNothingIsWritten() {
        assertFalse(new PatientFlushes(0).isDue(0, TICK_NS));
    }
}
