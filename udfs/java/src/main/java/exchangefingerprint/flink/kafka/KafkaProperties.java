package exchangefingerprint.flink.kafka;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.config.ConfigData;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.config.ConfigException;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.config.provider.ConfigProvider;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.security.plain.PlainLoginModule;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.security.scram.ScramLoginModule;

/**
 * What Kafka's clients ask for in place of a secret: the plan of a job says {@code ${fingerprint:login}}, and the login
 * is looked for where the client runs, in the file that {@code FINGERPRINT_KAFKA_PROPERTIES} names.
 *
 * <p>{@code udfs/kafka_properties.py} has the rule of the file, and refuses what is not in order at submission.
 */
public final class KafkaProperties implements ConfigProvider {
    private static final String VARIABLE = "FINGERPRINT_KAFKA_PROPERTIES";
    private static final Map<String, String> FILES =
            Map.of(
                    "ca", "ssl.ca.location",
                    "certificate", "ssl.certificate.location",
                    "key", "ssl.key.location");
    private static final List<String> OF_CLUSTER =
            List.of("bootstrap.servers", "config.providers", "security.", "sasl.", "ssl.");

    /** Take from the settings of a client those that say where a cluster is and how to log in. */
    public static Properties ofCluster(Map<?, ?> settings) {
        Properties found = new Properties();
        settings.forEach(
                (name, value) -> {
                    if (OF_CLUSTER.stream().anyMatch(name.toString()::startsWith)) {
                        found.put(name, value);
                    }
                });
        return found;
    }

    @Override
    public void configure(Map<String, ?> settings) {}

    @Override
    public ConfigData get(String path) {
        return get(path, Set.of("login"));
    }

    @Override
    public ConfigData get(String path, Set<String> wanted) {
        String named = System.getenv(VARIABLE);
        if (named == null || named.isEmpty()) {
            throw new ConfigException(
                    "Expected " + VARIABLE + " in the environment of Flink's managers, found it unset: let it name the"
                            + " file with Kafka's settings");
        }
        return new ConfigData(find(Path.of(named).toAbsolutePath(), wanted));
    }

    @Override
    public void close() {}

    static Map<String, String> find(Path file, Set<String> wanted) {
        Map<String, String> settings = settings(read(file));
        Map<String, String> found = new HashMap<>();
        for (String name : wanted) {
            if (name.equals("login")) {
                found.put(name, login(file, settings));
            } else {
                found.put(name, read(file.resolveSibling(setting(file, settings, FILES.get(name)))));
            }
        }
        return found;
    }

    private static Map<String, String> settings(String text) {
        Map<String, String> settings = new HashMap<>();
        for (String line : text.split("\n")) {
            int equals = line.indexOf('=');
            if (equals > 0 && !line.strip().startsWith("#")) {
                settings.put(line.substring(0, equals).strip(), line.substring(equals + 1).strip());
            }
        }
        return settings;
    }

    private static String login(Path file, Map<String, String> settings) {
        boolean isPlain = setting(file, settings, "sasl.mechanisms").equals("PLAIN");
        return (isPlain ? PlainLoginModule.class : ScramLoginModule.class).getName()
                + " required username=" + quoted(setting(file, settings, "sasl.username"))
                + " password=" + quoted(setting(file, settings, "sasl.password")) + ";";
    }

    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }

    private static String setting(Path file, Map<String, String> settings, String name) {
        String value = settings.get(name);
        if (value == null) {
            throw new ConfigException(
                    "Expected " + name + " in " + file + ", as when the job was submitted, found none: add it");
        }
        return value;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException error) {
            throw new ConfigException(
                    "Expected to read " + file + ", found " + error.getClass().getSimpleName()
                            + ": put Kafka's settings there");
        }
    }
}
