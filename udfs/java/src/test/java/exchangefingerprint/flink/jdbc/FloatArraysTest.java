package exchangefingerprint.flink.jdbc;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import org.junit.jupiter.api.Test;

class FloatArraysTest {
    @Test
    void whatIsNoNumberIsNull() {
        float[] numbers = {1.5F, Float.NaN, 0.0F, Float.NEGATIVE_INFINITY};
        assertArrayEquals(
                new Float[] {1.5F, null, 0.0F, Float.NEGATIVE_INFINITY}, FloatArrays.withNulls(numbers));
    }
}
