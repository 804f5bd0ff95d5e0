package exchangefingerprint.flink.topic;

import exchangefingerprint.flink.jdbc.RetryingPostgresDriver;
import java.io.IOException;
import java.io.Serializable;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Properties;

/** Writes down what is wrong with the topic, so that it becomes an alert. */
class TopicNotes implements Serializable {
    private static final long serialVersionUID = 1L;
    private static final String UNREAD =
            "INSERT INTO unread_records (kafka_partition, counts_from, first_offset, n_offsets) VALUES (?, ?, ?, ?)"
                    + " ON CONFLICT (kafka_partition, counts_from) DO UPDATE"
                    + " SET first_offset = excluded.first_offset, n_offsets = excluded.n_offsets";
    private static final String CHANGE =
            "INSERT INTO topic_changes (kind, detail) VALUES (?, ?)"
                    + " ON CONFLICT (kind) DO UPDATE SET detail = excluded.detail, noted_at = excluded.noted_at";

    private final String url;

    TopicNotes(String url) {
        this.url = url;
    }

    /** Note that records were deleted before they were read. */
    void unread(int partition, long countsFrom, long firstOffset, long nOffsets) throws IOException {
        write(UNREAD, partition, countsFrom, firstOffset, nOffsets);
    }

    /** Note that the topic is not as it was, or not as it must be. */
    void change(String kind, String detail) throws IOException {
        write(CHANGE, kind, detail);
    }

    private void write(String statement, Object... values) throws IOException {
        try (Connection connection = new RetryingPostgresDriver().connect(url, new Properties());
                PreparedStatement prepared = connection.prepareStatement(statement)) {
            for (int i = 0; i < values.length; i++) {
                prepared.setObject(i + 1, values[i]);
            }
            prepared.executeUpdate();
        } catch (SQLException error) {
            throw new IOException("Expected to note how the topic is, found " + error.getMessage(), error);
        }
    }
}
