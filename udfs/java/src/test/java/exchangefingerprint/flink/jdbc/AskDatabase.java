package exchangefingerprint.flink.jdbc;

import static java.util.concurrent.CompletableFuture.supplyAsync;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Connects as the job's sinks do, to each address on standard input, and prints what a query says, or why not. */
final class AskDatabase {
    private static final ExecutorService EACH = Executors.newCachedThreadPool();

    private AskDatabase() {}

    public static void main(String[] arguments) throws java.io.IOException {
        String text = new String(System.in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        // A refusal takes as long as the driver waits for a server that may be back soon.
        text.lines().toList().stream().map(url -> supplyAsync(() -> answer(url, arguments[0]), EACH)).toList().stream()
                .map(CompletableFuture::join)
                .forEach(System.out::println);
        EACH.shutdown();
    }

    private static String answer(String url, String query) {
        try (Connection connection = new RetryingPostgresDriver().connect(url, new Properties());
                ResultSet rows = connection.createStatement().executeQuery(query)) {
            rows.next();
            return rows.getString(1);
        } catch (SQLException error) {
            return "refused: " + error.getMessage().replace('\n', ' ');
        }
    }
}
