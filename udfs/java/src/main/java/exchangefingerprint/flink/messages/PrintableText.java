package exchangefingerprint.flink.messages;

import exchangefingerprint.flink.SharedConstants;
import org.apache.flink.table.functions.ScalarFunction;

/** Decodes bytes to a text that a table can hold and a person can read; null if they are none. */
public final class PrintableText extends ScalarFunction {
    private static final long serialVersionUID = 1L;

    /** Return the text, or null. */
    public String eval(byte[] bytes) {
        String text = bytes == null ? null : Text.decode(bytes);
        return text != null && Text.isPrintable(text, 0, SharedConstants.MAX_ID_CHARACTERS) ? text : null;
    }
}
