package exchangefingerprint.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.apache.flink.table.data.GenericRowData;
import org.junit.jupiter.api.Test;

class RowLayoutTest {
    private static final RowLayout LAYOUT = RowLayout.of("ROW<kind STRING, columns ARRAY<BIGINT NOT NULL>, n BIGINT>");

    @Test
    void columnsStandWhereTheTypeHasThem() {
        assertEquals(List.of("kind", "columns", "n"), LAYOUT.names());
        assertEquals(2, LAYOUT.place("n"));
        GenericRowData row = LAYOUT.newRow();
        LAYOUT.set(row, "n", 7L);
        assertEquals(GenericRowData.of(null, null, 7L), row);
    }

    @Test
    void anUnknownColumnIsNamed() {
        String said = assertThrows(IllegalArgumentException.class, () -> LAYOUT.place("m")).getMessage();
        assertTrue(said.contains("Expected a column m, found kind, columns, n"), said);
    }
}
