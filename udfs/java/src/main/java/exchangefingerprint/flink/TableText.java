package exchangefingerprint.flink;

import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import org.apache.flink.table.data.StringData;

/** Values as texts that PostgreSQL reads into types that Flink's JDBC sink does not have. */
public final class TableText {
    private static final int PER_UNIT = SharedConstants.PROBABILITY_UNIT;

    private static final byte[] TIME = "0000-00-00T00:00:00.000000Z".getBytes(StandardCharsets.US_ASCII);
    private static final long NS_PER_US = 1000;
    private static final long US_PER_S = 1_000_000;
    private static final long S_PER_DAY = 86_400;

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
}
