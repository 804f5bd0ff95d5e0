package exchangefingerprint.flink.jdbc;

import exchangefingerprint.flink.planned.Planned;
import java.io.Flushable;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.common.functions.RichFunction;

/**
 * Writes rows in larger batches where many come.
 *
 * <p>Flink's JDBC connector writes what there is at each tick of its timer, and lets no row in while it does. With a
 * tick of 10 ms, what brings rows waits for the database a good part of the time, and each batch is a transaction.
 */
final class PatientFlushes {
    /** More rows than are watched live, into one table by one subtask: such rows have been waiting anyway. */
    static final int MANY_PER_S = 2_000;

    /** So long rows wait for others then. */
    static final long LONG_NS = 60_000_000L;

    /** Over so long a time they are counted. */
    static final long COUNTED_NS = 250_000_000L;

    private static final long NS_PER_S = 1_000_000_000L;

    private long nRows;
    private long countedFromNs;
    private long writtenNs;
    private boolean many;

    PatientFlushes(long nowNs) {
        countedFromNs = writtenNs = nowNs;
    }

    /** Tell at a tick whether the rows that are waiting are to be written now. */
    boolean isDue(int nWaiting, long nowNs) {
        if (nWaiting == 0 || many && nowNs - writtenNs < LONG_NS) {
            return false;
        }
        writtenNs = nowNs;
        nRows += nWaiting;
        long countedNs = nowNs - countedFromNs;
        if (countedNs >= COUNTED_NS) {
            many = nRows * NS_PER_S > MANY_PER_S * countedNs;
            nRows = 0;
            countedFromNs = nowNs;
        }
        return true;
    }

    /** Take over the timer of the connector's sink, which has been opened; a sink without one is left as it is. */
    static void takeOver(RichFunction sink) {
        Object format = Planned.read(sink, "outputFormat");
        ScheduledFuture<?> timer = (ScheduledFuture<?>) Planned.read(format, "scheduledFuture");
        if (timer == null) {
            return;
        }
        timer.cancel(false);
        long tickMs = (long) Planned.read(Planned.read(format, "executionOptions"), "batchIntervalMs");
        ScheduledExecutorService scheduler = (ScheduledExecutorService) Planned.read(format, "scheduler");
        PatientFlushes flushes = new PatientFlushes(System.nanoTime());
        Planned.write(
                format,
                "scheduledFuture",
                scheduler.scheduleWithFixedDelay(() -> flushes.tick(format), tickMs, tickMs, TimeUnit.MILLISECONDS));
    }

    /** Do what the connector does at a tick, if it is time: what fails is thrown at the next row. */
    private void tick(Object format) {
        synchronized (format) {
            boolean closed = (boolean) Planned.read(format, "closed");
            if (!closed && isDue((int) Planned.read(format, "batchCount"), System.nanoTime())) {
                try {
                    ((Flushable) format).flush();
                } catch (Exception error) {
                    Planned.write(format, "flushException", error);
                }
            }
        }
    }
}
