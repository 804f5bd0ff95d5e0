package exchangefingerprint.flink.batches;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PatienceTest {
    @Test
    void whatIsWaitingIsGatheredLongerFromTheFifthBatchOn() {
        assertEquals("0 0 0 0 40 40 40", longer(40, 41, 500, 40, 40, 2000, 40));
    }

    @Test
    void aBurstIsNot() {
        assertEquals("0 0 0 0 0 0 0", longer(500, 500, 0, 0, 500, 500, 0));
    }

    @Test
    void oneSmallBatchEndsIt() {
        assertEquals("0 0 0 0 40 0 0", longer(40, 40, 40, 40, 40, 39, 40));
    }

    private static String longer(int... batches) {
        Patience patience = new Patience();
        return String.join(
                " ",
                IntStream.of(batches).mapToObj(n -> Long.toString(patience.after(n))).toList());
    }
}
