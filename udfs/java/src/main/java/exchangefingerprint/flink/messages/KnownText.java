package exchangefingerprint.flink.messages;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** A short ASCII text that is looked for in messages again and again, eight bytes at a time. */
final class KnownText {
    private static final VarHandle EIGHT_BYTES =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final byte[] text;
    private final long[] words;
    private final long lastMask;

    KnownText(String ascii) {
        text = ascii.getBytes(StandardCharsets.US_ASCII);
        words = new long[(text.length + Long.BYTES - 1) / Long.BYTES];
        byte[] padded = Arrays.copyOf(text, words.length * Long.BYTES);
        Arrays.setAll(words, word -> (long) EIGHT_BYTES.get(padded, word * Long.BYTES));
        lastMask = -1L >>> Long.SIZE - Byte.SIZE * (text.length - (words.length - 1) * Long.BYTES);
    }

    int length() {
        return text.length;
    }

    /** Tell whether it stands there. */
    boolean isAt(byte[] body, int at) {
        int last = words.length - 1;
        if (at + words.length * Long.BYTES > body.length) {
            int end = at + text.length;
            return end <= body.length && Arrays.equals(text, 0, text.length, body, at, end);
        }
        for (int word = 0; word < last; word++) {
            if ((long) EIGHT_BYTES.get(body, at + word * Long.BYTES) != words[word]) {
                return false;
            }
        }
        return ((long) EIGHT_BYTES.get(body, at + last * Long.BYTES) & lastMask) == words[last];
    }
}
