package exchangefingerprint.flink.messages;

import exchangefingerprint.flink.SharedConstants;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** What of bytes and strings may pass. */
final class Text {
    /** First and last code point of each range. */
    private static final int[] INVISIBLE =
            SharedConstants.INVISIBLE.stream().mapToInt(Integer::intValue).toArray();

    private static final VarHandle EIGHT_BYTES =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());
    private static final long NOT_ASCII = 0x8080808080808080L;

    private Text() {}

    /** Tell whether bytes are UTF-8: neither overlong forms nor surrogates. */
    static boolean isUtf8(byte[] bytes) {
        return isAscii(bytes) || decode(bytes) != null;
    }

    /** Decode UTF-8; null if the bytes are none. */
    static String decode(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            return null;
        }
    }

    /** Tell whether a text has no control characters, invisible ones and lone surrogates, and so many characters. */
    static boolean isPrintable(String text, int fewest, int most) {
        int characters = 0;
        for (int at = 0; at < text.length(); characters++) {
            int character = text.codePointAt(at);
            if (Character.isISOControl(character) || isSurrogate(character) || isInvisible(character)) {
                return false;
            }
            at += Character.charCount(character);
        }
        return characters >= fewest && characters <= most;
    }

    private static boolean isInvisible(int character) {
        for (int range = 0; range < INVISIBLE.length && INVISIBLE[range] <= character; range += 2) {
            if (character <= INVISIBLE[range + 1]) {
                return true;
            }
        }
        return false;
    }

    private static boolean isSurrogate(int character) {
        return character >= Character.MIN_SURROGATE && character <= Character.MAX_SURROGATE;
    }

    private static boolean isAscii(byte[] bytes) {
        int wholeEnd = bytes.length & -Long.BYTES;
        long all = 0;
        for (int at = 0; at < wholeEnd; at += Long.BYTES) {
            all |= (long) EIGHT_BYTES.get(bytes, at);
        }
        for (int at = wholeEnd; at < bytes.length; at++) {
            all |= bytes[at];
        }
        return (all & NOT_ASCII) == 0;
    }
}
