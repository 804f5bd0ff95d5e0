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
    public static final int STATE_LAYOUT = 3;

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

    private SharedConstants() {}
}
