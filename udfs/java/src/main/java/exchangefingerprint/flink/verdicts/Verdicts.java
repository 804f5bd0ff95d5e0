package exchangefingerprint.flink.verdicts;

import static org.apache.flink.table.annotation.ArgumentTrait.SET_SEMANTIC_TABLE;

import exchangefingerprint.flink.ByteText;
import exchangefingerprint.flink.RowLayout;
import exchangefingerprint.flink.SharedConstants;
import exchangefingerprint.flink.TableText;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.apache.flink.metrics.Counter;
import org.apache.flink.table.annotation.ArgumentHint;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.FunctionHint;
import org.apache.flink.table.annotation.StateHint;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.ProcessTableFunction;

/**
 * Makes of every scored window what the tables hold of it, and what stands for its connection from then on.
 *
 * <p>The first class that is decisive stands until another one overturns it; a window that could overturn also upholds.
 * In a new segment of the connection, or before another model, nothing stands and no window came before.
 */
@FunctionHint(output = @DataTypeHint(value = Verdicts.JUDGED, bridgedTo = RowData.class))
public final class Verdicts extends ProcessTableFunction<RowData> {
    private static final long serialVersionUID = 1L;

    /** The columns of a scored window, in the order in which the job's SQL selects them. */
    static final String SCORED =
            "ROW<connection_id STRING, kafka_partition INT, last_offset BIGINT, declared_exchange STRING,"
                    + " n BIGINT, segment BIGINT, first_offset BIGINT, window_start_ns BIGINT, window_end_ns BIGINT,"
                    + " record BYTES, model STRING>";

    /** The columns of what is emitted. */
    static final String JUDGED =
            "ROW<kafka_partition INT, last_offset BIGINT, declared_exchange STRING, n BIGINT,"
                    + " first_offset BIGINT, window_start_at STRING, window_end_at STRING,"
                    + " predicted_exchange STRING, confidence DOUBLE, probabilities STRING, unknown_score DOUBLE,"
                    + " signature STRING, features ARRAY<FLOAT NOT NULL>, model_version STRING,"
                    + " leaning STRING, strength_nats DOUBLE, probability DOUBLE,"
                    + " since_at STRING, since_offset BIGINT, pooled_signature STRING,"
                    + " certain STRING, certain_strength_nats DOUBLE, certain_probability DOUBLE,"
                    + " certain_suffix_windows BIGINT, certain_since_at STRING, certain_since_offset BIGINT,"
                    + " certain_after_messages BIGINT, previous_verdict STRING,"
                    + " certain_before STRING, has_news BOOLEAN, exact_features BYTES>";

    private static final RowLayout OUT = RowLayout.of(JUDGED);
    private static final RowLayout IN = RowLayout.of(SCORED);
    private static final int KAFKA_PARTITION = IN.place("kafka_partition");
    private static final int LAST_OFFSET = IN.place("last_offset");
    private static final int DECLARED_EXCHANGE = IN.place("declared_exchange");
    private static final int N = IN.place("n");
    private static final int SEGMENT = IN.place("segment");
    private static final int FIRST_OFFSET = IN.place("first_offset");
    private static final int WINDOW_START_NS = IN.place("window_start_ns");
    private static final int WINDOW_END_NS = IN.place("window_end_ns");
    private static final int RECORD = IN.place("record");
    private static final int MODEL = IN.place("model");

    private static final double MILLINATS_PER_NAT = 1000;

    private transient Map<String, ScoringModel> models;
    private transient ScoringModel model;
    private transient Counter windowsDecided;
    private transient ByteText text;

    /** What is kept of a connection. */
    public static final class State {
        /** Differs after every window: Flink compares hashes before it writes, and the past has none of its own. */
        public long calls;

        /** Its last windows, and what stands. */
        @DataTypeHint(value = "RAW", bridgedTo = ConnectionPast.class, rawSerializer = ConnectionPast.Serializer.class)
        public ConnectionPast past;
    }

    @Override
    public void open(FunctionContext context) {
        windowsDecided = context.getMetricGroup().counter("windows_decided");
    }

    /** Take in a window of the connection. */
    public void eval(
            @StateHint State state,
            @ArgumentHint(
                            value = SET_SEMANTIC_TABLE,
                            type = @DataTypeHint(value = SCORED, bridgedTo = RowData.class))
                    RowData scored) {
        collect(judge(state, scored));
        windowsDecided.inc();
    }

    GenericRowData judge(State state, RowData scored) {
        read(scored.getString(MODEL));
        if (state.past == null || !goesOn(state.past, scored)) {
            state.past = new ConnectionPast();
            state.past.segment = scored.getLong(SEGMENT);
            state.past.partition = scored.getInt(KAFKA_PARTITION);
            state.past.modelVersion = model.version.toString();
        }
        state.calls++;
        text = text == null ? new ByteText() : text;
        WindowRecord record = new WindowRecord(scored.getBinary(RECORD), model.classes.length);
        GenericRowData row = OUT.newRow();
        setWindow(row, scored, record);
        setVerdict(row, scored, record, state.past);
        return row;
    }

    private boolean goesOn(ConnectionPast past, RowData scored) {
        return past.segment == scored.getLong(SEGMENT)
                && past.partition == scored.getInt(KAFKA_PARTITION)
                && past.modelVersion.equals(model.version.toString());
    }

    /** Read the model's text, unless it is the one of the window before. */
    private void read(StringData modelText) {
        if (model == null || !model.text.equals(modelText)) {
            models = models == null ? new HashMap<>() : models;
            model = models.computeIfAbsent(modelText.toString(), ScoringModel::parse);
        }
    }

    private void setWindow(GenericRowData row, RowData scored, WindowRecord record) {
        OUT.set(row, "kafka_partition", scored.getInt(KAFKA_PARTITION));
        OUT.set(row, "last_offset", scored.getLong(LAST_OFFSET));
        OUT.set(row, "n", scored.getLong(N));
        OUT.set(row, "first_offset", scored.getLong(FIRST_OFFSET));
        OUT.set(row, "window_start_at", TableText.timestamp(scored.getLong(WINDOW_START_NS)));
        OUT.set(row, "window_end_at", TableText.timestamp(scored.getLong(WINDOW_END_NS)));
        OUT.set(row, "predicted_exchange", model.classes[record.predicted()]);
        OUT.set(row, "confidence", probability(record, record.predicted()));
        OUT.set(row, "probabilities", probabilities(record));
        OUT.set(row, "unknown_score", probability(record, model.unknown));
        OUT.set(row, "signature", Signature.of(record.traits()));
        OUT.set(row, "features", features(record));
        OUT.set(row, "model_version", model.version);
    }

    private void setVerdict(GenericRowData row, RowData scored, WindowRecord record, ConnectionPast past) {
        past.add(
                scored.getLong(WINDOW_START_NS), scored.getLong(FIRST_OFFSET), record.evidence(), record.traits());
        Decision decision = Decision.of(past.evidence, model);
        int began = past.startNs.length - Math.max(decision.suffixWindows(), 1);
        OUT.set(row, "leaning", decision.leaning() < 0 ? null : model.classes[decision.leaning()]);
        OUT.set(row, "strength_nats", decision.strengthMillinats() / MILLINATS_PER_NAT);
        OUT.set(row, "probability", decision.probability());
        OUT.set(row, "since_at", TableText.timestamp(past.startNs[began]));
        OUT.set(row, "since_offset", past.firstOffset[began]);
        OUT.set(row, "pooled_signature", Signature.of(past.traits));
        String certainBefore = past.certain;
        String declaredBefore = past.declared;
        uphold(past, decision, began, scored.getLong(N));
        StringData declared = scored.isNullAt(DECLARED_EXCHANGE) ? null : scored.getString(DECLARED_EXCHANGE);
        past.declared = declared == null ? null : declared.toString();
        OUT.set(row, "declared_exchange", declared);
        if (past.certain == null) {
            OUT.set(row, "has_news", false);
            return;
        }
        boolean isChanged = !past.certain.equals(certainBefore);
        boolean hasNews = isChanged || !Objects.equals(past.declared, declaredBefore);
        OUT.set(row, "certain", StringData.fromString(past.certain));
        OUT.set(row, "certain_strength_nats", past.strengthMillinats / MILLINATS_PER_NAT);
        OUT.set(row, "certain_probability", past.probability);
        OUT.set(row, "certain_suffix_windows", (long) past.suffixWindows);
        OUT.set(row, "certain_since_at", TableText.timestamp(past.sinceNs));
        OUT.set(row, "certain_since_offset", past.sinceOffset);
        OUT.set(row, "certain_after_messages", past.afterMessages);
        OUT.set(row, "previous_verdict", StringData.fromString(past.previous));
        OUT.set(row, "certain_before", StringData.fromString(certainBefore));
        OUT.set(row, "has_news", hasNews);
        OUT.set(row, "exact_features", hasNews ? record.features() : null);
    }

    private void uphold(ConnectionPast past, Decision decision, int began, long nMessages) {
        boolean isFirst = past.certain == null && decision.decisive() >= 0;
        if (!isFirst && !decision.overturns()) {
            return;
        }
        String decisive = model.classes[decision.decisive()].toString();
        past.probability = decision.probability();
        past.strengthMillinats = decision.strengthMillinats();
        past.suffixWindows = decision.suffixWindows();
        if (isFirst) {
            past.afterMessages = nMessages;
        }
        if (!decisive.equals(past.certain)) {
            past.previous = past.certain;
            past.certain = decisive;
            past.sinceNs = past.startNs[began];
            past.sinceOffset = past.firstOffset[began];
        }
    }

    private static double probability(WindowRecord record, int index) {
        return record.probabilityMillionths(index) / (double) SharedConstants.PROBABILITY_UNIT;
    }

    private StringData probabilities(WindowRecord record) {
        text.clear();
        for (int i = 0; i < model.keys.length; i++) {
            TableText.appendMillionths(text.append(model.keys[i]), record.probabilityMillionths(i));
        }
        return text.append('}').toStringData();
    }

    private static ArrayData features(WindowRecord record) {
        float[] stored = new float[SharedConstants.N_FEATURES];
        for (int i = 0; i < stored.length; i++) {
            stored[i] = storedFeature(record.feature(i));
        }
        return new GenericArrayData(stored);
    }

    /** Round a feature to what is stored of it: six decimals, single precision, and no zero has a sign. */
    static float storedFeature(double feature) {
        return (float) (Math.rint(feature * SharedConstants.FEATURE_UNIT) / SharedConstants.FEATURE_UNIT) + 0.0F;
    }
}
