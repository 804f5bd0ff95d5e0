package fingerprint;

import org.apache.flink.table.functions.ScalarFunction;

/** Says why a record is refused: for its value, if that has a reason, else for its key. */
public final class Refusal extends ScalarFunction {
    /** Return the reason's text. */
    public String eval(String ofValue, String key) {
        if (ofValue != null) {
            return ofValue;
        }
        return key == null ? Reason.NO_KEY.text : Reason.OTHER_KEY.text;
    }
}
