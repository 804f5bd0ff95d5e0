package org.apache.flink.metrics.prometheus;

import io.prometheus.client.exporter.HTTPServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Properties;
import org.apache.flink.metrics.MetricConfig;
import org.apache.flink.metrics.reporter.MetricReporter;
import org.apache.flink.metrics.reporter.MetricReporterFactory;

/**
 * Makes Flink's reporter for Prometheus on the loopback interface alone.
 *
 * <p>Flink's own listens on every address of the machine and has no option for another. This is in its package for the
 * sake of the registry, which it shows nobody else.
 */
public final class LoopbackReporterFactory implements MetricReporterFactory {
    @Override
    public MetricReporter createMetricReporter(Properties properties) {
        String port = ((MetricConfig) properties).getString("port", "");
        try {
            return new Reporter(Integer.parseInt(port));
        } catch (NumberFormatException | IOException e) {
            throw new IllegalArgumentException(
                    "Expected a free port for Flink's metrics, found " + port + ": name another", e);
        }
    }

    private static final class Reporter extends AbstractPrometheusReporter {
        private final HTTPServer server;

        private Reporter(int port) throws IOException {
            server = new HTTPServer(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), registry);
        }

        @Override
        public void close() {
            server.stop();
            super.close();
        }
    }
}
