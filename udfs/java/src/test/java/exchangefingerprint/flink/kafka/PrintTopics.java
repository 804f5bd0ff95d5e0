package exchangefingerprint.flink.kafka;

import java.util.Properties;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.admin.Admin;

/** Prints the topics of a Kafka that lets in who the settings {@code name=value} say, or why it does not. */
final class PrintTopics {
    private PrintTopics() {}

    public static void main(String[] settings) throws InterruptedException {
        Properties properties = new Properties();
        properties.put("default.api.timeout.ms", "20000");
        properties.put("request.timeout.ms", "10000");
        for (String setting : settings) {
            int equals = setting.indexOf('=');
            properties.put(setting.substring(0, equals), setting.substring(equals + 1));
        }
        try (Admin admin = Admin.create(properties)) {
            System.out.println(String.join(" ", new TreeSet<>(admin.listTopics().names().get())));
        } catch (ExecutionException error) {
            System.out.println(error.getCause().getClass().getSimpleName());
        }
    }
}
