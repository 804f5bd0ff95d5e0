package exchangefingerprint.flink.batches;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PatienceTest {
    @Test
    void whatIsWaitingIsGatheredLongerFromTheFifthBatchOn() {
        assertEquals("0 0 0 0 50 50 50", longer(20, 21, 500, 20, 20, 2000, 20));
    }

    @Test
    void aBurstIsNot() {
        assertEquals("0 0 0 0 0 0 0", longer(500, 500, 0, 0, 500, 500, 0));
    }

    @Test
    void oneSmallBatchEndsIt() {
        assertEquals("0 0 0 0 50 0 0", longer(20, 20, 20, 20, 20, 19, 20));
    }

    private static String longer(int... batches) {
        Patience patience = new Patience();
        return String.join(
                " ",
                IntStream.of(batches).mapToObj(n -> Long.toString(patience.after(n))).toList());
    }
}
