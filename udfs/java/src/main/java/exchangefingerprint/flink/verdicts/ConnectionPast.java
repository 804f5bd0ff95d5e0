package exchangefingerprint.flink.verdicts;

import exchangefingerprint.flink.SharedConstants;
import exchangefingerprint.flink.state.VersionedSerializer;
import java.io.IOException;
import java.util.Arrays;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * What is kept of a connection's windows: those that a decision looks back on, and what stands since when.
 *
 * <p>Arrays are never changed, only replaced; so copies share them.
 */
public final class ConnectionPast {
    private static final int HISTORY = SharedConstants.HISTORY;

    /** The segment, its partition and the model whose windows these are; of any other, nothing is known. */
    long segment;

    int partition;

    String modelVersion = "";

    /** Of the last windows, the newest last: where each began, its evidence for each class, and its traits. */
    long[] startNs = new long[0];

    long[] firstOffset = new long[0];
    short[] evidence = new short[0];
    short[] traits = new short[0];

    /** What was declared at the last window. */
    String declared;

    /** The class that stands; null as long as none does. */
    String certain;

    /** Of the last window that made or upheld it. */
    double probability;

    long strengthMillinats;
    int suffixWindows;

    /** Where the window began with which it began. */
    long sinceNs;

    long sinceOffset;

    /** Messages of the connection when the first class was decisive. */
    long afterMessages;

    /** What stood before; null if nothing did. */
    String previous;

    /** Take in a window. */
    void add(long windowStartNs, long windowFirstOffset, short[] windowEvidence, short[] windowTraits) {
        int kept = Math.min(startNs.length, HISTORY - 1);
        startNs = Arrays.copyOfRange(startNs, startNs.length - kept, startNs.length + 1);
        startNs[kept] = windowStartNs;
        firstOffset = Arrays.copyOfRange(firstOffset, firstOffset.length - kept, firstOffset.length + 1);
        firstOffset[kept] = windowFirstOffset;
        evidence = appended(evidence, kept, windowEvidence);
        traits = appended(traits, kept, windowTraits);
    }

    private static short[] appended(short[] before, int kept, short[] more) {
        int n = kept * more.length;
        short[] all = Arrays.copyOfRange(before, before.length - n, before.length + more.length);
        System.arraycopy(more, 0, all, n, more.length);
        return all;
    }

    private ConnectionPast copy() {
        ConnectionPast to = new ConnectionPast();
        to.segment = segment;
        to.partition = partition;
        to.modelVersion = modelVersion;
        to.startNs = startNs;
        to.firstOffset = firstOffset;
        to.evidence = evidence;
        to.traits = traits;
        to.declared = declared;
        to.certain = certain;
        to.probability = probability;
        to.strengthMillinats = strengthMillinats;
        to.suffixWindows = suffixWindows;
        to.sinceNs = sinceNs;
        to.sinceOffset = sinceOffset;
        to.afterMessages = afterMessages;
        to.previous = previous;
        return to;
    }

    /** Writes a connection's past into checkpoints. */
    public static final class Serializer extends VersionedSerializer<ConnectionPast> {
        private static final long serialVersionUID = 1L;

        @Override
        public ConnectionPast createInstance() {
            return new ConnectionPast();
        }

        @Override
        public ConnectionPast copy(ConnectionPast from) {
            return from.copy();
        }

        @Override
        protected void write(ConnectionPast past, DataOutputView target) throws IOException {
            target.writeLong(past.segment);
            target.writeInt(past.partition);
            target.writeUTF(past.modelVersion);
            target.writeByte(past.startNs.length);
            for (int i = 0; i < past.startNs.length; i++) {
                target.writeLong(past.startNs[i]);
                target.writeLong(past.firstOffset[i]);
            }
            writeShorts(past.evidence, target);
            writeShorts(past.traits, target);
            writeText(past.declared, target);
            writeText(past.certain, target);
            if (past.certain != null) {
                target.writeDouble(past.probability);
                target.writeLong(past.strengthMillinats);
                target.writeByte(past.suffixWindows);
                target.writeLong(past.sinceNs);
                target.writeLong(past.sinceOffset);
                target.writeLong(past.afterMessages);
                writeText(past.previous, target);
            }
        }

        @Override
        protected ConnectionPast read(DataInputView source) throws IOException {
            ConnectionPast past = new ConnectionPast();
            past.segment = source.readLong();
            past.partition = source.readInt();
            past.modelVersion = source.readUTF();
            int n = source.readByte();
            past.startNs = new long[n];
            past.firstOffset = new long[n];
            for (int i = 0; i < n; i++) {
                past.startNs[i] = source.readLong();
                past.firstOffset[i] = source.readLong();
            }
            past.evidence = readShorts(source);
            past.traits = readShorts(source);
            past.declared = readText(source);
            past.certain = readText(source);
            if (past.certain != null) {
                past.probability = source.readDouble();
                past.strengthMillinats = source.readLong();
                past.suffixWindows = source.readByte();
                past.sinceNs = source.readLong();
                past.sinceOffset = source.readLong();
                past.afterMessages = source.readLong();
                past.previous = readText(source);
            }
            return past;
        }

        private static void writeShorts(short[] values, DataOutputView target) throws IOException {
            target.writeInt(values.length);
            for (short value : values) {
                target.writeShort(value);
            }
        }

        private static short[] readShorts(DataInputView source) throws IOException {
            short[] values = new short[source.readInt()];
            for (int i = 0; i < values.length; i++) {
                values[i] = source.readShort();
            }
            return values;
        }

        private static void writeText(String text, DataOutputView target) throws IOException {
            target.writeBoolean(text != null);
            if (text != null) {
                target.writeUTF(text);
            }
        }

        private static String readText(DataInputView source) throws IOException {
            return source.readBoolean() ? source.readUTF() : null;
        }

        @Override
        public Snapshot snapshotConfiguration() {
            return new Snapshot();
        }

        /** Names the serializer in a checkpoint. */
        public static final class Snapshot extends VersionedSerializer.Snapshot<ConnectionPast> {
            @Override
            public Serializer restoreSerializer() {
                return new Serializer();
            }
        }
    }
}
