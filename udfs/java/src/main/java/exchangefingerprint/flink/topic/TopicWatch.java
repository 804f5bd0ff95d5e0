package exchangefingerprint.flink.topic;

import exchangefingerprint.flink.FileCacheThreads;
import java.io.IOException;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.api.java.tuple.Tuple4;
import org.apache.flink.metrics.Counter;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;

/**
 * Looks at where each record is, right behind the source: what was deleted unread is noted, and each later record of
 * that partition says from which offset on its connections are counted.
 *
 * <p>Which topic it is, and where each partition is read next, is in the state. Another topic under the same name ends
 * the job for good: its offsets mean other records.
 */
final class TopicWatch extends AbstractStreamOperator<RowData> implements OneInputStreamOperator<RowData, RowData> {
    private static final long serialVersionUID = 1L;
    private static final long LOOK_MS = 5_000;
    private static final int MISSED_LOOKS = 3;

    private final TopicState topic;
    private final TopicNotes notes;
    private final int countsFromColumn;
    private final int partitionColumn;
    private final int offsetColumn;

    private transient ListState<Tuple4<Integer, Long, Long, String>> kept;
    private transient Positions positions;
    private transient String topicId;
    private transient Counter unread;
    private transient Thread looking;

    TopicWatch(TopicState topic, TopicNotes notes, int countsFromColumn, int partitionColumn, int offsetColumn) {
        this.topic = topic;
        this.notes = notes;
        this.countsFromColumn = countsFromColumn;
        this.partitionColumn = partitionColumn;
        this.offsetColumn = offsetColumn;
    }

    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
        super.initializeState(context);
        kept =
                context.getOperatorStateStore()
                        .getUnionListState(
                                new ListStateDescriptor<>(
                                        "positions",
                                        Types.TUPLE(Types.INT, Types.LONG, Types.LONG, Types.STRING)));
        unread = getMetricGroup().counter("unread_records");
        positions = new Positions(topic, this::noteUnread);
        TopicState.Identity found = topic.confirmedIdentity(MISSED_LOOKS, LOOK_MS);
        topicId = found.id();
        if (context.isRestored()) {
            restore(found.id());
        } else if (topicId.isEmpty()) {
            throw new IOException("Expected the topic " + topic.topic + " on Kafka, found no such topic: create it");
        } else {
            positions.begin(topic.firstOffsets(found.partitions()));
        }
    }

    private void restore(String found) throws Exception {
        for (Tuple4<Integer, Long, Long, String> one : kept.get()) {
            positions.restore(one.f0, one.f1, one.f2);
            topicId = one.f3;
        }
        if (!found.equals(topicId)) {
            throw madeAnew(found);
        }
    }

    @Override
    public void open() throws Exception {
        super.open();
        FileCacheThreads.forgetJobs();
        int task = getRuntimeContext().getTaskInfo().getIndexOfThisSubtask();
        if (task == 0) {
            looking = new Thread(this::look, "look at " + topic.topic);
            looking.setDaemon(true);
            looking.start();
        }
    }

    @Override
    public void processElement(StreamRecord<RowData> element) throws Exception {
        GenericRowData row = (GenericRowData) element.getValue();
        row.setField(countsFromColumn, positions.take(row.getInt(partitionColumn), row.getLong(offsetColumn)));
        output.collect(element);
    }

    private void noteUnread(int partition, long countsFrom, long firstOffset, long nOffsets) throws IOException {
        LOG.error(
                "Expected offset {} of partition {} of {}, found that Kafka has deleted {} offsets unread: counting"
                        + " starts anew at {}",
                firstOffset,
                partition,
                topic.topic,
                nOffsets,
                countsFrom);
        notes.unread(partition, countsFrom, firstOffset, nOffsets);
        unread.inc(nOffsets);
    }

    private void look() {
        int missed = 0;
        boolean isCompacted = false;
        while (!Thread.currentThread().isInterrupted()) {
            try {
                TopicState.Identity found = topic.identity();
                missed = found.id().isEmpty() ? missed + 1 : 0;
                if (missed >= MISSED_LOOKS || (missed == 0 && !found.id().equals(topicId))) {
                    getContainingTask().getEnvironment().failExternally(madeAnew(found.id()));
                    return;
                }
                if (found.partitions() > positions.partitions()) {
                    notes.change("partitions", positions.partitions() + " to " + found.partitions());
                    positions.add(found.partitions());
                }
                String policy = topic.cleanupPolicy();
                if (policy != null && policy.contains("compact") && !isCompacted) {
                    isCompacted = true;
                    notes.change("cleanup.policy", policy);
                }
                Thread.sleep(LOOK_MS);
            } catch (InterruptedException error) {
                return;
            } catch (IOException error) {
                LOG.warn("{}", error.getMessage());
                pause();
            }
        }
    }

    private static void pause() {
        try {
            Thread.sleep(LOOK_MS);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }

    private SuppressRestartsException madeAnew(String found) {
        String what = found.isEmpty() ? "no such topic" : "the id " + found + ", of another topic";
        return new SuppressRestartsException(
                new IOException(
                        "Expected the topic " + topic.topic + " with the id " + topicId + ", found " + what
                                + ": submit the job without --resume, with a database without results"));
    }

    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
        super.snapshotState(context);
        kept.clear();
        for (Tuple3<Integer, Long, Long> one : positions.kept()) {
            kept.add(Tuple4.of(one.f0, one.f1, one.f2, topicId));
        }
    }

    @Override
    public void close() throws Exception {
        if (looking != null) {
            looking.interrupt();
            looking.join(LOOK_MS);
        }
        topic.close();
        super.close();
    }
}
