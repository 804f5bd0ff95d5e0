package exchangefingerprint.flink.verdicts;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.table.data.StringData;

/** A model's name, its classes, and how much evidence it needs: read from the text that comes with each window. */
final class ScoringModel {
    private static final ObjectMapper JSON = new ObjectMapper();

    final StringData text;
    final StringData version;

    /** The classes by their index, and the UTF-8 of the keys that they are in a JSON object. */
    final StringData[] classes;

    final byte[][] keys;

    /** Lead at which each class is decisive. */
    final long[] boundsMillinats;

    /** Index of the class {@code unknown}. */
    final int unknown;

    /** Of the probability of a verdict. */
    final double intercept;

    final double slopePerNat;

    private ScoringModel(String text, JsonNode model) throws IOException {
        this.text = StringData.fromString(text);
        version = StringData.fromString(model.required("model_version").asText());
        JsonNode names = model.required("classes");
        JsonNode bounds = model.required("bounds_millinats");
        classes = new StringData[names.size()];
        keys = new byte[names.size()][];
        boundsMillinats = new long[names.size()];
        for (int i = 0; i < classes.length; i++) {
            classes[i] = StringData.fromString(names.get(i).asText());
            String key = (i == 0 ? "{" : ",") + JSON.writeValueAsString(names.get(i)) + ":";
            keys[i] = key.getBytes(StandardCharsets.UTF_8);
            boundsMillinats[i] = bounds.get(i).asLong();
        }
        unknown = model.required("unknown").asInt();
        intercept = model.required("intercept").asDouble();
        slopePerNat = model.required("slope_per_nat").asDouble();
    }

    /** Read a model's text. */
    static ScoringModel parse(String text) {
        try {
            return new ScoringModel(text, JSON.readTree(text));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
