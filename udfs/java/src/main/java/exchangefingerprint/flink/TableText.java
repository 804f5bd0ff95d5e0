package exchangefingerprint.flink;

import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import org.apache.flink.table.data.StringData;

/** Values as texts that PostgreSQL reads into types that Flink's JDBC sink does not have. */
public final class TableText {
    private static final int PER_UNIT = SharedConstants.PROBABILITY_UNIT;
    private static final double FEATURE_UNIT = SharedConstants.FEATURE_UNIT;

    private static final byte[] TIME = "0000-00-00T00:00:00.000000Z".getBytes(StandardCharsets.US_ASCII);
    private static final long NS_PER_US = 1000;
    private static final long US_PER_S = 1_000_000;
    private static final long S_PER_DAY = 86_400;

    /** Numbers up to here are written digit by digit. */
    private static final double MOST_EXACT = 1e15;

    private TableText() {}

    /** Write a time of the years 0 to 9999, cut to microseconds as PostgreSQL has them. */
    public static StringData timestamp(long tsNs) {
        long us = Math.floorDiv(tsNs, NS_PER_US);
        long s = Math.floorDiv(us, US_PER_S);
        LocalDate day = LocalDate.ofEpochDay(Math.floorDiv(s, S_PER_DAY));
        int ofDay = (int) Math.floorMod(s, S_PER_DAY);
        byte[] text = TIME.clone();
        putDigits(text, 4, day.getYear());
        putDigits(text, 7, day.getMonthValue());
        putDigits(text, 10, day.getDayOfMonth());
        putDigits(text, 13, ofDay / 3600);
        putDigits(text, 16, ofDay / 60 % 60);
        putDigits(text, 19, ofDay % 60);
        putDigits(text, 26, (int) Math.floorMod(us, US_PER_S));
        return StringData.fromBytes(text);
    }

    /** Put a number's digits before a place; zeros are there already. */
    private static void putDigits(byte[] text, int end, int number) {
        int at = end;
        for (int rest = number; rest > 0; rest /= 10) {
            text[--at] += rest % 10;
        }
    }

    /** Append a number of millionths, from 0 on. */
    public static void appendMillionths(ByteText text, long millionths) {
        long whole = millionths / PER_UNIT;
        if (whole < 10) {
            text.append((char) ('0' + whole));
        } else {
            text.append(Long.toString(whole));
        }
        text.append('.');
        int rest = (int) (millionths % PER_UNIT);
        int place = PER_UNIT / 10;
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
    public static void appendFeature(ByteText text, double feature) {
        if (Double.isNaN(feature)) {
            text.append("null");
            return;
        }
        double units = Math.rint(feature * FEATURE_UNIT);
        if (Math.abs(units) > MOST_EXACT) {
            text.append(Float.toString((float) (units / FEATURE_UNIT)));
            return;
        }
        if (units < 0) {
            text.append('-');
        }
        appendMillionths(text, (long) Math.abs(units));
    }
}
