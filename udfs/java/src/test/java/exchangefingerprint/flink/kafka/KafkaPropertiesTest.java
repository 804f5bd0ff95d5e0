package exchangefingerprint.flink.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.config.ConfigException;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.config.types.Password;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.security.JaasContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KafkaPropertiesTest {
    private static final String PASSWORD = "a=b #\"\\; ü";

    @TempDir private Path folder;

    private Path write(String text) throws IOException {
        return Files.writeString(folder.resolve("kafka.properties"), text);
    }

    @Test
    void theLoginIsWhatTheFileSaysWhateverItsCharacters() throws IOException {
        Path file =
                write("# x=y\n\n sasl.mechanisms = SCRAM-SHA-512\nsasl.username=us\nsasl.password= " + PASSWORD
                        + " \n");
        String login = KafkaProperties.find(file, Set.of("login")).get("login");
        var entries =
                JaasContext.loadClientContext(Map.of("sasl.jaas.config", new Password(login))).configurationEntries();
        assertEquals(1, entries.size());
        assertEquals(Map.of("username", "us", "password", PASSWORD), entries.get(0).getOptions());
        assertTrue(entries.get(0).getLoginModuleName().endsWith(".scram.ScramLoginModule"));
    }

    @Test
    void plainHasItsOwnModule() throws IOException {
        Path file = write("sasl.mechanisms=PLAIN\nsasl.username=us\nsasl.password=x\n");
        assertTrue(KafkaProperties.find(file, Set.of("login")).get("login").contains(".plain.PlainLoginModule "));
    }

    @Test
    void aFileOfCertificatesIsLookedForBesideTheFile() throws IOException {
        Path file = write("ssl.ca.location=ca.pem\n");
        Files.writeString(folder.resolve("ca.pem"), "certificates");
        assertEquals(Map.of("ca", "certificates"), KafkaProperties.find(file, Set.of("ca")));
    }

    @Test
    void whatIsMissingIsOneSentenceWithoutAValue() throws IOException {
        Path file = write("sasl.mechanisms=PLAIN\nsasl.password=canary\n");
        String said =
                assertThrows(ConfigException.class, () -> KafkaProperties.find(file, Set.of("login"))).getMessage();
        assertTrue(said.startsWith("Expected sasl.username in "), said);
        assertFalse(said.contains("canary"));
        Path nowhere = folder.resolve("nowhere");
        said = assertThrows(ConfigException.class, () -> KafkaProperties.find(nowhere, Set.of("login"))).getMessage();
        assertTrue(said.contains("found NoSuchFileException"), said);
    }

    @Test
    void aClientOfKafkaAsksForItByItsName() {
        Map<String, Object> settings =
                Map.of(
                        "bootstrap.servers", "localhost:1",
                        "config.providers", "fingerprint",
                        "config.providers.fingerprint.class", KafkaProperties.class.getName(),
                        "sasl.jaas.config", "${fingerprint:login}");
        String said = assertThrows(ConfigException.class, () -> new AdminClientConfig(settings)).getMessage();
        assertTrue(said.startsWith("Expected FINGERPRINT_KAFKA_PROPERTIES in the environment"), said);
    }

    @Test
    void ofAReadersSettingsTheClustersAreTaken() {
        var settings =
                Map.of(
                        "bootstrap.servers", "b",
                        "config.providers.fingerprint.class", "c",
                        "security.protocol", "SSL",
                        "group.id", "g");
        assertEquals(
                Set.of("bootstrap.servers", "config.providers.fingerprint.class", "security.protocol"),
                KafkaProperties.ofCluster(settings).stringPropertyNames());
    }
}
