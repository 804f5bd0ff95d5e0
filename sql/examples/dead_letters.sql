-- What was invalid, why, and what does it look like?
--
--   ./fingerprint psql -f sql/examples/dead_letters.sql
--   ./fingerprint psql -v hours=72 -f sql/examples/dead_letters.sql
--
-- The last record of each reason as an example: `./fingerprint dlq list --reason "not JSON" --format json` shows the
-- bytes of such records.
-- hours: how far back.

\if :{?hours} \else \set hours 24 \endif

SELECT reason,
       count(*)                                                                   AS records,
       count(DISTINCT connection_key)                                             AS keys,
       min(n_bytes)                                                               AS least_bytes,
       max(n_bytes)                                                               AS most_bytes,
       max(seen_at)                                                               AS last_seen,
       (array_agg(connection_key ORDER BY seen_at DESC, kafka_offset DESC))[1]    AS last_key,
       (array_agg(kafka_partition ORDER BY seen_at DESC, kafka_offset DESC))[1]   AS last_partition,
       (array_agg(kafka_offset ORDER BY seen_at DESC, kafka_offset DESC))[1]      AS last_offset
FROM dead_letter_records
WHERE seen_at > now() - make_interval(hours => :hours)
GROUP BY reason
ORDER BY records DESC, reason;
