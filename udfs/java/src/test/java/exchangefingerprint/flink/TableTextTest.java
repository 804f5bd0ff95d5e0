package exchangefingerprint.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class TableTextTest {
    private static String millionths(long number) {
        ByteText text = new ByteText();
        TableText.appendMillionths(text, number);
        return text.toStringData().toString();
    }

    @Test
    void millionthsHaveNoMoreDigitsThanTheyNeed() {
        assertEquals("0.0", millionths(0));
        assertEquals("0.000001", millionths(1));
        assertEquals("0.25", millionths(250_000));
        assertEquals("1.0", millionths(1_000_000));
        assertEquals("12.000305", millionths(12_000_305));
    }

    @Test
    void timesAreCutToMicroseconds() {
        assertEquals("2026-09-21T14:13:20.000000Z", TableText.timestamp(1_790_000_000_000_000_999L).toString());
        assertEquals("2026-09-21T14:13:20.000001Z", TableText.timestamp(1_790_000_000_000_001_999L).toString());
        assertEquals("2000-02-29T23:59:59.999999Z", TableText.timestamp(951_868_799_999_999_999L).toString());
        assertEquals("1969-12-31T23:59:59.999999Z", TableText.timestamp(-1).toString());
        assertEquals("2262-04-11T23:47:16.854775Z", TableText.timestamp(Long.MAX_VALUE).toString());
        assertEquals("1677-09-21T00:12:43.145224Z", TableText.timestamp(Long.MIN_VALUE).toString());
    }
}
