package exchangefingerprint.flink.state;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;

/** State as it is in a checkpoint. */
public final class Bytes {
    private Bytes() {}

    public static <T> byte[] of(TypeSerializer<T> serializer, T value) throws IOException {
        DataOutputSerializer target = new DataOutputSerializer(64);
        serializer.serialize(value, target);
        return target.getCopyOfBuffer();
    }

    public static <T> T read(TypeSerializer<T> serializer, byte[] bytes) throws IOException {
        DataInputDeserializer source = new DataInputDeserializer(bytes);
        T value = serializer.deserialize(source);
        if (source.available() != 0) {
            throw new IOException(source.available() + " bytes are left");
        }
        return value;
    }

    /** Write what names a serializer in a checkpoint, and read it as Flink does when it restores. */
    public static <T> TypeSerializerSnapshot<T> restored(TypeSerializer<T> serializer, int version)
            throws IOException {
        DataOutputSerializer target = new DataOutputSerializer(64);
        TypeSerializerSnapshot.writeVersionedSnapshot(target, serializer.snapshotConfiguration());
        byte[] bytes = target.getCopyOfBuffer();
        // The version is the last that is written: there is nothing else to say of such a serializer.
        bytes[bytes.length - 1] = (byte) version;
        return TypeSerializerSnapshot.readVersionedSnapshot(
                new DataInputDeserializer(bytes), Bytes.class.getClassLoader());
    }
}
