package exchangefingerprint.flink.state;

import exchangefingerprint.flink.SharedConstants;
import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Stands in the state of a function for the version of all that is kept there.
 *
 * <p>Flink keeps the columns of a state itself, and would read their values whatever they mean by now. This is one of
 * those columns, and refuses what another version wrote.
 */
public final class StateLayout {
    /** The version of what this code writes. */
    public static final StateLayout CURRENT = new StateLayout();

    private StateLayout() {}

    /** Refuse state of another version. */
    static void check(int found) throws IOException {
        if (found != SharedConstants.STATE_LAYOUT) {
            throw new IOException(
                    "Expected job state of layout " + SharedConstants.STATE_LAYOUT + ", found layout " + found
                            + ": submit the job without --resume and --from-savepoint, which reads the topic from its"
                            + " beginning and gives the same results.");
        }
    }

    /** Writes the version and nothing else. */
    public static final class Serializer extends VersionedSerializer<StateLayout> {
        private static final long serialVersionUID = 1L;

        @Override
        public StateLayout createInstance() {
            return CURRENT;
        }

        @Override
        public StateLayout copy(StateLayout from) {
            return from;
        }

        @Override
        protected void write(StateLayout layout, DataOutputView target) {}

        @Override
        protected StateLayout read(DataInputView source) {
            return CURRENT;
        }

        @Override
        public Snapshot snapshotConfiguration() {
            return new Snapshot();
        }

        /** Names the serializer in a checkpoint. */
        public static final class Snapshot extends VersionedSerializer.Snapshot<StateLayout> {
            @Override
            public Serializer restoreSerializer() {
                return new Serializer();
            }
        }
    }
}
