package exchangefingerprint.flink.verdicts;

import exchangefingerprint.flink.state.Bytes;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;

/** Prints what is computed of windows, line by line as they are read; what it prints and reads, the argument says. */
final class PrintVerdicts {
    private final Map<String, Verdicts.State> states = new HashMap<>();
    private final Verdicts function = new Verdicts();
    private ScoringModel model;

    private PrintVerdicts() {}

    public static void main(String[] arguments) throws IOException {
        PrintVerdicts printer = new PrintVerdicts();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        StringBuilder out = new StringBuilder();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String found = printer.print(arguments[0], line);
            if (found != null) {
                out.append(found).append('\n');
            }
        }
        System.out.print(out);
    }

    private String print(String what, String line) throws IOException {
        switch (what) {
            case "decisions":
                return decision(line);
            case "probabilities":
                return probabilities(line.split(" "));
            case "signatures":
                return Signature.of(shorts(line)).toString();
            case "features":
                double feature = Double.longBitsToDouble(Long.parseUnsignedLong(line, 16));
                return Integer.toHexString(Float.floatToIntBits(Verdicts.storedFeature(feature)));
            default:
                return row(line.split("\t", -1));
        }
    }

    /** Read a model, or all evidence of a connection's windows. */
    private String decision(String line) {
        if (line.startsWith("{")) {
            model = ScoringModel.parse(line);
            return null;
        }
        Decision decision = Decision.of(shorts(line), model);
        return String.join(
                " ",
                "" + decision.decisive(),
                "" + decision.overturns(),
                "" + decision.leaning(),
                "" + decision.strengthMillinats(),
                "" + decision.suffixWindows(),
                bits(decision.probability()));
    }

    /** Read an intercept, a slope, and the largest lead. */
    private static String probabilities(String[] rule) {
        StringBuilder text = new StringBuilder();
        for (long strength = 0; strength <= Long.parseLong(rule[2]); strength++) {
            double found = VerdictProbability.of(
                    strength, Double.parseDouble(rule[0]), Double.parseDouble(rule[1]));
            text.append(strength == 0 ? "" : " ").append(bits(found));
        }
        return text.toString();
    }

    /** Read a connection, and a window of it: the columns of {@code SCORED}, of which a text that is empty is NULL. */
    private String row(String[] values) throws IOException {
        Verdicts.State state = states.computeIfAbsent(values[0], id -> new Verdicts.State());
        GenericRowData scored = GenericRowData.of(
                StringData.fromString(values[0]),
                Integer.parseInt(values[1]),
                Long.parseLong(values[2]),
                values[3].isEmpty() ? null : StringData.fromString(values[3]),
                Long.parseLong(values[4]),
                Long.parseLong(values[5]),
                Long.parseLong(values[6]),
                Long.parseLong(values[7]),
                Long.parseLong(values[8]),
                Base64.getDecoder().decode(values[9]),
                StringData.fromString(values[10]));
        GenericRowData judged = function.judge(state, scored);
        // As after a checkpoint, and as the heap's copies are.
        ConnectionPast.Serializer serializer = new ConnectionPast.Serializer();
        state.past = serializer.copy(Bytes.read(serializer, Bytes.of(serializer, state.past)));
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < judged.getArity(); i++) {
            text.append(i == 0 ? "" : "\t").append(printed(judged.getField(i)));
        }
        return text.toString();
    }

    private static String printed(Object value) {
        if (value instanceof byte[] bytes) {
            return Base64.getEncoder().encodeToString(bytes);
        }
        if (value instanceof ArrayData numbers) {
            return Arrays.toString(numbers.toFloatArray()).replace("NaN", "null");
        }
        return value == null ? "" : value.toString();
    }

    private static String bits(double number) {
        return Long.toHexString(Double.doubleToLongBits(number));
    }

    private static short[] shorts(String line) {
        String[] numbers = line.split(" ");
        short[] found = new short[numbers.length];
        for (int i = 0; i < found.length; i++) {
            found[i] = Short.parseShort(numbers[i]);
        }
        return found;
    }
}
