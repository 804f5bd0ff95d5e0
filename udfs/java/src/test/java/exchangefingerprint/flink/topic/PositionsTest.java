package exchangefingerprint.flink.topic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.junit.jupiter.api.Test;

class PositionsTest {
    private final List<String> noted = new ArrayList<>();
    private long begins;
    private int asked;

    private final Positions positions =
            new Positions(
                    new TopicState(new Properties(), "messages") {
                        private static final long serialVersionUID = 1L;

                        @Override
                        long firstOffset(int partition) {
                            asked++;
                            return begins;
                        }
                    },
                    (partition, countsFrom, first, n) ->
                            noted.add(partition + ": " + first + " and so on, " + n + ", counts from " + countsFrom));

    @Test
    void whatComesInOrderIsNotAskedAbout() throws IOException {
        positions.begin(Map.of(2, 7L));
        for (long offset = 7; offset < 100; offset++) {
            assertEquals(0, positions.take(2, offset));
        }
        assertEquals(0, asked);
    }

    @Test
    void offsetsThatAreStillThereAreMarksOfTransactions() throws IOException {
        positions.begin(Map.of(0, 0L));
        begins = 1;
        positions.take(0, 0);
        assertEquals(0, positions.take(0, 2));
        assertEquals(1, asked);
        assertEquals(List.of(), noted);
    }

    /** Next would be 10; Kafka begins at 14, and 14 is a mark. */
    @Test
    void whatWasDeletedUnreadIsNotedAndCountingStartsBehindIt() throws IOException {
        positions.begin(Map.of(0, 10L));
        begins = 14;
        assertEquals(15, positions.take(0, 15));
        assertEquals(15, positions.take(0, 16));
        assertEquals(List.of("0: 10 and so on, 4, counts from 15"), noted);
        assertEquals(List.of(Tuple3.of(0, 17L, 15L)), positions.kept());
    }

    @Test
    void aPartitionThatWasAddedBeginsAtZero() throws IOException {
        positions.begin(Map.of(0, 3L));
        positions.add(2);
        assertEquals(2, positions.partitions());
        begins = 5;
        assertEquals(5, positions.take(1, 5));
        assertEquals(List.of("1: 0 and so on, 5, counts from 5"), noted);
    }

    /** Its records may come before anybody has looked at the topic. */
    @Test
    void aPartitionThatWasReadIsNotKnownForThat() throws IOException {
        positions.begin(Map.of(0, 3L));
        positions.take(1, 0);
        assertEquals(1, positions.partitions());
        positions.add(2);
        assertEquals(2, positions.partitions());
        assertEquals(0, positions.take(1, 1));
        assertEquals(List.of(), noted);
    }

    @Test
    void whatIsLeftOutRightAfterwardsIsAskedAboutBeforeItIsKept() throws IOException {
        positions.begin(Map.of(0, 0L));
        positions.take(0, 1);
        begins = 2;
        positions.take(0, 3);
        assertEquals(List.of(), noted);
        begins = 3;
        assertEquals(List.of(Tuple3.of(0, 4L, 4L)), positions.kept());
        assertEquals(List.of("0: 2 and so on, 1, counts from 4"), noted);
    }

    @Test
    void ofSeveralTasksTheFurthestCounts() throws IOException {
        positions.restore(0, 5, 0);
        positions.restore(0, 9, 4);
        positions.restore(0, 2, 0);
        assertEquals(4, positions.take(0, 9));
    }

    @Test
    void anOffsetThatCameBeforeEndsTheJobForGood() throws IOException {
        positions.restore(0, 9, 0);
        String said =
                assertThrows(SuppressRestartsException.class, () -> positions.take(0, 8)).getCause().getMessage();
        assertTrue(said.startsWith("Expected offset 9 or a later one in partition 0 of messages, found 8: "), said);
    }
}
