package exchangefingerprint.flink.rest;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.kubernetes.configuration.KubernetesConfigOptions;
import org.apache.flink.runtime.io.network.netty.InboundChannelHandlerFactory;
import org.apache.flink.shaded.netty4.io.netty.buffer.Unpooled;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelFutureListener;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelHandler;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelHandlerContext;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelInboundHandlerAdapter;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.DefaultFullHttpResponse;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.FullHttpResponse;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpHeaderNames;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpHeaders;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpMethod;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpRequest;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpResponseStatus;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpServerCodec;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpVersion;
import org.apache.flink.shaded.netty4.io.netty.util.ReferenceCountUtil;

/**
 * Refuses what a web page of another site sends to Flink's REST interface.
 *
 * <p>Flink asks nobody who they are, and a page may send what a form may without leave: a job to run, by
 * {@code POST /jobs}, or a request that ends one. Flink's own web page is served, and so are programs, which send no
 * such headers. The JobManager finds this class by its class path.
 */
public final class ForeignPages implements InboundChannelHandlerFactory {
    private static final Pattern IPV4 = Pattern.compile("[0-9.]+");
    private static final Pattern PORT = Pattern.compile(":[0-9]*$");
    /** For clients that can only GET, as an image in a page can. */
    private static final Pattern ENDS_A_JOB_BY_GET = Pattern.compile(".*/yarn-(cancel|stop)/?(\\?.*)?");

    @Override
    public int priority() {
        return 0;
    }

    @Override
    public Optional<ChannelHandler> createHandler(Configuration configuration, Map<String, String> responseHeaders) {
        return Optional.of(new Placement(names(configuration)));
    }

    /** What the interface is called: as the configuration says, and as Kubernetes calls the service before it. */
    static Set<String> names(Configuration configuration) {
        Stream<String> named = Stream.of(RestOptions.ADDRESS, JobManagerOptions.ADDRESS)
                .map(configuration::getOptional)
                .flatMap(Optional::stream);
        Stream<String> service = configuration.getOptional(KubernetesConfigOptions.CLUSTER_ID).stream()
                .map(id -> id + "-rest." + configuration.get(KubernetesConfigOptions.NAMESPACE))
                .flatMap(name -> Stream.of(name, name + ".svc", name + ".svc.cluster.local"));
        return Stream.concat(named, service)
                .map(name -> name.toLowerCase(Locale.ROOT))
                .collect(Collectors.toUnmodifiableSet());
    }

    /**
     * Says why a request is refused, if it is.
     *
     * @param names what the interface is called, besides names without a dot and addresses
     */
    static Optional<String> refusal(HttpRequest request, Set<String> names) {
        HttpHeaders headers = request.headers();
        String host = headers.get(HttpHeaderNames.HOST, "").toLowerCase(Locale.ROOT);
        if (!isOwn(PORT.matcher(host).replaceFirst(""), names)) {
            return Optional.of("Expected this machine's name, found Host " + host + ": set rest.address to it");
        }
        String origin = headers.get(HttpHeaderNames.ORIGIN);
        if (origin != null && !Set.of("http://" + host, "https://" + host).contains(origin.toLowerCase(Locale.ROOT))) {
            return ofAnotherSite("Origin " + origin);
        }
        String site = headers.get("Sec-Fetch-Site", "none");
        if (!Set.of("none", "same-origin").contains(site) && !followsALink(request)) {
            return ofAnotherSite("Sec-Fetch-Site " + site);
        }
        if (ENDS_A_JOB_BY_GET.matcher(request.uri()).matches()) {
            return Optional.of("Expected no request to end a job by GET, found one: use `fingerprint stop`");
        }
        return Optional.empty();
    }

    private static Optional<String> ofAnotherSite(String found) {
        return Optional.of("Expected no web page of another site, found " + found + ": use Flink's own");
    }

    /** A name without a dot is no site's; any other might be one that was made to mean this machine. */
    private static boolean isOwn(String host, Set<String> names) {
        return !host.contains(".") || host.startsWith("[") || IPV4.matcher(host).matches() || names.contains(host);
    }

    /** The page itself may be linked to, from Grafana for one; it may not be shown inside another. */
    private static boolean followsALink(HttpRequest request) {
        return request.method().equals(HttpMethod.GET)
                && request.uri().equals("/")
                && "document".equals(request.headers().get("Sec-Fetch-Dest"));
    }

    /** Flink puts our handler behind the one that writes uploads to disk; this moves it in front. */
    private static final class Placement extends ChannelInboundHandlerAdapter {
        private final Set<String> names;

        private Placement(Set<String> names) {
            this.names = names;
        }

        @Override
        public void handlerAdded(ChannelHandlerContext context) {
            String codec = context.pipeline().context(HttpServerCodec.class).name();
            context.pipeline().addAfter(codec, null, new Gate(names));
            context.pipeline().remove(this);
        }
    }

    private static final class Gate extends ChannelInboundHandlerAdapter {
        private final Set<String> names;
        private boolean hasRefused;

        private Gate(Set<String> names) {
            this.names = names;
        }

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            if (!hasRefused && message instanceof HttpRequest request) {
                refusal(request, names).ifPresent(reason -> refuse(context, reason));
            }
            if (hasRefused) {
                ReferenceCountUtil.release(message);
            } else {
                context.fireChannelRead(message);
            }
        }

        private void refuse(ChannelHandlerContext context, String reason) {
            hasRefused = true;
            byte[] text = (reason + "\n").getBytes(StandardCharsets.UTF_8);
            FullHttpResponse response = new DefaultFullHttpResponse(
                    HttpVersion.HTTP_1_1, HttpResponseStatus.FORBIDDEN, Unpooled.wrappedBuffer(text));
            response.headers().set(HttpHeaderNames.CONTENT_TYPE, "text/plain; charset=UTF-8");
            response.headers().set(HttpHeaderNames.CONTENT_LENGTH, text.length);
            context.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE);
        }
    }
}
