package org.apache.flink.kafka.shaded.org.apache.kafka.common.utils;

import exchangefingerprint.flink.kafka.BoundedRecords;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;

/**
 * Takes the place of the class of this name in Flink's connector, through which Kafka's client reads what it inflates,
 * whatever the compression. It is in a jar of its own, which stands before the connector's.
 */
public final class ChunkedBytesStream extends BoundedRecords {
    private final BufferSupplier supplier;
    private ByteBuffer buffer;

    /** Read through a buffer of the supplier. */
    public ChunkedBytesStream(InputStream source, BufferSupplier supplier, int bufferBytes, boolean passesSkipOn) {
        this(source, supplier, supplier.get(bufferBytes));
    }

    private ChunkedBytesStream(InputStream source, BufferSupplier supplier, ByteBuffer buffer) {
        super(source, buffer.array());
        this.supplier = supplier;
        this.buffer = buffer;
    }

    @Override
    public void close() throws IOException {
        if (buffer != null) {
            supplier.release(buffer);
            buffer = null;
            super.close();
        }
    }
}
