package exchangefingerprint.flink.verdicts;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import exchangefingerprint.flink.SharedConstants;
import exchangefingerprint.flink.state.Bytes;
import exchangefingerprint.flink.windows.Windows;
import java.io.IOException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

/** If this fails, what is kept has changed: raise STATE_LAYOUT in {@code udfs/schema.py} as well. */
class StateFieldsTest {
    private static final ConnectionPast.Serializer SERIALIZER = new ConnectionPast.Serializer();

    private static ConnectionPast newPast() {
        ConnectionPast past = new ConnectionPast();
        past.segment = 3;
        past.partition = 4;
        past.modelVersion = "m";
        past.add(5, 6, new short[] {-1, 2}, new short[] {3});
        return past;
    }

    private static void makeCertain(ConnectionPast past) {
        past.declared = "d";
        past.certain = "c";
        past.probability = 1.0;
        past.strengthMillinats = 7;
        past.suffixWindows = 8;
        past.sinceNs = 9;
        past.sinceOffset = 10;
        past.afterMessages = 11;
    }

    @Test
    void theLayoutIsThis() throws IOException {
        assertEquals(6, SharedConstants.STATE_LAYOUT);
        assertEquals(List.of("calls long", "past ConnectionPast"), fields(Verdicts.State.class));
        assertEquals(List.of("calls long", "ring MessageRing"), fields(Windows.State.class));
        ConnectionPast past = newPast();
        String windows = "06" + "0000000000000003" + "00000004" + "00016d"
                + "01" + "0000000000000005" + "0000000000000006" + "00000002" + "ffff0002" + "00000001" + "0003";
        assertEquals(windows + "00" + "00", hex(past));
        makeCertain(past);
        assertEquals(
                windows + "01000164" + "01000163" + "3ff0000000000000" + "0000000000000007" + "08"
                        + "0000000000000009" + "000000000000000a" + "000000000000000b" + "00",
                hex(past));
    }

    @Test
    void whatIsReadIsWhatWasWritten() throws IOException {
        ConnectionPast past = newPast();
        assertNull(Bytes.read(SERIALIZER, Bytes.of(SERIALIZER, past)).certain);
        makeCertain(past);
        past.previous = "p";
        ConnectionPast read = Bytes.read(SERIALIZER, Bytes.of(SERIALIZER, past));
        assertEquals("p", read.previous);
        assertEquals(hex(past), hex(read));
    }

    @Test
    void aCopyStaysAsItIs() throws IOException {
        ConnectionPast past = newPast();
        ConnectionPast copy = SERIALIZER.copy(past);
        String before = hex(past);
        past.add(7, 8, new short[] {1, 1}, new short[] {4});
        makeCertain(past);
        assertEquals(before, hex(copy));
        assertArrayEquals(new long[] {5, 7}, past.startNs);
    }

    @Test
    void sixteenWindowsStay() {
        ConnectionPast past = new ConnectionPast();
        for (short i = 0; i < 40; i++) {
            past.add(i, 25L * i, new short[] {i, (short) -i}, new short[] {i});
        }
        assertEquals(16, past.startNs.length);
        assertEquals(24, past.startNs[0]);
        assertEquals(25 * 39, past.firstOffset[15]);
        assertEquals(32, past.evidence.length);
        assertEquals(24, past.evidence[0]);
        assertEquals(-39, past.evidence[31]);
        assertEquals(16, past.traits.length);
    }

    private static String hex(ConnectionPast past) throws IOException {
        return HexFormat.of().formatHex(Bytes.of(SERIALIZER, past));
    }

    private static List<String> fields(Class<?> type) {
        return Arrays.stream(type.getDeclaredFields())
                .filter(field -> !field.isSynthetic())
                .map(field -> field.getName() + " " + field.getType().getSimpleName())
                .toList();
    }
}
