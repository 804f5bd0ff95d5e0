package exchangefingerprint.flink.rest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.Set;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.kubernetes.configuration.KubernetesConfigOptions;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelHandler;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelInboundHandlerAdapter;
import org.apache.flink.shaded.netty4.io.netty.channel.embedded.EmbeddedChannel;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.DefaultHttpRequest;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpMethod;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpRequest;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpServerCodec;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpVersion;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ForeignPagesTest {
    private static final Set<String> NAMES = Set.of("flink.example.com");

    @ParameterizedTest
    @ValueSource(strings = {
        "127.0.0.1:8081", "localhost", "localhost:8081", "[::1]:8081", "jobmanager:8081", "flink.example.com:8081",
        "Flink.Example.com", "",
    })
    void ownNamesAreServed(String host) {
        assertFalse(isRefused("POST", "/jobs", Map.of("Host", host)));
        if (!host.isEmpty()) {
            assertFalse(isRefused("POST", "/jobs", Map.of("Host", host, "Origin", "http://" + host)));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"rebound.example.com:8081", "127.0.0.1.example.com", "evil.flink.example.com"})
    void aNameThatMayBeASiteIsRefused(String host) {
        assertTrue(isRefused("GET", "/overview", Map.of("Host", host)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"http://site.example.com", "null", "http://localhost:3000", "http://127.0.0.1", "https://"})
    void aPageOfAnotherOriginIsRefused(String origin) {
        assertTrue(isRefused("POST", "/jobs", Map.of("Host", "127.0.0.1:8081", "Origin", origin)));
    }

    @Test
    void aPageOfAnotherSiteIsRefusedEvenForWhatHasNoOrigin() {
        Map<String, String> image = Map.of("Host", "localhost:8081", "Sec-Fetch-Site", "cross-site");
        assertTrue(isRefused("GET", "/jobs/0/yarn-cancel", image));
        assertTrue(isRefused("GET", "/", image));
        assertFalse(isRefused("GET", "/", Map.of("Host", "localhost:8081", "Sec-Fetch-Site", "none")));
        assertFalse(isRefused("GET", "/overview", Map.of("Host", "localhost:8081", "Sec-Fetch-Site", "same-origin")));
    }

    @Test
    void aLinkToThePageIsFollowed() {
        Map<String, String> link =
                Map.of("Host", "localhost:8081", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "document");
        assertFalse(isRefused("GET", "/", link));
        assertTrue(isRefused("POST", "/", link));
        assertTrue(isRefused("GET", "/jobs/0/yarn-cancel", link));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/jobs/0/yarn-cancel", "/v1/jobs/0/yarn-stop", "/jobs/0/yarn-cancel?mode=cancel"})
    void nobodyEndsAJobByGet(String uri) {
        assertTrue(isRefused("GET", uri, Map.of("Host", "localhost:8081")));
    }

    @Test
    void theServiceBeforeItInKubernetesIsServed() {
        Configuration configuration = new Configuration();
        configuration.set(KubernetesConfigOptions.CLUSTER_ID, "fingerprint");
        configuration.set(KubernetesConfigOptions.NAMESPACE, "desk");
        Set<String> names = ForeignPages.names(configuration);
        assertEquals(
                Set.of("fingerprint-rest.desk", "fingerprint-rest.desk.svc", "fingerprint-rest.desk.svc.cluster.local"),
                names);
        HttpRequest request = new DefaultHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, "/jobs/overview");
        request.headers().set("Host", "fingerprint-rest.desk:8081");
        assertTrue(ForeignPages.refusal(request, names).isEmpty());
        assertTrue(ForeignPages.refusal(request, NAMES).isPresent());
    }

    @Test
    void itStandsInFrontOfWhatWritesUploads() {
        ChannelHandler uploads = new ChannelInboundHandlerAdapter();
        Configuration configuration = new Configuration();
        configuration.set(RestOptions.ADDRESS, "flink.example.com");
        ChannelHandler ours = new ForeignPages().createHandler(configuration, Map.of()).orElseThrow();
        EmbeddedChannel channel = new EmbeddedChannel(new HttpServerCodec(), uploads, ours);
        assertEquals(3, channel.pipeline().names().indexOf(channel.pipeline().context(uploads).name()) + 1);
        assertFalse(channel.pipeline().toMap().containsValue(ours));
    }

    private static boolean isRefused(String method, String uri, Map<String, String> headers) {
        HttpRequest request = new DefaultHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.valueOf(method), uri);
        headers.forEach((name, value) -> request.headers().set(name, value));
        return ForeignPages.refusal(request, NAMES).isPresent();
    }
}
