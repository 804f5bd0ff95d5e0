package exchangefingerprint.flink.kafka;

import exchangefingerprint.flink.SharedConstants;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;

/**
 * The records of a compressed batch as they are inflated, none larger than what may still become a message.
 *
 * <p>Kafka's consumer allocates the size that stands in front of a record, and 77 kB of zstd hold 700 MB. Here a large
 * record loses what cannot make it a message: its headers, and of key and value what is behind the first byte too many.
 * So it is rejected for the same reason as the whole one. Small records, which are nearly all, pass as they are.
 *
 * <p>A record is its size, then attributes, timestamp, offset, key, value and headers; numbers are written as
 * <a href="https://kafka.apache.org/documentation/#record">Kafka's format</a> says.
 */
public class BoundedRecords extends InputStream {
    /** More headers than fit into this would take a hundred times as much on the heap. */
    private static final int SMALL_BYTES = 1024;

    private static final int LONGEST_SIZE_BYTES = 5;
    private static final int LONGEST_NUMBER_BYTES = 10;
    private static final int LARGEST_RECORD_BYTES =
            SharedConstants.MAX_VALUE_BYTES + SharedConstants.MAX_KEY_BYTES + 8 * LONGEST_NUMBER_BYTES;

    private final InputStream source;
    private final byte[] chunk;
    private int at;
    private int end;

    /** How many bytes of the present record are handed on as they are, after what is ready. */
    private long passing;

    private byte[] ready = new byte[SMALL_BYTES];
    private int readyAt;
    private int readyEnd;

    /** How many bytes of the present record are still to be read, where it is not handed on as it is. */
    private int left;

    private boolean hasBegun;

    /** Read from a stream that inflates, through a buffer. */
    public BoundedRecords(InputStream source, byte[] chunk) {
        this.source = source;
        this.chunk = chunk;
    }

    @Override
    public int read() throws IOException {
        if (!hasMore()) {
            return -1;
        }
        if (readyAt < readyEnd) {
            return ready[readyAt++] & 0xFF;
        }
        passing--;
        return fill() ? chunk[at++] & 0xFF : -1;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        if (!hasMore()) {
            return -1;
        }
        if (readyAt < readyEnd) {
            int n = Math.min(length, readyEnd - readyAt);
            System.arraycopy(ready, readyAt, target, offset, n);
            readyAt += n;
            return n;
        }
        if (!fill()) {
            return -1;
        }
        int n = (int) Math.min(Math.min(length, end - at), passing);
        System.arraycopy(chunk, at, target, offset, n);
        at += n;
        passing -= n;
        return n;
    }

    @Override
    public void close() throws IOException {
        source.close();
    }

    /** Tell whether there is a byte of the present record, else begin the next one. */
    private boolean hasMore() throws IOException {
        return readyAt < readyEnd || passing > 0 || begin();
    }

    private boolean begin() throws IOException {
        if (!fill()) {
            return false;
        }
        if (!hasBegun && chunk[at] == 0) {
            // No record of this format is empty; the formats before Kafka 0.11 begin with an offset of eight bytes.
            passing = Long.MAX_VALUE;
            return true;
        }
        hasBegun = true;
        readyAt = 0;
        readyEnd = 0;
        left = Integer.MAX_VALUE;
        long size = copyNumber();
        if (size >= 0 && size <= SMALL_BYTES) {
            passing = size;
            return true;
        }
        if (size < 0 || size > Integer.MAX_VALUE) {
            throw new IOException("Expected the size of a record, found " + size);
        }
        bound((int) size);
        return true;
    }

    /** Make a record of `size` bytes ready, behind room for its new size. */
    private void bound(int size) throws IOException {
        if (ready.length < LARGEST_RECORD_BYTES) {
            ready = new byte[LARGEST_RECORD_BYTES];
        }
        left = size;
        readyEnd = LONGEST_SIZE_BYTES;
        copy(1);
        copyNumber();
        copyNumber();
        copyField(SharedConstants.MAX_KEY_BYTES + 1);
        copyField(SharedConstants.MAX_VALUE_BYTES + 1);
        ready[readyEnd++] = 0;
        pass(left);
        int body = readyEnd - LONGEST_SIZE_BYTES;
        int written = readyEnd;
        writeNumber(body);
        int n = readyEnd - written;
        readyAt = LONGEST_SIZE_BYTES - n;
        System.arraycopy(ready, written, ready, readyAt, n);
        readyEnd = written;
    }

    /** Copy a key or value up to a length; a negative length is that of null. */
    private void copyField(int most) throws IOException {
        int before = readyEnd;
        long length = copyNumber();
        if (length < 0) {
            return;
        }
        if (length > left) {
            throw new EOFException("Expected a field of a record, found that it is longer than the record");
        }
        int kept = (int) Math.min(length, most);
        readyEnd = before;
        writeNumber(kept);
        copy(kept);
        pass((int) length - kept);
    }

    /** Copy a number as it is written, and return it: seven bits a byte, the lowest bit of all is the sign. */
    private long copyNumber() throws IOException {
        long bits = 0;
        for (int i = 0; i < LONGEST_NUMBER_BYTES; i++) {
            copy(1);
            byte next = ready[readyEnd - 1];
            bits |= (next & 0x7FL) << (7 * i);
            if (next >= 0) {
                return (bits >>> 1) ^ -(bits & 1);
            }
        }
        throw new IOException("Expected a number of a record, found more than ten bytes of one");
    }

    private void writeNumber(int number) {
        long bits = 2L * number;
        for (; bits > 0x7F; bits >>>= 7) {
            ready[readyEnd++] = (byte) (bits | 0x80);
        }
        ready[readyEnd++] = (byte) bits;
    }

    private void copy(int n) throws IOException {
        for (int copied = 0; copied < n; ) {
            int some = some(n - copied);
            System.arraycopy(chunk, at, ready, readyEnd, some);
            at += some;
            readyEnd += some;
            copied += some;
        }
        left -= n;
    }

    private void pass(int n) throws IOException {
        for (int passed = 0; passed < n; ) {
            int some = some(n - passed);
            at += some;
            passed += some;
        }
        left -= n;
    }

    private int some(int wanted) throws IOException {
        if (wanted > left || !fill()) {
            throw new EOFException("Expected a whole record, found the end of it");
        }
        return Math.min(wanted, end - at);
    }

    /** Have a byte in the chunk; false at the end of the batch. */
    private boolean fill() throws IOException {
        while (at == end) {
            int n = source.read(chunk, 0, chunk.length);
            if (n < 0) {
                return false;
            }
            at = 0;
            end = n;
        }
        return true;
    }
}
