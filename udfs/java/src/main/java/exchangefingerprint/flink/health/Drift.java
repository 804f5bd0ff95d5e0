package exchangefingerprint.flink.health;

import static exchangefingerprint.flink.SharedConstants.LEAST_DIFFERENCE;
import static exchangefingerprint.flink.SharedConstants.LEAST_INTERVAL_NS;
import static exchangefingerprint.flink.SharedConstants.LEAST_SPREAD;
import static exchangefingerprint.flink.SharedConstants.LN_2;
import static exchangefingerprint.flink.SharedConstants.LOG_BITS;
import static exchangefingerprint.flink.SharedConstants.MANTISSA_BITS;
import static exchangefingerprint.flink.SharedConstants.N_BACK;
import static exchangefingerprint.flink.SharedConstants.N_GAP;
import static exchangefingerprint.flink.SharedConstants.N_IN_BLOCK;
import static exchangefingerprint.flink.SharedConstants.N_LEAST;
import static exchangefingerprint.flink.SharedConstants.N_NOW;
import static exchangefingerprint.flink.SharedConstants.RATIO_BITS;
import static exchangefingerprint.flink.SharedConstants.SCORE_LIMIT;
import static exchangefingerprint.flink.SharedConstants.WINDOW_SLIDE;

import java.io.IOException;
import java.util.Arrays;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Whether the rate of a connection is still that of its own earlier windows: the times between the ends of the latest
 * four blocks of eight windows against those of up to forty blocks before.
 *
 * <p>Python computes the same bits, in {@code jobs}: logarithms and their sums are integers, and what is made
 * of them takes only operations that IEEE 754 rounds in one way.
 */
public final class Drift {
    private static final int FIRST_CAPACITY = 6;
    private static final double NS_PER_S = 1e9;

    /** Windows since learning began; without any the others mean nothing. */
    private long n;

    private long lastNs;

    /** Sum of the logarithms of the block that has begun. */
    private int sum;

    /** The sums of the last blocks; grows up to {@code N_BACK}, then turns. */
    private int[] sums = new int[0];

    /** Receive time and offset where each of the last blocks began, from the first on that may turn out to differ. */
    private long[] begins = new long[0];

    /** Begin a segment. */
    public void restart() {
        n = 0;
        sum = 0;
        sums = new int[0];
        begins = new long[0];
    }

    /** Take in the end of a window, and say what is wrong, or null. */
    public HealthEvent take(long recvTsNs, long offset) {
        if (n > 0) {
            sum += log2(Math.max(LEAST_INTERVAL_NS, recvTsNs - lastNs));
        }
        lastNs = recvTsNs;
        n++;
        if ((n - 1) % N_IN_BLOCK != 0) {
            return null;
        }
        HealthEvent wrong = n == 1 ? null : endBlock();
        if (wrong != null) {
            restart();
            n = 1;
        }
        begin(recvTsNs, offset);
        return wrong;
    }

    private long blocks() {
        return (n - 1) / N_IN_BLOCK;
    }

    private HealthEvent endBlock() {
        int at = (int) ((blocks() - 1) % N_BACK);
        if (at == sums.length) {
            sums = Arrays.copyOf(sums, Math.min(Math.max(FIRST_CAPACITY, 2 * at), N_BACK));
        }
        sums[at] = sum;
        sum = 0;
        return blocks() < N_GAP + N_LEAST ? null : compared((int) Math.min(N_BACK, blocks()) - N_GAP);
    }

    private void begin(long recvTsNs, long offset) {
        if (blocks() < N_LEAST) {
            return;
        }
        if (begins.length == 0) {
            begins = new long[2 * N_GAP];
        }
        int at = beginOf(0);
        begins[at] = recvTsNs;
        begins[at + 1] = offset;
    }

    private int beginOf(int ago) {
        return 2 * (int) ((blocks() - ago) % N_GAP);
    }

    /** Return the sum of a block, 1 being the latest. */
    private long block(int ago) {
        return sums[(int) ((blocks() - ago) % N_BACK)];
    }

    /** Return the sum of as many blocks as make a level, the latest of which is so many ago. */
    private long level(int ago) {
        long level = 0;
        for (int i = 0; i < N_NOW; i++) {
            level += block(ago + i);
        }
        return level;
    }

    private HealthEvent compared(int nBefore) {
        long before = 0;
        for (int ago = N_GAP + 1; ago <= N_GAP + nBefore; ago++) {
            before += block(ago);
        }
        long now = level(1);
        double difference = (double) (nBefore * now - N_NOW * before) / nBefore;
        double score = score(Math.abs(difference), nBefore);
        if (score <= SCORE_LIMIT || Math.abs(difference) <= LEAST_DIFFERENCE) {
            return null;
        }
        int nSince = since(before, now, nBefore);
        long since = 0;
        for (int ago = 1; ago <= nSince; ago++) {
            since += block(ago);
        }
        int at = beginOf(nSince);
        return HealthEvent.ofRate(begins[at], begins[at + 1], rate(before, nBefore), rate(since, nSince), score);
    }

    /** Wallace (1959): as far out in the normal distribution as the difference in its own units is in Student's. */
    private double score(double difference, int nBefore) {
        double parts = nBefore / (double) N_NOW;
        double freedoms = parts - 1;
        double t2 = difference * difference / (variance(nBefore) * (1 + 1 / parts));
        long ratio = (long) ((1 + t2 / freedoms) * (1L << RATIO_BITS));
        double logarithm = LN_2 * ((double) log2(ratio) / (1 << LOG_BITS) - RATIO_BITS);
        return (8 * freedoms + 1) / (8 * freedoms + 3) * Math.sqrt(freedoms * logarithm);
    }

    /** Return by how much levels before differed: as they did, or as blocks did if each were drawn for itself. */
    private double variance(int nBefore) {
        long ofBlocks = 0;
        long squaresOfBlocks = 0;
        for (int ago = N_GAP + 1; ago <= N_GAP + nBefore; ago++) {
            ofBlocks += block(ago);
            squaresOfBlocks += block(ago) * block(ago);
        }
        long ofLevels = 0;
        long squaresOfLevels = 0;
        int nLevels = nBefore - N_NOW + 1;
        for (int ago = N_GAP + 1; ago <= N_GAP + nLevels; ago++) {
            ofLevels += level(ago);
            squaresOfLevels += level(ago) * level(ago);
        }
        double amongLevels = variance(nLevels, ofLevels, squaresOfLevels) * nBefore / (nBefore - N_NOW);
        double amongBlocks = variance(nBefore, ofBlocks, squaresOfBlocks) * N_NOW;
        return Math.max(Math.max(amongLevels, amongBlocks), LEAST_SPREAD * LEAST_SPREAD);
    }

    private static double variance(int n, long sum, long squares) {
        return (double) (n * squares - sum * sum) / (n * n);
    }

    /** Return how many blocks ago, of those that are not before, they became more like now than like before. */
    private int since(long before, long now, int nBefore) {
        long middle = N_NOW * before + nBefore * now;
        long sign = nBefore * now > N_NOW * before ? 1 : -1;
        long gain = 0;
        long most = Long.MIN_VALUE;
        int since = 0;
        for (int ago = 1; ago <= N_GAP; ago++) {
            gain += sign * (2L * N_NOW * nBefore * block(ago) - middle);
            if (gain > most) {
                most = gain;
                since = ago;
            }
        }
        return since;
    }

    /** Return the messages per second of as many blocks, whose windows end so far apart. */
    private static double rate(long sum, int nBlocks) {
        double logarithm = (double) sum / (nBlocks * N_IN_BLOCK);
        long intervalNs = 0;
        for (int bit = Long.SIZE - 2; bit >= 0; bit--) {
            if (log2(intervalNs | 1L << bit) <= logarithm) {
                intervalNs |= 1L << bit;
            }
        }
        return WINDOW_SLIDE * NS_PER_S / intervalNs;
    }

    /** Return the logarithm of a number from 1 on, bit by bit: the square of a number has twice its logarithm. */
    private static int log2(long number) {
        int log = Long.SIZE - 1 - Long.numberOfLeadingZeros(number);
        long mantissa = log > MANTISSA_BITS ? number >> (log - MANTISSA_BITS) : number << (MANTISSA_BITS - log);
        for (int bit = 0; bit < LOG_BITS; bit++) {
            mantissa = mantissa * mantissa >> MANTISSA_BITS;
            int carry = (int) (mantissa >> (MANTISSA_BITS + 1));
            mantissa >>= carry;
            log = 2 * log + carry;
        }
        return log;
    }

    /** Return another one that has taken in the same. */
    public Drift copy() {
        Drift to = new Drift();
        to.n = n;
        to.lastNs = lastNs;
        to.sum = sum;
        to.sums = sums.clone();
        to.begins = begins.clone();
        return to;
    }

    /** Write it into a checkpoint. */
    public void write(DataOutputView target) throws IOException {
        target.writeLong(n);
        if (n > 0) {
            target.writeLong(lastNs);
            target.writeInt(sum);
            target.writeByte(sums.length);
            for (int block : sums) {
                target.writeInt(block);
            }
            target.writeByte(begins.length);
            for (long begin : begins) {
                target.writeLong(begin);
            }
        }
    }

    /** Become what {@link #write} has written. */
    public void read(DataInputView source) throws IOException {
        n = source.readLong();
        if (n > 0) {
            lastNs = source.readLong();
            sum = source.readInt();
            sums = new int[source.readByte()];
            for (int i = 0; i < sums.length; i++) {
                sums[i] = source.readInt();
            }
            begins = new long[source.readByte()];
            for (int i = 0; i < begins.length; i++) {
                begins[i] = source.readLong();
            }
        }
    }
}
