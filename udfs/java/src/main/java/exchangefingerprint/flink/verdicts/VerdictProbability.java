package exchangefingerprint.flink.verdicts;

import static exchangefingerprint.flink.SharedConstants.EXP_TERMS;
import static exchangefingerprint.flink.SharedConstants.LN_2_HIGH;
import static exchangefingerprint.flink.SharedConstants.LN_2_LOW;
import static exchangefingerprint.flink.SharedConstants.LOG_2_E;
import static exchangefingerprint.flink.SharedConstants.MOST_LOG_ODDS;
import static exchangefingerprint.flink.SharedConstants.PROBABILITY_UNIT;

/**
 * How probably a verdict of such a lead is right. Python computes the same bits, in {@code elementary.py}: both have
 * nothing but operations that IEEE 754 rounds in one way, in the same order, for libraries' exponentials differ.
 */
final class VerdictProbability {
    private static final double[] COEFFICIENTS = coefficients();

    private VerdictProbability() {}

    /** Return the probability, to six decimals. */
    static double of(long strengthMillinats, double intercept, double slopePerNat) {
        double logOdds = intercept + slopePerNat * (strengthMillinats / 1000.0);
        double exponent = -Math.min(Math.max(logOdds, -MOST_LOG_ODDS), MOST_LOG_ODDS);
        return Math.rint(1 / (1 + exp(exponent)) * PROBABILITY_UNIT) / PROBABILITY_UNIT;
    }

    private static double exp(double x) {
        double doublings = Math.rint(x * LOG_2_E);
        double rest = (x - doublings * LN_2_HIGH) - doublings * LN_2_LOW;
        double power = 0;
        for (int n = EXP_TERMS; n >= 0; n--) {
            power = power * rest + COEFFICIENTS[n];
        }
        return Math.scalb(power, (int) doublings);
    }

    private static double[] coefficients() {
        double[] coefficients = new double[EXP_TERMS + 1];
        double factorial = 1; // up to that of 18 it is exact
        for (int n = 0; n < coefficients.length; n++) {
            factorial *= Math.max(n, 1);
            coefficients[n] = 1 / factorial;
        }
        return coefficients;
    }
}
