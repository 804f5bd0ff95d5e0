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

    /** So long while windows are waiting: a call of Python costs as much as some 80 windows in it. */
    static final long LONG_MS = 60;

    /** More windows than are watched live, by one subtask: such windows are waiting anyway. */
    static final int MANY_PER_S = 1_100;

    /** Over so long a time they are counted: windows come in bursts, and wait for one another at a checkpoint. */
    static final long COUNTED_NS = 250_000_000L;

    private static final long NS_PER_S = 1_000_000_000L;
    private static final long NS_PER_MS = 1_000_000L;

    private transient long nWindows;
    private transient long sinceNs;
    private transient boolean many;

    /**
     * Take in a batch, and return for how many milliseconds the next one is gathered after its end.
     *
     * <p>At least as long as the call took: on a machine that does not get on with short batches they grow.
     *
     * @param nInBatch its windows
     * @param sinceLastNs from the beginning of the call before to the beginning of this one
     * @param callNs what the call took
     */
    long after(int nInBatch, long sinceLastNs, long callNs) {
        nWindows += nInBatch;
        sinceNs += sinceLastNs;
        if (sinceNs >= COUNTED_NS) {
            many = nWindows * NS_PER_S > MANY_PER_S * sinceNs;
            nWindows = sinceNs = 0;
        }
        return many ? LONG_MS : Math.min(callNs / NS_PER_MS, LONG_MS);
    }
}
