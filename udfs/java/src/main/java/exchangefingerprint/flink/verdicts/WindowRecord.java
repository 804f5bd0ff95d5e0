package exchangefingerprint.flink.verdicts;

import exchangefingerprint.flink.SharedConstants;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** A scored window as Python sends it: numbers at fixed places. Python has the layout in {@code window_records.py}. */
final class WindowRecord {
    private static final int FEATURES_END = SharedConstants.N_FEATURES * Double.BYTES;

    private final byte[] bytes;
    private final ByteBuffer numbers;
    private final int nClasses;

    WindowRecord(byte[] bytes, int nClasses) {
        int expected = FEATURES_END
                + nClasses * (Integer.BYTES + Short.BYTES)
                + (SharedConstants.N_TRAITS + 1) * Short.BYTES;
        if (bytes.length != expected) {
            throw new IllegalArgumentException("Expected a window's record of " + expected + " bytes, found "
                    + bytes.length + ": submit the job with the code of its own version.");
        }
        this.bytes = bytes;
        this.nClasses = nClasses;
        numbers = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Return all features, as they came. */
    byte[] features() {
        return Arrays.copyOf(bytes, FEATURES_END);
    }

    double feature(int index) {
        return numbers.getDouble(index * Double.BYTES);
    }

    int probabilityMillionths(int index) {
        return numbers.getInt(FEATURES_END + index * Integer.BYTES);
    }

    /** Return the millinats of each class. */
    short[] evidence() {
        return shorts(evidenceBegin(), nClasses);
    }

    /** Return what the window's signature is made of. */
    short[] traits() {
        return shorts(evidenceBegin() + nClasses * Short.BYTES, SharedConstants.N_TRAITS);
    }

    /** Return the index of the class that the window is called. */
    int predicted() {
        return numbers.getShort(bytes.length - Short.BYTES);
    }

    private int evidenceBegin() {
        return FEATURES_END + nClasses * Integer.BYTES;
    }

    private short[] shorts(int begin, int n) {
        short[] found = new short[n];
        numbers.slice(begin, n * Short.BYTES).order(ByteOrder.LITTLE_ENDIAN).asShortBuffer().get(found);
        return found;
    }
}
