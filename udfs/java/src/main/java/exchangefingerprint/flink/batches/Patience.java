package exchangefingerprint.flink.batches;

import java.io.Serializable;

/**
 * Tells from the last batches how long the next one may be gathered.
 *
 * <p>It asks for a rate, not for the windows in a batch: a batch that was gathered longer has more of them, whatever
 * the rate, and would ask for the next long one.
 */
final class Patience implements Serializable {
    private static final long serialVersionUID = 2L;

    /** From call to call while windows are waiting: a call of Python costs as much as some 80 windows in it. */
    static final long LONG_MS = 60;

    /** At least, from call to call, while nothing but the backlog counts. */
    static final long LONGER_MS = 150;

    /** At most. */
    static final long LONGEST_MS = 400;

    /** Of a backlog: in it a call costs a tenth of what its windows do. */
    static final int LARGE_BATCH = 800;

    /** More windows than are watched live, by one subtask: such windows are waiting anyway. */
    static final int MANY_PER_S = 1_100;

    /** As many as one subtask of two makes of a backlog on two cores. */
    static final int MOST_PER_S = 4_000;

    /** Over so long a time they are counted: windows come in bursts, and wait for one another at a checkpoint. */
    static final long COUNTED_NS = 250_000_000L;

    private static final long NS_PER_S = 1_000_000_000L;
    private static final long MS_PER_S = 1_000L;
    private static final long NS_PER_MS = 1_000_000L;

    private transient long nWindows;
    private transient long sinceNs;
    private transient long callsNs;
    private transient long longMs;

    /**
     * Take in a batch, and return for how many milliseconds the next one is gathered after its end.
     *
     * <p>Where few come, as long as the call took: on a machine that does not get on with short batches they grow.
     *
     * @param nInBatch its windows
     * @param sinceLastNs from the beginning of the call before to the beginning of this one
     * @param callNs what the call took
     */
    long after(int nInBatch, long sinceLastNs, long callNs) {
        nWindows += nInBatch;
        sinceNs += sinceLastNs;
        callsNs += callNs;
        if (sinceNs >= COUNTED_NS) {
            // Where Python computes for half of the time, the machine has more to do than it can.
            longMs = longMs(nWindows * NS_PER_S / sinceNs, 2 * callsNs > sinceNs);
            nWindows = sinceNs = callsNs = 0;
        }
        long callMs = callNs / NS_PER_MS;
        return longMs > 0 ? Math.max(longMs - callMs, 0) : Math.min(callMs, LONG_MS);
    }

    /** Tell whether so many come that they are waiting anyway. */
    boolean isLong() {
        return longMs > 0;
    }

    /** Return how long is gathered at a rate from call to call; 0 if that depends on the call. */
    private static long longMs(long perS, boolean isBusy) {
        if (perS > MOST_PER_S || (isBusy && perS > MANY_PER_S)) {
            return Math.min(Math.max(LARGE_BATCH * MS_PER_S / perS, LONGER_MS), LONGEST_MS);
        }
        return perS > MANY_PER_S ? LONG_MS : 0;
    }
}
