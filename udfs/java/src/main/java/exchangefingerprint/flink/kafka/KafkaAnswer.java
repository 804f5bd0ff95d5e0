package exchangefingerprint.flink.kafka;

/** What Kafka says when it refuses. */
public final class KafkaAnswer {
    private KafkaAnswer() {}

    /** Return what was said in one line, to stand within a sentence: without a full stop. */
    public static String of(Throwable error) {
        String text = error.getMessage() == null ? error.getClass().getSimpleName() : error.getMessage();
        return text.replaceAll("\\s+", " ").strip().replaceAll("\\.$", "");
    }
}
