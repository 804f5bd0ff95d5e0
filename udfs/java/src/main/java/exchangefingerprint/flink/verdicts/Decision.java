package exchangefingerprint.flink.verdicts;

import static exchangefingerprint.flink.SharedConstants.LIKELY_MILLINATS;
import static exchangefingerprint.flink.SharedConstants.OVERTURN_MILLINATS;
import static exchangefingerprint.flink.SharedConstants.REFUSE_MILLINATS;

/**
 * What a connection's last windows say together. Python has the same rule, in {@code verdicts.py}, and explains it:
 * sums and comparisons of whole millinats.
 *
 * @param decisive index of the class whose lead has reached its bound, else -1
 * @param overturns whether its lead suffices to replace another verdict
 * @param leaning where none is decisive, index of the class that is likely, else -1
 * @param strengthMillinats lead of that class, 0 without one
 * @param suffixWindows since how many windows it has been so, 0 without one
 * @param probability that the class is right, to six decimals
 */
record Decision(
        int decisive, boolean overturns, int leaning, long strengthMillinats, int suffixWindows, double probability) {

    /** Stands for a class that does not take part: below every sum, and far enough from the limit to subtract. */
    private static final long NO_EVIDENCE = Long.MIN_VALUE / 2;

    /** Decide on some windows' evidence, one after the other, the newest last. */
    static Decision of(short[] evidence, ScoringModel model) {
        int nClasses = model.boundsMillinats.length;
        int nWindows = evidence.length / nClasses;
        long[] sums = new long[nClasses];
        long[][] leads = new long[nWindows][];
        int decisive = -1;
        int overturning = -1;
        for (int k = 0; k < nWindows; k++) {
            int window = (nWindows - 1 - k) * nClasses;
            for (int i = 0; i < nClasses; i++) {
                sums[i] += evidence[window + i];
            }
            leads[k] = leads(sums);
            decisive = decisive >= 0 ? decisive : reaching(leads[k], model.boundsMillinats, 0);
            overturning = overturning >= 0
                    ? overturning
                    : reaching(leads[k], model.boundsMillinats, OVERTURN_MILLINATS);
        }
        if (overturning >= 0) {
            return greatest(leads, overturning, true, model);
        }
        return decisive >= 0 ? greatest(leads, decisive, false, model) : leaning(sums, nWindows, model);
    }

    /** Return by how much each class is above the best of the others. */
    private static long[] leads(long[] sums) {
        long first = Long.MIN_VALUE;
        long second = Long.MIN_VALUE;
        for (long sum : sums) {
            second = Math.max(second, Math.min(first, sum));
            first = Math.max(first, sum);
        }
        long[] leads = new long[sums.length];
        for (int i = 0; i < leads.length; i++) {
            // Where two are first, the second is as high.
            leads[i] = sums[i] - (sums[i] == first ? second : first);
        }
        return leads;
    }

    private static int reaching(long[] leads, long[] bounds, long more) {
        for (int i = 0; i < leads.length; i++) {
            if (leads[i] >= bounds[i] + more) {
                return i;
            }
        }
        return -1;
    }

    /** Take the greatest lead of a class, over the most windows of those that have it. */
    private static Decision greatest(long[][] leads, int decisive, boolean overturns, ScoringModel model) {
        int best = 0;
        for (int k = 1; k < leads.length; k++) {
            if (leads[k][decisive] >= leads[best][decisive]) {
                best = k;
            }
        }
        long strength = leads[best][decisive];
        return new Decision(decisive, overturns, -1, strength, best + 1, probability(strength, model));
    }

    private static Decision leaning(long[] sums, int nWindows, ScoringModel model) {
        int leaning = -1;
        long strength = leads(sums)[model.unknown];
        if (strength >= REFUSE_MILLINATS) {
            leaning = model.unknown;
        } else {
            long[] ofKnown = sums.clone();
            ofKnown[model.unknown] = NO_EVIDENCE;
            long[] leads = leads(ofKnown);
            int leader = -1;
            for (int i = 0; i < leads.length; i++) {
                if (i != model.unknown && (leader < 0 || leads[i] > leads[leader])) {
                    leader = i;
                }
            }
            strength = leads[leader];
            leaning = strength >= LIKELY_MILLINATS ? leader : -1;
        }
        strength = leaning >= 0 ? strength : 0;
        return new Decision(
                -1, false, leaning, strength, leaning >= 0 ? nWindows : 0, probability(strength, model));
    }

    private static double probability(long strengthMillinats, ScoringModel model) {
        return VerdictProbability.of(strengthMillinats, model.intercept, model.slopePerNat);
    }
}
