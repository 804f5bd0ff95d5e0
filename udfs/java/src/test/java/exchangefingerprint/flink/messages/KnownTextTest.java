package exchangefingerprint.flink.messages;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class KnownTextTest {
    /** Each length around one, two and three words, at each place, with each byte changed once. */
    @Test
    void itIsThereWhereEachByteIs() {
        String letters = "abcdefghijklmnopqrstuvwxyz";
        for (int length = 1; length <= 25; length++) {
            KnownText text = new KnownText(letters.substring(0, length));
            assertEquals(length, text.length());
            for (int before = 0; before < 9; before++) {
                for (int behind = 0; behind < 26; behind++) {
                    byte[] body = ("-".repeat(before) + letters.substring(0, length) + "+".repeat(behind))
                            .getBytes(StandardCharsets.US_ASCII);
                    assertTrue(text.isAt(body, before));
                    assertFalse(text.isAt(body, before + 1));
                    for (int at = before; at < before + length; at++) {
                        body[at] ^= (byte) 0x80;
                        assertFalse(text.isAt(body, before));
                        body[at] ^= (byte) 0x80;
                    }
                }
            }
        }
    }

    @Test
    void itIsNotThereWhereItIsCutOff() {
        KnownText text = new KnownText("\"seq\"");
        assertFalse(text.isAt("\"seq".getBytes(StandardCharsets.US_ASCII), 0));
        assertFalse(text.isAt(new byte[0], 0));
        assertTrue(text.isAt("\"seq\"".getBytes(StandardCharsets.US_ASCII), 0));
    }
}
