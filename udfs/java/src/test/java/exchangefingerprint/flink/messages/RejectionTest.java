package exchangefingerprint.flink.messages;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class RejectionTest {
    @Test
    void theValueComesBeforeTheKey() {
        Rejection rejection = new Rejection();
        assertEquals("not JSON", rejection.eval("not JSON", null));
        assertEquals("no key", rejection.eval(null, null));
        assertEquals("key is not the connection_id", rejection.eval(null, "k"));
    }

    @Test
    void overlongFormsAndSurrogatesAreNoUtf8() {
        assertTrue(Text.isUtf8("aé€😀".getBytes(StandardCharsets.UTF_8)));
        assertFalse(Text.isUtf8(new byte[] {(byte) 0xC0, (byte) 0x80}));
        assertFalse(Text.isUtf8(new byte[] {(byte) 0xED, (byte) 0xA0, (byte) 0x80}));
        assertFalse(Text.isUtf8(new byte[] {'a', (byte) 0xC3}));
        for (int length = 0; length < 20; length++) {
            assertTrue(Text.isUtf8(new byte[length]));
            for (int at = 0; at < length; at++) {
                byte[] bytes = new byte[length];
                bytes[at] = (byte) 0x80;
                assertFalse(Text.isUtf8(bytes), at + " of " + length);
            }
        }
    }

    @Test
    void aKeyIsATextThatCanBePrintedOrNone() {
        PrintableText text = new PrintableText();
        assertEquals("", text.eval(new byte[0]));
        assertEquals("é".repeat(128), text.eval("é".repeat(128).getBytes(StandardCharsets.UTF_8)));
        assertNull(text.eval("é".repeat(129).getBytes(StandardCharsets.UTF_8)));
        assertNull(text.eval("a\u0085b".getBytes(StandardCharsets.UTF_8)));
        assertNull(text.eval(new byte[] {'c', 'a', 'f', (byte) 0xE9}));
        assertNull(text.eval(null));
    }
}
