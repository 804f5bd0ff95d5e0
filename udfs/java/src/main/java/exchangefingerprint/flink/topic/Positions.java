package exchangefingerprint.flink.topic;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.runtime.execution.SuppressRestartsException;

/**
 * Where each partition is read next, and from which offset on its connections are counted.
 *
 * <p>Offsets that are left out are deleted records only if the partition begins behind the first of them by now;
 * otherwise they are marks of transactions, records of aborted ones, or compacted ones. Kafka is asked at most ten
 * times a second, for a topic of transactions leaves offsets out all the time.
 */
final class Positions {
    private static final long ASK_AGAIN_NS = 100_000_000;

    private final TopicState topic;
    private final Unread unread;
    private final Map<Integer, Position> all = new ConcurrentHashMap<>();
    private volatile int partitions;

    /** Is told what was deleted before it was read. */
    interface Unread {
        /** Take note of so many offsets from the first one on, behind which counting starts anew. */
        void note(int partition, long countsFrom, long firstOffset, long nOffsets) throws IOException;
    }

    private static final class Position {
        long next;
        long countsFrom;

        /** The first of the offsets that were left out since Kafka was asked, -1 if none was. */
        long leftOut = -1;

        long askedNs = System.nanoTime() - ASK_AGAIN_NS;
    }

    Positions(TopicState topic, Unread unread) {
        this.topic = topic;
        this.unread = unread;
    }

    /** Begin with what the topic holds. */
    void begin(Map<Integer, Long> firstOffsets) {
        firstOffsets.forEach((partition, first) -> of(partition).next = first);
        add(firstOffsets.size());
    }

    /** Go on with what was kept; each task has kept all partitions, and who reads one is the furthest. */
    void restore(int partition, long next, long countsFrom) {
        Position position = of(partition);
        position.next = Math.max(position.next, next);
        position.countsFrom = Math.max(position.countsFrom, countsFrom);
        add(partition + 1);
    }

    /** Return what is kept: partition, next offset, and the one from which on its connections are counted. */
    List<Tuple3<Integer, Long, Long>> kept() throws IOException {
        List<Tuple3<Integer, Long, Long>> kept = new ArrayList<>();
        for (Map.Entry<Integer, Position> one : all.entrySet()) {
            Position position = one.getValue();
            if (position.leftOut >= 0) {
                ask(one.getKey(), position, position.next);
            }
            kept.add(Tuple3.of(one.getKey(), position.next, position.countsFrom));
        }
        return kept;
    }

    /** How many partitions are known: those that were there at first, and those added since, read or not. */
    int partitions() {
        return partitions;
    }

    /** Know partitions that were added, which begin at offset 0. */
    void add(int upTo) {
        for (int partition = partitions; partition < upTo; partition++) {
            of(partition);
        }
        partitions = Math.max(partitions, upTo);
    }

    /** Take in where a record is; return from which offset on connections are counted there. */
    long take(int partition, long offset) throws IOException {
        Position position = of(partition);
        if (offset < position.next) {
            throw new SuppressRestartsException(
                    new IOException(
                            "Expected offset " + position.next + " or a later one in partition " + partition + " of "
                                    + topic.topic + ", found " + offset + ": its end was lost, or it was made anew;"
                                    + " submit the job without --resume, with a database without results"));
        }
        if (offset > position.next && position.leftOut < 0) {
            position.leftOut = position.next;
        }
        position.next = offset + 1;
        if (position.leftOut >= 0 && System.nanoTime() - position.askedNs >= ASK_AGAIN_NS) {
            ask(partition, position, offset);
        }
        return position.countsFrom;
    }

    private void ask(int partition, Position position, long offset) throws IOException {
        long leftOut = position.leftOut;
        long n = Math.min(topic.firstOffset(partition), offset) - leftOut;
        if (n > 0) {
            unread.note(partition, offset, leftOut, n);
            position.countsFrom = offset;
        }
        position.leftOut = -1;
        position.askedNs = System.nanoTime();
    }

    private Position of(int partition) {
        return all.computeIfAbsent(partition, p -> new Position());
    }
}
