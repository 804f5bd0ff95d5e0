package exchangefingerprint.flink.deadletters;

import exchangefingerprint.flink.kafka.KafkaAnswer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.admin.Admin;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.KafkaException;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.errors.ApiException;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.errors.RetriableException;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.serialization.ByteArraySerializer;

/** The dead-letter topic: takes records, and says whether it takes any. */
class DeadLetterProducer implements AutoCloseable {
    private static final int ANSWER_MS = 10_000;
    private static final int GIVE_UP_AFTER_MS = 30_000;

    final String topic;
    private final Map<String, String> kafka;
    private KafkaProducer<byte[], byte[]> producer;

    /** Take the settings of any client of the cluster. */
    DeadLetterProducer(Map<String, String> kafka, String topic) {
        this.topic = topic;
        this.kafka = kafka;
    }

    /** Hand a record over; whoever listens is told, once, that it is there (null) or why it is not. */
    void send(ProducerRecord<byte[], byte[]> record, Consumer<Exception> listener) {
        try {
            producer().send(record, (metadata, error) -> listener.accept(error));
        } catch (KafkaException error) {
            listener.accept(error);
        }
    }

    /** Wait until all that was handed over is told about. */
    void flush() {
        if (producer != null) {
            producer.flush();
        }
    }

    /** Say why the topic takes nothing, "" if that is not known to be so, or null if Kafka does not answer. */
    String problem() {
        Properties properties = new Properties();
        properties.putAll(kafka);
        properties.put("default.api.timeout.ms", Integer.toString(ANSWER_MS));
        properties.put("request.timeout.ms", Integer.toString(ANSWER_MS));
        try (Admin admin = Admin.create(properties)) {
            admin.describeTopics(List.of(topic)).allTopicNames().get();
            return "";
        } catch (ExecutionException error) {
            Throwable cause = error.getCause();
            boolean isAnswer = cause instanceof ApiException && !isSilence(cause);
            return isAnswer ? KafkaAnswer.of(cause) : null;
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            return null;
        }
    }

    private static boolean isSilence(Throwable error) {
        boolean isUnknown =
                error instanceof org.apache.flink.kafka.shaded.org.apache.kafka.common.errors
                        .UnknownTopicOrPartitionException;
        return error instanceof RetriableException && !isUnknown;
    }

    private KafkaProducer<byte[], byte[]> producer() {
        if (producer == null) {
            Properties properties = new Properties();
            properties.putAll(kafka);
            properties.put("acks", "all");
            // A dead letter may come twice. In return it takes no right but to write, and one refusal spoils no other.
            properties.put("enable.idempotence", "false");
            properties.put("max.block.ms", Integer.toString(ANSWER_MS));
            properties.put("request.timeout.ms", Integer.toString(ANSWER_MS));
            properties.put("delivery.timeout.ms", Integer.toString(GIVE_UP_AFTER_MS));
            producer = new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
        }
        return producer;
    }

    @Override
    public void close() {
        if (producer != null) {
            producer.close(Duration.ZERO);
            producer = null;
        }
    }
}
