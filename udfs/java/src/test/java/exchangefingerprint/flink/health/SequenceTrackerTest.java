package exchangefingerprint.flink.health;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.junit.jupiter.api.Test;

class SequenceTrackerTest {
    private final SequenceTracker tracker = new SequenceTracker();
    private long offset;

    /** Message k comes at 10 ns times k, with offset k. */
    private HealthEvent take(long seq) {
        HealthEvent event = tracker.take(seq, 10 * offset, offset);
        offset++;
        return event;
    }

    private void takeAll(long first, int n, long step) {
        for (int i = 0; i < n; i++) {
            assertNull(take(first + i * step));
        }
    }

    @Test
    void aNumberThatIsLeftOutAfterTwoHundredStepsOfOneIsAGap() {
        takeAll(1, 201, 1);
        HealthEvent event = take(205);
        assertEquals(
                new HealthEvent("gap", 2000, 200, 201L, 205L, 3L, null, null, null, null, null), event);
        assertNull(take(300), "after a fault it is learnt anew");
    }

    @Test
    void oneStepLessPromisesNothing() {
        takeAll(1, 200, 1);
        assertNull(take(205));
    }

    @Test
    void theSameNumberAgainIsARepeatAndALowerOneAReset() {
        takeAll(1, 201, 1);
        assertEquals("repeat", take(201).kind());
        takeAll(202, 200, 1);
        HealthEvent reset = take(5);
        assertEquals("reset", reset.kind());
        assertNull(reset.missing());
    }

    @Test
    void twoThousandStepsUpPromiseAnotherOne() {
        takeAll(0, 2001, 7);
        assertEquals("reset", take(13_999).kind());
    }

    @Test
    void aNumberBelowAThousandOthersIsAReset() {
        for (int i = 0; i < 500; i++) {
            assertNull(take(1000 + i));
            assertNull(take(10 + i), "the other stream");
        }
        assertEquals("reset", take(9).kind());
    }

    @Test
    void moreThanSixtyFourBitsAreMissing() {
        takeAll(Long.MIN_VALUE + 1, 201, 1);
        assertEquals(Long.MAX_VALUE, take(Long.MAX_VALUE).missing());
    }
}
