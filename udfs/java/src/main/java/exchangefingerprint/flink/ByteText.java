package exchangefingerprint.flink;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.flink.table.data.StringData;

/** Builds a text in the bytes that Flink keeps it in, and is used again and again. */
public final class ByteText {
    private byte[] bytes = new byte[1024];
    private int length;

    /** Begin an empty text. */
    public ByteText clear() {
        length = 0;
        return this;
    }

    /** Append a character of ASCII. */
    public ByteText append(char character) {
        ensureRoom(1);
        bytes[length++] = (byte) character;
        return this;
    }

    /** Append UTF-8. */
    public ByteText append(byte[] text) {
        ensureRoom(text.length);
        System.arraycopy(text, 0, bytes, length, text.length);
        length += text.length;
        return this;
    }

    /** Append a text. */
    public ByteText append(String text) {
        return append(text.getBytes(StandardCharsets.UTF_8));
    }

    private void ensureRoom(int more) {
        if (length + more > bytes.length) {
            bytes = Arrays.copyOf(bytes, 2 * (length + more));
        }
    }

    /** Return a text of its own. */
    public StringData toStringData() {
        return StringData.fromBytes(Arrays.copyOf(bytes, length));
    }
}
