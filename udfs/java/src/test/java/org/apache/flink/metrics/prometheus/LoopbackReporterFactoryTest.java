package org.apache.flink.metrics.prometheus;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import org.apache.flink.metrics.MetricConfig;
import org.apache.flink.metrics.reporter.MetricReporter;
import org.junit.jupiter.api.Test;

class LoopbackReporterFactoryTest {
    @Test
    void metricsAreServedOnTheLoopbackInterfaceAlone() throws Exception {
        int port = freePort();
        MetricReporter reporter = new LoopbackReporterFactory().createMetricReporter(named(String.valueOf(port)));
        try (ServerSocket onAnotherAddress = new ServerSocket()) {
            byte[] served = URI.create("http://127.0.0.1:" + port).toURL().openStream().readAllBytes();
            assertTrue(new String(served, StandardCharsets.UTF_8).isEmpty());
            onAnotherAddress.bind(new InetSocketAddress("127.0.0.2", port));
        } finally {
            reporter.close();
        }
    }

    @Test
    void aPortThatIsNoneIsRefused() {
        LoopbackReporterFactory factory = new LoopbackReporterFactory();
        assertThrows(IllegalArgumentException.class, () -> factory.createMetricReporter(named("none")));
    }

    private static MetricConfig named(String port) {
        MetricConfig config = new MetricConfig();
        config.setProperty("port", port);
        return config;
    }

    private static int freePort() throws Exception {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
