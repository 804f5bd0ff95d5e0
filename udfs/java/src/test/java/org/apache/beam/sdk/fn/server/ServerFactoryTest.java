package org.apache.beam.sdk.fn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.List;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.runners.fnexecution.artifact.ArtifactRetrievalService;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.Server;
import org.junit.jupiter.api.Test;

class ServerFactoryTest {
    private final ServerFactory factory = ServerFactory.createDefault();

    @Test
    void anyPortIsOneOfTheLoopbackInterface() throws IOException {
        ApiServiceDescriptor.Builder descriptor = ApiServiceDescriptor.newBuilder();
        Server server = factory.allocateAddressAndCreate(List.of(new ArtifactRetrievalService()), descriptor);
        try {
            assertListensOnLoopback(server);
            assertEquals("localhost:" + server.getPort(), descriptor.getUrl());
            assertFalse(server.getServices().isEmpty());
        } finally {
            server.shutdownNow();
        }
    }

    @Test
    void aNamedPortIsToo() throws IOException {
        Server server = factory.create(List.of(), named("127.0.0.1:0"));
        try {
            assertListensOnLoopback(server);
        } finally {
            server.shutdownNow();
        }
    }

    @Test
    void anotherInterfaceIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> factory.create(List.of(), named("0.0.0.0:0")));
        assertThrows(IllegalArgumentException.class, () -> factory.create(List.of(), named("[::]:0")));
    }

    private static ApiServiceDescriptor named(String url) {
        return ApiServiceDescriptor.newBuilder().setUrl(url).build();
    }

    private static void assertListensOnLoopback(Server server) {
        for (SocketAddress address : server.getListenSockets()) {
            assertTrue(((InetSocketAddress) address).getAddress().isLoopbackAddress(), address.toString());
        }
    }
}
