package exchangefingerprint.flink.kafka;

import org.apache.flink.kafka.shaded.org.apache.kafka.common.utils.ChunkedBytesStream;

/** Whether Kafka's client in this process reads through {@link BoundedRecords}. */
public final class BoundedReading {
    private static final String CLIENT =
            "org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.KafkaConsumer";

    private BoundedReading() {}

    /** Refuse a class path on which the connector's own class is found first: one record could fill the heap. */
    public static void check() {
        ClassLoader loader = BoundedReading.class.getClassLoader();
        try {
            Class<?> client = Class.forName(CLIENT, false, loader);
            Class<?> used = Class.forName(ChunkedBytesStream.class.getName(), false, client.getClassLoader());
            if (BoundedRecords.class.isAssignableFrom(used)) {
                return;
            }
            throw new IllegalStateException(
                    "Expected the job's own functions before Flink's Kafka connector on the class path, found "
                            + used.getProtectionDomain().getCodeSource()
                            + " before them: submit the job with `fingerprint submit`, and keep the connector out of"
                            + " Flink's folder lib");
        } catch (ClassNotFoundException error) {
            throw new IllegalStateException("Expected Flink's Kafka connector beside the job's functions", error);
        }
    }
}
