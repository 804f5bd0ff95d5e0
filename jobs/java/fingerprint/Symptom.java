package fingerprint;

/** A fault of a connection, as the message that shows it does. What does not belong to its kind is null. */
record Symptom(
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

    static Symptom ofNumbers(String kind, Numbers numbers, long seq) {
        Long missing = kind.equals("gap") ? (Long) lostBetween(numbers.last, seq) : null;
        return new Symptom(kind, numbers.lastNs, numbers.lastOffset, numbers.last, seq, missing, null, null, null, null, null);
    }

    static Symptom ofSilence(String kind, Rhythm rhythm, long recvTsNs) {
        long silenceNs = recvTsNs - rhythm.lastNs;
        long limitNs = rhythm.limitNs();
        return new Symptom(
                kind, rhythm.lastNs, rhythm.lastOffset, null, null, null, silenceNs, limitNs, null, null, null);
    }

    static Symptom ofRate(long sinceNs, long sinceOffset, double rateBefore, double rateNow, double score) {
        return new Symptom("drift", sinceNs, sinceOffset, null, null, null, null, null, rateBefore, rateNow, score);
    }

    /** The difference of two 64-bit numbers need not fit into 64 bits. */
    private static long lostBetween(long before, long seq) {
        long lost = seq - 1 - before;
        return lost < 0 ? Long.MAX_VALUE : lost;
    }
}
