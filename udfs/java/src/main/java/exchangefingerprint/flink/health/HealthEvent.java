package exchangefingerprint.flink.health;

/** A fault of a connection, as the message that shows it does. What does not belong to its kind is null. */
public record HealthEvent(
        String kind,
        long sinceNs,
        long sinceOffset,
        Long seqBefore,
        Long seq,
        Long missing,
        Long silenceNs,
        Long limitNs,
        Double rateBefore,
        Double rateNow,
        Double score) {

    static HealthEvent ofSequence(String kind, SequenceTracker sequence, long seq) {
        Long missing = kind.equals("gap") ? (Long) difference(sequence.last, seq - 1) : null;
        return new HealthEvent(
                kind,
                sequence.lastNs,
                sequence.lastOffset,
                sequence.last,
                seq,
                missing,
                null,
                null,
                null,
                null,
                null);
    }

    /** Of a chain that has broken off: it went on with a number that names another predecessor than its last one. */
    static HealthEvent ofChain(NumberChain broken, long names, long seq) {
        String kind = names > broken.last ? "gap" : seq == broken.last ? "repeat" : "reset";
        Long missing = names > broken.last ? (Long) difference(broken.last, names) : null;
        return new HealthEvent(
                kind, broken.lastNs, broken.lastOffset, broken.last, seq, missing, null, null, null, null, null);
    }

    static HealthEvent ofSilence(String kind, IntervalTracker intervals, long recvTsNs) {
        long silenceNs = recvTsNs - intervals.lastNs;
        long limitNs = intervals.limitNs();
        return new HealthEvent(
                kind, intervals.lastNs, intervals.lastOffset, null, null, null, silenceNs, limitNs, null, null, null);
    }

    static HealthEvent ofRate(long sinceNs, long sinceOffset, double rateBefore, double rateNow, double score) {
        return new HealthEvent("drift", sinceNs, sinceOffset, null, null, null, null, null, rateBefore, rateNow, score);
    }

    /** The difference of two 64-bit numbers need not fit into 64 bits. */
    private static long difference(long from, long to) {
        long difference = to - from;
        return difference < 0 ? Long.MAX_VALUE : difference;
    }
}
