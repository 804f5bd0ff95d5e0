package fingerprint;

/** A fault of a connection, as the message that shows it does. What does not belong to its kind is null. */
record Symptom(
        String kind, long sinceNs, long sinceOffset, Long seqBefore, Long seq, Long missing, Long silenceNs, Long limitNs) {

    static Symptom ofNumbers(String kind, Numbers numbers, long seq) {
        Long missing = kind.equals("gap") ? (Long) lostBetween(numbers.last, seq) : null;
        return new Symptom(kind, numbers.lastNs, numbers.lastOffset, numbers.last, seq, missing, null, null);
    }

    static Symptom ofSilence(String kind, Rhythm rhythm, long recvTsNs) {
        long silenceNs = recvTsNs - rhythm.lastNs;
        return new Symptom(kind, rhythm.lastNs, rhythm.lastOffset, null, null, null, silenceNs, rhythm.limitNs());
    }

    /** The difference of two 64-bit numbers need not fit into 64 bits. */
    private static long lostBetween(long before, long seq) {
        long lost = seq - 1 - before;
        return lost < 0 ? Long.MAX_VALUE : lost;
    }
}
