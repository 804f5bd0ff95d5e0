package exchangefingerprint.flink.messages;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonFactory;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.junit.jupiter.api.Test;

class TextCacheTest {
    private static final JsonFactory JSON = new JsonFactory();

    private final TextCache texts = new TextCache(1, 3);

    private TextCache.Entry read(String json) throws IOException {
        try (JsonParser parser = JSON.createParser(json)) {
            parser.nextToken();
            return texts.read(parser);
        }
    }

    @Test
    void aTextIsMadeOnce() throws IOException {
        TextCache.Entry first = read("\"abc\"");
        assertEquals("abc", first.text().toString());
        assertTrue(first.isAllowed());
        assertSame(first, read("\"a\\u0062c\""), "whatever way it is written");
    }

    @Test
    void textsOfOneHashAreToldApart() throws IOException {
        assertEquals("Aa".hashCode(), "BB".hashCode());
        assertEquals("Aa", read("\"Aa\"").text().toString());
        assertEquals("BB", read("\"BB\"").text().toString());
        assertEquals("Aa", read("\"Aa\"").text().toString());
    }

    @Test
    void whatMayNotBeIsNotKept() throws IOException {
        for (String json : new String[] {"\"\"", "\"abcd\"", "\"a\\u0000\""}) {
            TextCache.Entry refused = read(json);
            assertFalse(refused.isAllowed());
            assertNotSame(refused, read(json));
        }
    }
}
