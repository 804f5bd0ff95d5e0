package exchangefingerprint.flink.verdicts;

import static exchangefingerprint.flink.SharedConstants.BACKWARDS_LEAST;
import static exchangefingerprint.flink.SharedConstants.BEATS_LEAST;
import static exchangefingerprint.flink.SharedConstants.BEAT_INTERVAL_S;
import static exchangefingerprint.flink.SharedConstants.BEAT_NAMES;
import static exchangefingerprint.flink.SharedConstants.CONTRAST_LEAST;
import static exchangefingerprint.flink.SharedConstants.FAST_BEATS_S;
import static exchangefingerprint.flink.SharedConstants.JUMPS_LEAST;
import static exchangefingerprint.flink.SharedConstants.KINDS_LEAST;
import static exchangefingerprint.flink.SharedConstants.KIND_LETTERS;
import static exchangefingerprint.flink.SharedConstants.N_TRAITS;
import static exchangefingerprint.flink.SharedConstants.SEQUENCE_NAMES;
import static exchangefingerprint.flink.SharedConstants.SIGNATURE_VERSION;
import static exchangefingerprint.flink.SharedConstants.SLOW_BEATS_S;
import static exchangefingerprint.flink.SharedConstants.TICKS_MS;
import static exchangefingerprint.flink.SharedConstants.UNDEFINED;

import java.util.List;
import org.apache.flink.table.data.StringData;

/** A window's or a connection's behaviour in a short string. Python has the same, in {@code signatures.py}. */
final class Signature {
    private static final int N_KINDS = KIND_LETTERS.size();
    private static final int BEATS = N_KINDS;
    private static final int DURATION = N_KINDS + 1;
    private static final int JUMPS = N_KINDS + 2;
    private static final int BACKWARDS = N_KINDS + 3;
    private static final int TICKS = N_KINDS + 4;

    /** Every signature there is, by its code. */
    private static final StringData[] TEXTS = texts();

    private Signature() {}

    /** Write down the means, rounded down, of some windows' traits, which lie one after the other. */
    static StringData of(short[] traits) {
        int[] sums = new int[N_TRAITS];
        int[] counts = new int[N_TRAITS];
        for (int at = 0; at < traits.length; at++) {
            if (traits[at] != UNDEFINED) {
                sums[at % N_TRAITS] += traits[at];
                counts[at % N_TRAITS]++;
            }
        }
        for (int i = 0; i < N_TRAITS; i++) {
            sums[i] = counts[i] > 0 ? sums[i] / counts[i] : UNDEFINED;
        }
        return TEXTS[code(kinds(sums), tick(sums), beat(sums), sequence(sums))];
    }

    private static int code(int kinds, int tick, int beat, int sequence) {
        return ((kinds * (TICKS_MS.size() + 1) + tick) * BEAT_NAMES.size() + beat) * SEQUENCE_NAMES.size() + sequence;
    }

    private static int kinds(int[] pooled) {
        int kinds = 0;
        for (int i = 0; i < N_KINDS; i++) {
            kinds |= pooled[i] > KINDS_LEAST.get(i) ? 1 << i : 0;
        }
        return kinds;
    }

    private static int tick(int[] pooled) {
        for (int i = TICKS_MS.size(); i > 0; i--) {
            if (pooled[TICKS + i - 1] > CONTRAST_LEAST) {
                return i;
            }
        }
        return 0;
    }

    private static int beat(int[] pooled) {
        double intervalS = pooled[DURATION] * BEAT_INTERVAL_S / Math.max(pooled[BEATS], 1);
        int beat = 1 + (intervalS > FAST_BEATS_S ? 1 : 0) + (intervalS > SLOW_BEATS_S ? 1 : 0);
        return pooled[BEATS] > 0 && (beat == 1 || pooled[BEATS] > BEATS_LEAST) ? beat : 0;
    }

    private static int sequence(int[] pooled) {
        if (pooled[JUMPS] == UNDEFINED) {
            return 0;
        }
        return 1 + (pooled[JUMPS] > JUMPS_LEAST ? 1 : 0) + (pooled[BACKWARDS] > BACKWARDS_LEAST ? 2 : 0);
    }

    private static StringData[] texts() {
        int nKinds = 1 << N_KINDS;
        StringData[] texts = new StringData[nKinds * (TICKS_MS.size() + 1) * BEAT_NAMES.size() * SEQUENCE_NAMES.size()];
        for (int kinds = 0; kinds < nKinds; kinds++) {
            for (int tick = 0; tick <= TICKS_MS.size(); tick++) {
                for (int beat = 0; beat < BEAT_NAMES.size(); beat++) {
                    for (int sequence = 0; sequence < SEQUENCE_NAMES.size(); sequence++) {
                        texts[code(kinds, tick, beat, sequence)] = StringData.fromString(String.join(
                                "-",
                                SIGNATURE_VERSION,
                                letters(kinds),
                                "t" + (tick == 0 ? 0 : TICKS_MS.get(tick - 1)),
                                BEAT_NAMES.get(beat),
                                SEQUENCE_NAMES.get(sequence)));
                    }
                }
            }
        }
        return texts;
    }

    private static String letters(int kinds) {
        StringBuilder letters = new StringBuilder();
        List<String> all = KIND_LETTERS;
        for (int i = 0; i < N_KINDS; i++) {
            if ((kinds & 1 << i) != 0) {
                letters.append(all.get(i));
            }
        }
        return kinds == 0 ? "O" : letters.toString();
    }
}
