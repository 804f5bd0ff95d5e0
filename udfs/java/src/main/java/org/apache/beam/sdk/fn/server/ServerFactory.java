package org.apache.beam.sdk.fn.server;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.sdk.fn.channel.SocketAddressFactory;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.BindableService;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.Server;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.ServerInterceptors;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.netty.NettyServerBuilder;
import org.apache.beam.vendor.guava.v32_1_2_jre.com.google.common.net.HostAndPort;

/**
 * Opens the ports that a Python worker talks to, on the loopback interface alone.
 *
 * <p>It stands in for Beam's class of the same name, which tells the worker the loopback address but listens on every
 * address of the machine. The job ships it in front of {@code flink-python}. What only Beam's Docker environments call
 * is left out: PyFlink has none.
 */
public abstract class ServerFactory {
    /** As Beam has it: a little less than the 20 seconds after which its workers ask whether anybody is there. */
    private static final int KEEP_ALIVE_S = 19;

    /** What PyFlink's runner asks for. */
    public static ServerFactory createDefault() {
        return new Loopback();
    }

    /** Opens any free port and writes its address into the descriptor. */
    public abstract Server allocateAddressAndCreate(
            List<BindableService> services, ApiServiceDescriptor.Builder descriptor) throws IOException;

    /** Opens the port that the descriptor names. */
    public abstract Server create(List<BindableService> services, ApiServiceDescriptor descriptor) throws IOException;

    private static final class Loopback extends ServerFactory {
        @Override
        public Server allocateAddressAndCreate(
                List<BindableService> services, ApiServiceDescriptor.Builder descriptor) throws IOException {
            InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
            Server server = start(services, anyPort);
            descriptor.setUrl(HostAndPort.fromParts(anyPort.getHostName(), server.getPort()).toString());
            return server;
        }

        @Override
        public Server create(List<BindableService> services, ApiServiceDescriptor descriptor) throws IOException {
            SocketAddress address = SocketAddressFactory.createFrom(descriptor.getUrl());
            if (address instanceof InetSocketAddress inet && !inet.isUnresolved()
                    && inet.getAddress().isLoopbackAddress()) {
                return start(services, inet);
            }
            throw new IllegalArgumentException("Expected an address of the loopback interface, found "
                    + descriptor.getUrl() + ": workers run beside their TaskManager");
        }

        private static Server start(List<BindableService> services, InetSocketAddress address) throws IOException {
            NettyServerBuilder builder = NettyServerBuilder.forAddress(address)
                    .maxInboundMessageSize(Integer.MAX_VALUE)
                    .permitKeepAliveTime(KEEP_ALIVE_S, TimeUnit.SECONDS);
            for (BindableService service : services) {
                builder.addService(
                        ServerInterceptors.intercept(service, GrpcContextHeaderAccessorProvider.interceptor()));
            }
            return builder.build().start();
        }
    }
}
