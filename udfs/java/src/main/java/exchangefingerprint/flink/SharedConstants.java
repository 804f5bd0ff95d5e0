package exchangefingerprint.flink;

import java.util.List;

/** What Java and Python both go by: {@code build_jar.py} writes it from the Python, which explains it. */
public final class SharedConstants {
    /** The types of messages; the place of each is its code. */
    public static final List<String> MSG_TYPES = List.of("NEW", "ACK", "NACK", "HEARTBEAT", "OTHER");

    // Windows, and what of a message travels.
    public static final int WINDOW_SIZE = 50;
    public static final int WINDOW_SLIDE = 25;
    public static final int WIRE_WIDTH = 7;
    public static final long MISSING = -9223372036854775808L;
    public static final int HEARTBEAT = 3;

    // The version of what the functions keep of a connection.
    public static final int STATE_LAYOUT = 6;

    // What a message may be.
    public static final int MAX_VALUE_BYTES = 65536;
    public static final int MAX_KEY_BYTES = 10000;
    public static final int MAX_DEPTH = 500;
    public static final int MAX_ID_CHARACTERS = 128;
    public static final int MAX_EXCHANGE_CHARACTERS = 64;
    public static final List<Integer> INVISIBLE = List.of(
            173, 173, 1536, 1541, 1564, 1564, 1757, 1757, 1807, 1807, 2192, 2193, 2274, 2274, 6158,
            6158, 8203, 8207, 8232, 8238, 8288, 8303, 65279, 65279, 65529, 65531, 69821, 69821,
            69837, 69837, 78896, 78911, 113824, 113827, 119155, 119162, 917505, 917505, 917536,
            917631);
    public static final long START_NS = 946684800000000000L;
    public static final long END_NS = 4102444800000000000L;

    // When a connection's numbers and pauses are faults.
    public static final int LEAST_STEPS_OF_ONE = 200;
    public static final int LEAST_STEPS_UP = 2000;
    public static final int LEAST_ABOVE = 1000;
    public static final int LEAST_PAUSES = 200;
    public static final int LEAST_HEARTBEATS = 20;
    public static final int PAUSES_OF_BLOCK = 1000;
    public static final long LEAST_LIMIT_NS = 5000000000L;
    public static final int LONGEST_PAUSES = 4;

    // When a chain of numbers has broken off.
    public static final int ACK = 1;
    public static final int LEAST_LINKS = 100;
    public static final int LEAST_NEW_LINKS = 10;
    public static final long LEAST_BREAK_NS = 250000000L;
    public static final int LONGEST_PAUSES_OF_CHAIN = 4;
    public static final int AWAITED_LIMITS = 4;
    public static final int MOST_CHAINS = 128;
    public static final int MOST_COUNTERS = 32;
    public static final int MOST_BEGINNINGS = 8;
    public static final int LINKS_TO_A_BEGINNING = 10;

    // When a connection's rate has changed.
    public static final int N_IN_BLOCK = 8;
    public static final int N_NOW = 4;
    public static final int N_GAP = 8;
    public static final int N_BACK = 48;
    public static final int N_LEAST = 16;
    public static final int LOG_BITS = 14;
    public static final int MANTISSA_BITS = 30;
    public static final int RATIO_BITS = 20;
    public static final double LN_2 = 0.6931471805599453;
    public static final long LEAST_INTERVAL_NS = 1000L;
    public static final double LEAST_SPREAD = 15128.0;
    public static final double LEAST_DIFFERENCE = 168783.0;
    public static final double SCORE_LIMIT = 3.0;

    // What Python says of a window, and its texts.
    public static final int N_FEATURES = 72;
    public static final int N_TRAITS = 13;
    public static final int FEATURE_UNIT = 1000000;
    public static final int PROBABILITY_UNIT = 1000000;

    // When a connection's windows are decisive together.
    public static final int HISTORY = 16;
    public static final int OVERTURN_MILLINATS = 11513;
    public static final int LIKELY_MILLINATS = 3000;
    public static final int REFUSE_MILLINATS = 8000;
    public static final double MOST_LOG_ODDS = 40.0;
    public static final double LOG_2_E = 1.4426950408889634;
    public static final double LN_2_HIGH = 0.6931471803691238;
    public static final double LN_2_LOW = 1.9082149292705877e-10;
    public static final int EXP_TERMS = 14;

    // The signature of a window or a connection.
    public static final String SIGNATURE_VERSION = "xf1";
    public static final int UNDEFINED = -1;
    public static final List<String> KIND_LETTERS = List.of(
            "N", "T", "P", "A");
    public static final List<Integer> KINDS_LEAST = List.of(
            100, 100, 500, 1000);
    public static final List<Integer> TICKS_MS = List.of(
            10, 20, 25, 50, 100);
    public static final int CONTRAST_LEAST = 1300;
    public static final List<String> BEAT_NAMES = List.of(
            "h0", "h1s", "h10s", "h100s");
    public static final double BEAT_INTERVAL_S = 2.0;
    public static final int BEATS_LEAST = 100;
    public static final double FAST_BEATS_S = 2.5;
    public static final double SLOW_BEATS_S = 25.0;
    public static final List<String> SEQUENCE_NAMES = List.of(
            "s0", "sc", "sj", "si", "sm");
    public static final int JUMPS_LEAST = 1000;
    public static final int BACKWARDS_LEAST = 500;

    private SharedConstants() {}
}
