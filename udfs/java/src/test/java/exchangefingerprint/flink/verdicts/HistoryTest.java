package exchangefingerprint.flink.verdicts;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import exchangefingerprint.flink.state.StateLayout;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.util.ListCollector;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class HistoryTest {
    private final History function = new History();
    private final History.State state = new History.State();
    private final List<History.Records> records = new ArrayList<>();

    @BeforeEach
    void collect() {
        function.setCollector(new ListCollector<>(records));
    }

    private String take(String record, long segment, String model) {
        Row row = Row.withNames();
        row.setField("history_record", record);
        row.setField("segment", segment);
        row.setField("model_version", model);
        row.setField("last_offset", 1L);
        function.eval(state, row, 3);
        return records.get(records.size() - 1).history;
    }

    @Test
    void theLastThreeRecordsStay() {
        assertEquals("aa", take("aa", 1, "m"));
        assertEquals("aabb", take("bb", 1, "m"));
        assertEquals("aabbcc", take("cc", 1, "m"));
        assertEquals("bbccdd", take("dd", 1, "m"));
        assertSame(StateLayout.CURRENT, state.layout);
    }

    @Test
    void aSegmentAndAModelBeginWithNothing() {
        take("aa", 1, "m");
        assertEquals("bb", take("bb", 2, "m"));
        assertEquals("cccc", take("cccc", 2, "n"), "of its own length");
    }
}
