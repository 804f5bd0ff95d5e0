package exchangefingerprint.flink.jdbc;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Properties;

/** Executes a statement again and again, as a sink does, while another client takes connections in turn. */
final class ShareServer {
    private ShareServer() {}

    public static void main(String[] arguments) throws java.io.IOException {
        String url = new String(System.in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8).strip();
        try (Connection sink = connect(url);
                Connection other = connect(url);
                PreparedStatement insert = sink.prepareStatement("INSERT INTO shared VALUES (?)")) {
            for (int i = 0; i < 20; i++) {
                if (i % 2 == 1) {
                    other.createStatement().execute("SELECT 1");
                }
                insert.setInt(1, i);
                insert.addBatch();
                insert.executeBatch();
                sink.commit();
                other.commit();
            }
            System.out.println("done");
        } catch (SQLException error) {
            System.out.println("refused: " + error.getMessage().replace('\n', ' '));
        }
    }

    private static Connection connect(String url) throws SQLException {
        Connection connection = new RetryingPostgresDriver().connect(url, new Properties());
        connection.setAutoCommit(false);
        return connection;
    }
}
