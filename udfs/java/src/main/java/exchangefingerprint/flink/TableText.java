package exchangefingerprint.flink;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.apache.flink.table.data.StringData;

/** Values as texts that PostgreSQL reads into types that Flink's JDBC sink does not have. */
public final class TableText {
    private static final long PER_UNIT = SharedConstants.PROBABILITY_UNIT;
    private static final double FEATURE_UNIT = SharedConstants.FEATURE_UNIT;

    /** Numbers up to here are written digit by digit. */
    private static final double MOST_EXACT = 1e15;

    private TableText() {}

    /** Write a time, cut to microseconds as PostgreSQL has them. */
    public static StringData timestamp(long tsNs) {
        return StringData.fromString(
                Instant.EPOCH.plusNanos(tsNs).truncatedTo(ChronoUnit.MICROS).toString());
    }

    /** Append a number of millionths, from 0 on. */
    public static void appendMillionths(StringBuilder text, long millionths) {
        text.append(millionths / PER_UNIT).append('.');
        long rest = millionths % PER_UNIT;
        long place = PER_UNIT / 10;
        do {
            text.append((char) ('0' + rest / place));
            rest %= place;
            place /= 10;
        } while (rest > 0);
    }

    /**
     * Append a feature to six decimals, as an element of an array of PostgreSQL; NaN is null.
     *
     * <p>Python rounds it to the nearest single-precision number, as PostgreSQL rounds this text. A number of six
     * decimals is either half-way between two of those, or further from there than 2^-44 of its size, while the nearest
     * double is within 2^-53: so both round the same way.
     */
    public static void appendFeature(StringBuilder text, double feature) {
        if (Double.isNaN(feature)) {
            text.append("null");
            return;
        }
        double units = Math.rint(feature * FEATURE_UNIT);
        if (Math.abs(units) > MOST_EXACT) {
            text.append((float) (units / FEATURE_UNIT));
            return;
        }
        if (units < 0) {
            text.append('-');
        }
        appendMillionths(text, (long) Math.abs(units));
    }
}
