package exchangefingerprint.flink.batches;

import java.io.Serializable;

/** Tells from the last batches whether windows are waiting, and how much longer the next batch may be gathered then. */
final class Patience implements Serializable {
    private static final long serialVersionUID = 1L;

    /** So much longer: a call of Python costs as much as some 80 windows in it. */
    static final long LONGER_MS = 50;

    /** Windows in a batch that show that more come than are watched live, by one subtask. */
    static final int MANY = 20;

    /** So many such batches in a row: what comes in one burst is soon over, and must not wait. */
    static final int IN_ROW = 5;

    private transient int nInRow;

    /** Take in how many windows a batch had, and return how much longer the next one may be gathered. */
    long after(int nWindows) {
        nInRow = nWindows < MANY ? 0 : Math.min(nInRow + 1, IN_ROW);
        return nInRow < IN_ROW ? 0 : LONGER_MS;
    }
}
