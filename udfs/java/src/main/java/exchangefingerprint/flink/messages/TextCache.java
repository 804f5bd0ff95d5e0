package exchangefingerprint.flink.messages;

import java.io.IOException;
import java.util.Arrays;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.table.data.StringData;

/**
 * Texts that come again and again, by their characters: a message makes no string of what an earlier one had.
 *
 * <p>It holds so many; a text that is not among them is made anew and takes the place of another.
 */
final class TextCache {
    private static final int PLACES = 1 << 12;

    private final int fewest;
    private final int most;
    private final char[][] characters = new char[PLACES][];
    private final Entry[] entries = new Entry[PLACES];

    /** Take how many characters a text may have. */
    TextCache(int fewest, int most) {
        this.fewest = fewest;
        this.most = most;
    }

    /** Return the text that a parser is at. */
    Entry read(JsonParser parser) throws IOException {
        char[] buffer = parser.getTextCharacters();
        int begin = parser.getTextOffset();
        int end = begin + parser.getTextLength();
        int hash = 0;
        for (int i = begin; i < end; i++) {
            hash = 31 * hash + buffer[i];
        }
        int place = (hash ^ hash >>> 16) & PLACES - 1;
        char[] known = characters[place];
        if (known != null && Arrays.equals(known, 0, known.length, buffer, begin, end)) {
            return entries[place];
        }
        Entry entry = newEntry(new String(buffer, begin, end - begin));
        if (entry.isAllowed()) {
            characters[place] = Arrays.copyOfRange(buffer, begin, end);
            entries[place] = entry;
        }
        return entry;
    }

    private Entry newEntry(String text) {
        return new Entry(StringData.fromString(text), Text.isPrintable(text, fewest, most));
    }

    /** A text, and whether it may be in a message. */
    record Entry(StringData text, boolean isAllowed) {}
}
