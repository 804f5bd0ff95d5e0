package exchangefingerprint.flink.messages;

import org.apache.flink.table.functions.ScalarFunction;

/** Says why a record is rejected: for its value, if that has a reason, else for its key. */
public final class Rejection extends ScalarFunction {
    private static final long serialVersionUID = 1L;

    /** Return the reason's text. */
    public String eval(String ofValue, String key) {
        if (ofValue != null) {
            return ofValue;
        }
        return key == null ? RejectionReason.NO_KEY.text : RejectionReason.OTHER_KEY.text;
    }
}
