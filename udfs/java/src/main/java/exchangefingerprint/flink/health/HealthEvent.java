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
        Long missing = kind.equals("gap") ? (Long) lostBetween(sequence.last, seq) : null;
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
    private static long lostBetween(long before, long seq) {
        long lost = seq - 1 - before;
        return lost < 0 ? Long.MAX_VALUE : lost;
    }
}
