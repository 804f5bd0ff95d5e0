package exchangefingerprint.flink.messages;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.nio.charset.StandardCharsets;
import org.apache.flink.table.data.StringData;
import org.junit.jupiter.api.Test;

class TextCacheTest {
    private final TextCache texts = new TextCache();

    private StringData read(String text) {
        byte[] bytes = ("ab" + text + "c").getBytes(StandardCharsets.US_ASCII);
        return texts.text(bytes, 2, bytes.length - 1);
    }

    @Test
    void aTextIsMadeOnce() {
        StringData first = read("conn-1");
        assertEquals(StringData.fromString("conn-1"), first);
        assertSame(first, read("conn-1"));
        assertEquals(StringData.fromString(""), read(""));
    }

    @Test
    void textsOfOneHashAreToldApart() {
        assertEquals("Aa".hashCode(), "BB".hashCode());
        StringData first = read("Aa");
        assertEquals("BB", read("BB").toString());
        assertEquals("Aa", first.toString(), "what was given away stays");
        assertEquals("Aa", read("Aa").toString());
    }
}
