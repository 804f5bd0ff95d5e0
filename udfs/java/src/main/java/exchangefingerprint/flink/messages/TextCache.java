package exchangefingerprint.flink.messages;

import java.util.Arrays;
import org.apache.flink.table.data.StringData;

/**
 * Texts that come again and again, by their bytes: a message makes no string of what an earlier one had.
 *
 * <p>It holds so many; a text that is not among them is made anew and takes the place of another.
 */
final class TextCache {
    private static final int PLACES = 1 << 12;

    private final byte[][] known = new byte[PLACES][];
    private final StringData[] texts = new StringData[PLACES];

    /** Return the text whose ASCII stands there. */
    StringData text(byte[] bytes, int begin, int end) {
        int hash = 0;
        for (int i = begin; i < end; i++) {
            hash = 31 * hash + bytes[i];
        }
        int place = (hash ^ hash >>> 16) & PLACES - 1;
        byte[] before = known[place];
        if (before == null || !Arrays.equals(before, 0, before.length, bytes, begin, end)) {
            known[place] = Arrays.copyOfRange(bytes, begin, end);
            texts[place] = StringData.fromBytes(known[place]);
        }
        return texts[place];
    }
}
