package exchangefingerprint.flink.deadletters;

import exchangefingerprint.flink.jdbc.RetryingPostgresDriver;
import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the dead-letter topic did not take: counted, logged once for each cause, and kept in a table. */
class Losses {
    private static final Logger LOG = LoggerFactory.getLogger(Losses.class);
    private static final int AT_ONCE = 5000;
    private static final int LONGEST_CAUSE = 300;
    private static final int MOST_LOGGED = 100;
    private static final String REMEMBER =
            "INSERT INTO dead_letter_losses (kafka_partition, kafka_offset, lost, reason) VALUES (?, ?, ?, ?)"
                    + " ON CONFLICT (kafka_partition, kafka_offset) DO UPDATE"
                    + " SET lost = excluded.lost, reason = excluded.reason, seen_at = excluded.seen_at";

    private final String topic;
    private final String url;
    private final Map<DeadLetter.Form, Counter> counters = new EnumMap<>(DeadLetter.Form.class);
    private final Set<String> logged = new HashSet<>();
    private final Map<Place, Loss> unwritten = new LinkedHashMap<>();

    private record Place(int partition, long offset) {}

    private record Loss(String lost, String cause) {}

    Losses(String topic, String url, MetricGroup metrics) {
        this.topic = topic;
        this.url = url;
        for (DeadLetter.Form form : DeadLetter.Form.values()) {
            if (form.compareTo(DeadLetter.Form.WITHOUT_VALUE) >= 0) {
                counters.put(form, metrics.addGroup("lost", form.lost).counter("dead_letter_losses"));
            }
        }
    }

    /** Take note of a dead letter that is sent in its present form only. */
    void add(DeadLetter deadLetter, String cause) throws IOException {
        counters.get(deadLetter.form()).inc();
        log(deadLetter, cause);
        String kept = cause.substring(0, Math.min(cause.length(), LONGEST_CAUSE));
        unwritten.put(new Place(deadLetter.partition(), deadLetter.offset()), new Loss(deadLetter.form().lost, kept));
        if (unwritten.size() >= AT_ONCE) {
            write();
        }
    }

    private void log(DeadLetter deadLetter, String cause) {
        // Sizes and offsets differ from dead letter to dead letter.
        String kind = deadLetter.form().lost + cause.replaceAll("[0-9]+", "");
        if (logged.size() < MOST_LOGGED && logged.add(kind)) {
            LOG.error(
                    "Expected {} to take a dead letter, of partition {}, offset {}, found that {} of it is lost: {}."
                            + " The job goes on; further ones like it are counted, not logged",
                    topic,
                    deadLetter.partition(),
                    deadLetter.offset(),
                    deadLetter.form().lost,
                    cause);
        }
    }

    /** Write what has been noted. */
    void write() throws IOException {
        if (unwritten.isEmpty()) {
            return;
        }
        try (Connection connection = new RetryingPostgresDriver().connect(url, new Properties());
                PreparedStatement statement = connection.prepareStatement(REMEMBER)) {
            for (Map.Entry<Place, Loss> entry : unwritten.entrySet()) {
                statement.setInt(1, entry.getKey().partition);
                statement.setLong(2, entry.getKey().offset);
                statement.setString(3, entry.getValue().lost);
                statement.setString(4, entry.getValue().cause);
                statement.addBatch();
            }
            statement.executeBatch();
        } catch (SQLException error) {
            throw new IOException("Expected to remember lost dead letters, found " + error.getMessage(), error);
        }
        unwritten.clear();
    }
}
