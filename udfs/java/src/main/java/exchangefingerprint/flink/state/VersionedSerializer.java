package exchangefingerprint.flink.state;

import exchangefingerprint.flink.SharedConstants;
import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializerSchemaCompatibility;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Writes state with the version of its layout in front, and refuses state of any other version.
 *
 * <p>The version is one for all that the job keeps: {@link SharedConstants#STATE_LAYOUT}.
 *
 * @param <T> what is kept
 */
public abstract class VersionedSerializer<T> extends TypeSerializerSingleton<T> {
    private static final long serialVersionUID = 1L;

    /** Refuse state of another version. */
    static void check(int found) throws IOException {
        if (found != SharedConstants.STATE_LAYOUT) {
            throw new IOException(
                    "Expected job state of layout " + SharedConstants.STATE_LAYOUT + ", found layout " + found
                            + ": submit the job without --resume and --from-savepoint, which reads the topic from its"
                            + " beginning and gives the same results.");
        }
    }

    /** Write a value, without a version. */
    protected abstract void write(T value, DataOutputView target) throws IOException;

    /** Read what {@link #write} has written. */
    protected abstract T read(DataInputView source) throws IOException;

    @Override
    public final void serialize(T value, DataOutputView target) throws IOException {
        target.writeByte(SharedConstants.STATE_LAYOUT);
        write(value, target);
    }

    @Override
    public final T deserialize(DataInputView source) throws IOException {
        check(source.readByte());
        return read(source);
    }

    @Override
    public final T deserialize(T reuse, DataInputView source) throws IOException {
        return deserialize(source);
    }

    @Override
    public final T copy(T from, T reuse) {
        return copy(from);
    }

    @Override
    public final void copy(DataInputView source, DataOutputView target) throws IOException {
        serialize(deserialize(source), target);
    }

    @Override
    public final boolean isImmutableType() {
        return false;
    }

    @Override
    public final int getLength() {
        return -1;
    }

    /**
     * Names a serializer in a checkpoint, with its version: Flink reads it before any value.
     *
     * @param <T> what the serializer writes
     */
    public abstract static class Snapshot<T> implements TypeSerializerSnapshot<T> {
        @Override
        public final int getCurrentVersion() {
            return SharedConstants.STATE_LAYOUT;
        }

        @Override
        public final void writeSnapshot(DataOutputView target) {}

        @Override
        public final void readSnapshot(int version, DataInputView source, ClassLoader loader) throws IOException {
            check(version);
        }

        @Override
        public final TypeSerializerSchemaCompatibility<T> resolveSchemaCompatibility(
                TypeSerializerSnapshot<T> ofCheckpoint) {
            return ofCheckpoint.getClass() == getClass()
                    ? TypeSerializerSchemaCompatibility.compatibleAsIs()
                    : TypeSerializerSchemaCompatibility.incompatible();
        }
    }
}
