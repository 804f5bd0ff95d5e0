package exchangefingerprint.flink.topic;

import exchangefingerprint.flink.kafka.KafkaAnswer;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.admin.Admin;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.admin.TopicDescription;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.TopicPartition;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.config.ConfigResource;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** What Kafka says of the topic now. */
class TopicState implements Serializable, AutoCloseable {
    private static final long serialVersionUID = 1L;
    private static final int ANSWER_MS = 10_000;

    private final Properties kafka;
    final String topic;
    private transient Admin admin;

    /** Take the settings of any client of the cluster. */
    TopicState(Properties kafka, String topic) {
        this.kafka = kafka;
        this.topic = topic;
    }

    /**
     * How the topic is.
     *
     * @param id Kafka's; empty if there is no such topic
     * @param partitions how many it has
     */
    record Identity(String id, int partitions) {}

    /** Ask which topic this is. */
    Identity identity() throws IOException {
        try {
            TopicDescription found = admin().describeTopics(List.of(topic)).allTopicNames().get().get(topic);
            return new Identity(found.topicId().toString(), found.partitions().size());
        } catch (ExecutionException error) {
            if (error.getCause() instanceof UnknownTopicOrPartitionException) {
                return new Identity("", 0);
            }
            throw failed(error);
        } catch (InterruptedException error) {
            throw interrupted(error);
        }
    }

    /**
     * Ask which topic this is, and again if there is none: a broker that has just started does not know all of them.
     *
     * @param mostLooks how often at most
     * @param pauseMs between two looks
     */
    Identity confirmedIdentity(int mostLooks, long pauseMs) throws IOException {
        Identity found = identity();
        for (int looks = 1; found.id().isEmpty() && looks < mostLooks; looks++) {
            try {
                Thread.sleep(pauseMs);
            } catch (InterruptedException error) {
                throw interrupted(error);
            }
            found = identity();
        }
        return found;
    }

    /** Ask for the first offset of each of the first partitions. */
    Map<Integer, Long> firstOffsets(int partitions) throws IOException {
        Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
        for (int partition = 0; partition < partitions; partition++) {
            asked.put(new TopicPartition(topic, partition), OffsetSpec.earliest());
        }
        return first(asked);
    }

    /** Ask for the first offset of one partition. */
    long firstOffset(int partition) throws IOException {
        return first(Map.of(new TopicPartition(topic, partition), OffsetSpec.earliest())).get(partition);
    }

    /** Ask what becomes of old records: "delete", "compact", or both; null if we may not know. */
    String cleanupPolicy() throws IOException {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        try {
            return admin().describeConfigs(List.of(resource)).all().get().get(resource).get("cleanup.policy").value();
        } catch (ExecutionException error) {
            return null;
        } catch (InterruptedException error) {
            throw interrupted(error);
        }
    }

    private Map<Integer, Long> first(Map<TopicPartition, OffsetSpec> asked) throws IOException {
        try {
            Map<Integer, Long> offsets = new HashMap<>();
            var found = admin().listOffsets(asked).all().get();
            for (var entry : new ArrayList<>(found.entrySet())) {
                offsets.put(entry.getKey().partition(), entry.getValue().offset());
            }
            return offsets;
        } catch (ExecutionException error) {
            throw failed(error);
        } catch (InterruptedException error) {
            throw interrupted(error);
        }
    }

    private IOException failed(ExecutionException error) {
        return new IOException(
                "Expected Kafka to say how the topic " + topic + " is, found " + KafkaAnswer.of(error.getCause())
                        + ": check that it runs, and our rights",
                error.getCause());
    }

    private static IOException interrupted(InterruptedException error) {
        Thread.currentThread().interrupt();
        return new IOException("Interrupted", error);
    }

    private synchronized Admin admin() {
        if (admin == null) {
            Properties properties = new Properties();
            properties.putAll(kafka);
            properties.put("default.api.timeout.ms", Integer.toString(ANSWER_MS));
            properties.put("request.timeout.ms", Integer.toString(ANSWER_MS));
            admin = Admin.create(properties);
        }
        return admin;
    }

    @Override
    public synchronized void close() {
        if (admin != null) {
            admin.close(java.time.Duration.ZERO);
            admin = null;
        }
    }
}
