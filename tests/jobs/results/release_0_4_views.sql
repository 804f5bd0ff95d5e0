-- The views of release 0.4, and its function among them, in the order in which its `migrate` made them, without comments.

CREATE OR REPLACE VIEW connection_alerts AS
SELECT verdicts.connection_id,
       event.kind,
       verdicts.declared_exchange,
       verdicts.verdict                            AS detected_exchange,
       verdicts.probability,
       verdicts.strength_nats,
       event.since_at,
       event.detected_at,
       event.reasons -> 'reasons' -> 0 ->> 'text'  AS reason,
       event.reasons,
       verdicts.fingerprint,
       verdicts.last_window_end_at                 AS last_seen_at,
       verdicts.model_version
FROM connection_verdicts AS verdicts
CROSS JOIN LATERAL (
    SELECT kind, since_at, detected_at, reasons
    FROM connection_events
    WHERE connection_id = verdicts.connection_id AND model_version = verdicts.model_version
    ORDER BY kafka_partition DESC, last_offset DESC
    LIMIT 1
) AS event
WHERE verdicts.certainty = 'certain'
  AND (verdicts.verdict = 'unknown' OR verdicts.verdict <> verdicts.declared_exchange)
ORDER BY event.detected_at DESC, verdicts.connection_id COLLATE "C";

CREATE OR REPLACE VIEW drifting_connections AS
WITH latest AS (
    SELECT DISTINCT ON (connection_id)
           connection_id, declared_exchange, since_at, detected_at, rate_before, rate_now, score
    FROM health_events
    WHERE kind = 'drift' AND detected_at > now() - interval '1 hour'
    ORDER BY connection_id, detected_at DESC, kafka_offset DESC
)
SELECT connection_id,
       latest.declared_exchange,
       verdict                                                          AS detected_exchange,
       'rate'                                                           AS measure,
       rate_before                                                      AS before,
       rate_now                                                         AS now,
       rate_now / rate_before                                           AS ratio,
       latest.since_at,
       detected_at,
       score,
       3::double precision                                              AS score_limit,
       count(*) OVER (PARTITION BY verdict, rate_now > rate_before) - 1 AS others
FROM latest
JOIN connection_verdicts USING (connection_id);

CREATE OR REPLACE VIEW silent_connections AS
SELECT connection_id,
       declared_exchange,
       last_recv_at                                     AS since_at,
       extract(epoch FROM now() - last_recv_at)::double precision AS silence_s,
       limit_s,
       silence_limit_s IS NOT NULL                      AS is_limit_learnt,
       messages,
       last_heartbeat_at,
       (SELECT max(last_recv_at) FROM connection_activity) AS any_recv_at
FROM (SELECT *, coalesce(silence_limit_s, 60) AS limit_s FROM connection_activity) AS activity
WHERE now() - last_recv_at BETWEEN make_interval(secs => limit_s + 2) AND interval '24 hours'
ORDER BY last_recv_at DESC, connection_id COLLATE "C";

CREATE OR REPLACE VIEW connection_health AS
SELECT connection_id,
       kind,
       declared_exchange,
       since_at,
       detected_at,
       silence_s,
       limit_s,
       seq_before,
       seq,
       n_missing,
       messages,
       CASE
           WHEN kind = 'gap' THEN format('%s numbers missing after %s', n_missing, seq_before)
           WHEN kind = 'repeat' THEN format('number %s again', seq)
           WHEN kind = 'reset' THEN format('back to number %s from %s', seq, seq_before)
           WHEN kind = 'drift' THEN format('%s messages/s, where %s were before', round(rate_now::numeric, 1),
                                           round(rate_before::numeric, 1))
           ELSE format('%s for %s s, where %s s are allowed',
                       CASE kind
                           WHEN 'stall' THEN 'nothing'
                           WHEN 'data_stall' THEN 'only heartbeats'
                           ELSE 'no heartbeat, but data'
                       END, round(silence_s::numeric, 1), round(limit_s::numeric, 1))
       END AS reason,
       written_at,
       rate_before,
       rate_now,
       score
FROM health_events;

CREATE OR REPLACE VIEW connection_status AS
SELECT connection_id,
       declared_exchange,
       verdict                                                AS detected_exchange,
       certainty,
       probability,
       coalesce(certainty = 'certain' AND verdict <> declared_exchange AND verdict <> 'unknown', false) AS mismatch,
       since_at,
       strength_nats,
       certain_after_messages,
       previous_verdict                                       AS previous_exchange,
       windows,
       messages,
       (
           SELECT (25 * count(*) + 24)
                  / nullif(extract(epoch FROM max(window_end_at) - min(window_start_at)), 0)::double precision
           FROM (
               SELECT window_start_at, window_end_at
               FROM window_scores
               WHERE connection_id = verdicts.connection_id
                 AND window_end_at BETWEEN verdicts.last_window_end_at - interval '12 days'
                                       AND verdicts.last_window_end_at + interval '1 hour'
               ORDER BY kafka_partition DESC, last_offset DESC
               LIMIT 10
           ) AS last_windows
       )                                                      AS messages_per_second,
       (
           SELECT window_start_at
           FROM window_scores
           WHERE connection_id = verdicts.connection_id
           ORDER BY kafka_partition, last_offset
           LIMIT 1
       )                                                      AS first_seen_at,
       last_window_end_at                                     AS last_seen_at,
       fingerprint,
       model_version
FROM connection_verdicts AS verdicts;

CREATE OR REPLACE VIEW dead_letter_reasons AS
SELECT reason,
       count(*)                       AS letters,
       count(DISTINCT connection_key) AS connections,
       min(seen_at)                   AS first_seen_at,
       max(seen_at)                   AS last_seen_at
FROM dead_letters
GROUP BY reason;

CREATE OR REPLACE VIEW dead_letter_records AS
SELECT kafka_partition,
       kafka_offset,
       reason,
       connection_key,
       n_bytes,
       seen_at
FROM dead_letters;

CREATE OR REPLACE VIEW exchange_activity AS
SELECT date_bin('1 minute', window_end_at, timestamptz 'epoch') AS minute_at,
       predicted_exchange                                       AS detected_exchange,
       count(*)                                                 AS windows,
       count(DISTINCT connection_id)                            AS connections,
       avg(confidence)                                          AS mean_confidence
FROM window_scores
GROUP BY minute_at, detected_exchange;

CREATE OR REPLACE VIEW feature_positions AS
SELECT position::integer, feature
FROM unnest(ARRAY[
    'inter_arrival_log10_median_us', 'inter_arrival_cv', 'inter_arrival_p10_p50_ratio', 'inter_arrival_p50_p90_ratio',
    'inter_arrival_burst_share', 'inter_arrival_instant_share', 'inter_arrival_p25_p75_ratio',
    'arrival_tick_alignment_5ms', 'arrival_tick_alignment_8ms', 'arrival_tick_alignment_10ms',
    'arrival_tick_alignment_16_67ms', 'arrival_tick_alignment_20ms', 'arrival_tick_alignment_25ms',
    'arrival_tick_alignment_33_33ms', 'arrival_tick_alignment_40ms', 'arrival_tick_alignment_50ms',
    'arrival_tick_alignment_62_5ms', 'arrival_tick_alignment_75ms', 'arrival_tick_alignment_83_33ms',
    'arrival_tick_alignment_100ms', 'arrival_tick_alignment_125ms', 'arrival_tick_alignment_166_7ms',
    'arrival_tick_alignment_200ms', 'arrival_tick_alignment_250ms', 'arrival_tick_alignment_300ms',
    'arrival_tick_alignment_500ms', 'arrival_tick_alignment_1000ms', 'type_new_share', 'type_ack_share',
    'type_nack_share', 'type_heartbeat_share', 'type_other_share', 'bigram_numbered_numbered_share',
    'bigram_numbered_timed_share', 'bigram_numbered_plain_share', 'bigram_numbered_answer_share',
    'bigram_timed_numbered_share', 'bigram_timed_timed_share', 'bigram_timed_plain_share', 'bigram_timed_answer_share',
    'bigram_plain_numbered_share', 'bigram_plain_timed_share', 'bigram_plain_plain_share', 'bigram_plain_answer_share',
    'bigram_answer_numbered_share', 'bigram_answer_timed_share', 'bigram_answer_plain_share',
    'bigram_answer_answer_share', 'ack_latency_log10_mean_us', 'nack_latency_log10_mean_us', 'ack_latency_cv',
    'nack_latency_cv', 'request_ack_share', 'request_nack_share', 'seq_jump_share', 'seq_backward_share'
]) WITH ORDINALITY AS features (feature, position);

CREATE OR REPLACE VIEW model_schedule AS
SELECT activation.topic,
       part.number - 1                 AS kafka_partition,
       coalesce(part.from_offset, 0)   AS from_offset,
       activation.model_version,
       activation.requested_at         AS activated_at
FROM model_activations AS activation
LEFT JOIN LATERAL unnest(activation.from_offsets) WITH ORDINALITY AS part (from_offset, number) ON true
WHERE activation.from_offsets IS NOT NULL
  AND activation.activation_id >= (
      SELECT max(activation_id)
      FROM model_activations
      WHERE topic = activation.topic AND from_offsets = '{}'
  )
ORDER BY activation.topic, kafka_partition NULLS FIRST, activation.activation_id;

CREATE OR REPLACE VIEW scored_windows AS
SELECT connection_id,
       window_start_at,
       window_end_at,
       declared_exchange,
       predicted_exchange                                                                     AS detected_exchange,
       confidence,
       unknown_score,
       49 / nullif(extract(epoch FROM window_end_at - window_start_at), 0)::double precision   AS messages_per_second,
       1000 * extract(epoch FROM scored_at - window_end_at)::double precision                 AS latency_ms,
       model_version,
       scored_at,
       fingerprint
FROM window_scores;

CREATE OR REPLACE VIEW verdict_events AS
SELECT connection_id,
       kind,
       previous_verdict                           AS previous_exchange,
       verdict                                    AS detected_exchange,
       declared_exchange,
       since_at,
       detected_at,
       messages,
       windows,
       strength_nats,
       probability,
       reasons ->> 'against'                      AS against_exchange,
       reasons -> 'reasons' -> 0 ->> 'text'       AS reason,
       reasons,
       fingerprint,
       model_version,
       written_at
FROM connection_events;

CREATE OR REPLACE VIEW window_measures AS
SELECT connection_id,
       window_start_at,
       window_end_at,
       declared_exchange,
       predicted_exchange                                                                   AS detected_exchange,
       confidence,
       (
           SELECT max(p) - (array_agg(p ORDER BY p DESC))[2]
           FROM (SELECT value::double precision AS p FROM jsonb_each(probabilities)) AS of_class
       )                                                                                    AS margin,
       unknown_score,
       49 / nullif(extract(epoch FROM window_end_at - window_start_at), 0)::double precision AS messages_per_second,
       CASE
           WHEN features[1] IS NOT NULL THEN power(10, features[1]::double precision) * features[3]
           WHEN features IS NOT NULL THEN 0
       END                                                                                  AS interval_p10_us,
       CASE
           WHEN features[1] IS NOT NULL THEN power(10, features[1]::double precision)
           WHEN features IS NOT NULL THEN 0
       END                                                                                  AS interval_p50_us,
       power(10, features[1]::double precision) / nullif(features[4], 0)                    AS interval_p90_us,
       features[28]                                                                         AS new_share,
       features[29]                                                                         AS ack_share,
       features[30]                                                                         AS nack_share,
       features[31]                                                                         AS heartbeat_share,
       features[32]                                                                         AS other_share,
       power(10, features[49]::double precision)                                            AS ack_latency_us,
       power(10, features[50]::double precision)                                            AS nack_latency_us,
       features[55]                                                                         AS seq_jump_share,
       features[56]                                                                         AS seq_backward_share,
       1000 * extract(epoch FROM scored_at - window_end_at)::double precision               AS latency_ms,
       model_version
FROM window_scores;

CREATE OR REPLACE VIEW window_probabilities AS
SELECT connection_id,
       window_end_at,
       declared_exchange,
       model_version,
       class.name                          AS exchange,
       class.probability::double precision AS probability
FROM window_scores
CROSS JOIN LATERAL jsonb_each_text(probabilities) AS class (name, probability);

CREATE OR REPLACE VIEW alerts AS
WITH limits AS NOT MATERIALIZED (
    SELECT
        interval '1 hour'        AS ended_after,
        interval '15 minutes'    AS fault_shown_for,
        interval '5 minutes'     AS lately,
        10                       AS few_letters,
        1000                     AS many_letters,
        5::double precision      AS long_lag_s,
        60::double precision     AS very_long_lag_s,
        interval '1 day'         AS recorded_before,
        interval '1 minute'      AS standstill_after,
        2                        AS connections_of_standstill,
        interval '1 minute'      AS scored_after,
        50                       AS messages_of_windows
),
silent AS MATERIALIZED (
    SELECT connection_id, declared_exchange, since_at, silence_s, limit_s, is_limit_learnt, any_recv_at
    FROM silent_connections
),
standstill AS MATERIALIZED (
    SELECT count(*) AS connections, max(any_recv_at) AS since_at
    FROM silent, limits
    WHERE any_recv_at < now() - standstill_after AND since_at > any_recv_at - standstill_after
    HAVING count(*) >= max(connections_of_standstill)
),
faults AS MATERIALIZED (
    SELECT connection_id, kind, declared_exchange, since_at, detected_at, silence_s, limit_s, reason
    FROM connection_health, limits
    WHERE detected_at > now() - fault_shown_for
    ORDER BY detected_at DESC
    LIMIT 1000
),
known_exchanges AS MATERIALIZED (
    SELECT DISTINCT model_version, exchange
    FROM model_versions, jsonb_array_elements_text(manifest -> 'classes') AS exchange
),
found AS (
    SELECT alert.kind                                                             AS rule,
           CASE
               WHEN alert.kind = 'mismatch' OR known.exchange IS NOT NULL THEN 'critical' ELSE 'warning'
           END                                                                    AS severity,
           alert.connection_id                                                    AS subject,
           alert.declared_exchange,
           alert.detected_exchange,
           alert.since_at,
           alert.probability                                                      AS value,
           NULL::double precision                                                 AS limit_value,
           format('Declares %s, behaves like %s since %s UTC with probability %s%s',
                  coalesce(alert.declared_exchange, 'nothing'),
                  CASE alert.detected_exchange WHEN 'unknown' THEN 'no known exchange' ELSE alert.detected_exchange END,
                  to_char(alert.since_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
                  round(alert.probability::numeric, 3),
                  ': ' || alert.reason)                                           AS summary
    FROM connection_alerts AS alert
    CROSS JOIN limits
    LEFT JOIN known_exchanges AS known
        ON known.model_version = alert.model_version AND known.exchange = alert.declared_exchange
    WHERE alert.last_seen_at > now() - ended_after
    UNION ALL
    SELECT 'stall', 'warning', connection_id, declared_exchange, NULL, since_at, silence_s, limit_s,
           format('Silent for %s s, where %s s are allowed%s', round(silence_s::numeric), round(limit_s::numeric, 1),
                  CASE WHEN NOT is_limit_learnt THEN ' before its rhythm is known' END)
    FROM silent, limits
    WHERE since_at > now() - ended_after
      AND NOT EXISTS (SELECT FROM standstill WHERE silent.since_at > standstill.since_at - standstill_after)
    UNION ALL
    SELECT 'stall', 'warning', connection_id, declared_exchange, NULL, since_at, silence_s, limit_s,
           format('%s, until %s UTC', upper(left(reason, 1)) || substr(reason, 2),
                  to_char(detected_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'))
    FROM (
        SELECT DISTINCT ON (connection_id) *
        FROM faults
        WHERE kind IN ('stall', 'data_stall', 'heartbeat_stall')
        ORDER BY connection_id, detected_at DESC, kind
    ) AS stall
    WHERE NOT EXISTS (SELECT FROM silent WHERE silent.connection_id = stall.connection_id)
    UNION ALL
    SELECT 'sequence', 'warning', connection_id, max(declared_exchange), NULL, min(since_at), count(*), 0,
           format('%s break%s of the sequence numbers, the last at %s UTC: %s', count(*),
                  CASE WHEN count(*) > 1 THEN 's' END,
                  to_char(max(detected_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
                  (array_agg(reason ORDER BY detected_at DESC, kind))[1])
    FROM faults
    WHERE kind IN ('gap', 'repeat', 'reset')
    GROUP BY connection_id
    UNION ALL
    SELECT 'drift', 'warning', connection_id, declared_exchange, detected_exchange, since_at, score, score_limit,
           format('Its rate went from %s to %s messages/s, %s times as much, about %s UTC; so did that of %s others of %s',
                  round(before::numeric, 1), round(now::numeric, 1), round(ratio::numeric, 2),
                  to_char(since_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), others, detected_exchange)
    FROM drifting_connections
    UNION ALL
    SELECT 'dead letters', CASE WHEN count(*) > max(many_letters) THEN 'critical' ELSE 'warning' END,
           reason, NULL, NULL, min(seen_at), count(*), max(few_letters),
           format('%s records of %s were no messages, up to %s UTC: %s', count(*),
                  CASE count(DISTINCT coalesce(connection_key, ''))
                      WHEN 1 THEN 'one key' ELSE count(DISTINCT coalesce(connection_key, '')) || ' keys' END,
                  to_char(max(seen_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), reason)
    FROM limits, (
        SELECT reason, connection_key, seen_at
        FROM dead_letters, limits
        WHERE seen_at > now() - lately
        ORDER BY seen_at DESC
        LIMIT 10000
    ) AS letters
    GROUP BY reason
    HAVING count(*) > max(few_letters)
    UNION ALL
    SELECT 'lag', CASE WHEN lag_s > very_long_lag_s THEN 'critical' ELSE 'warning' END,
           'results', NULL, NULL, from_at, lag_s, long_lag_s,
           format('Half of the last %s windows took more than %s s from receipt to row, where %s s are allowed', windows,
                  round(lag_s::numeric, 1), long_lag_s)
    FROM limits, (
        SELECT count(*) AS windows, min(scored_at) AS from_at,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM scored_at - window_end_at)) AS lag_s
        FROM (
            SELECT window_end_at, scored_at
            FROM window_scores, limits
            WHERE window_end_at BETWEEN now() - recorded_before AND now()
            ORDER BY window_end_at DESC
            LIMIT 1000
        ) AS last_windows, limits
        WHERE scored_at > now() - lately
    ) AS last_rows
    WHERE lag_s > long_lag_s
    UNION ALL
    SELECT 'job down', 'critical', 'all connections', NULL, NULL, since_at, extract(epoch FROM now() - since_at),
           extract(epoch FROM standstill_after),
           format('Nothing of any connection for %s s, and %s fell silent together: the job, Kafka or what feeds it stands '
                  'still', round(extract(epoch FROM now() - since_at)), connections)
    FROM standstill, limits
    UNION ALL
    SELECT 'job down', 'critical', 'scores', NULL, NULL, max(scored_until_at), max(unscored_s),
           max(extract(epoch FROM scored_after)),
           format('Messages of %s connections come, but no windows of theirs for up to %s s', count(*),
                  round(max(unscored_s)))
    FROM (
        SELECT verdict.last_window_end_at AS scored_until_at, scored_after,
               extract(epoch FROM activity.last_recv_at - verdict.last_window_end_at) AS unscored_s
        FROM connection_activity AS activity
        JOIN connection_verdicts AS verdict USING (connection_id)
        CROSS JOIN limits
        WHERE activity.last_recv_at > now() - ended_after
          AND activity.last_recv_at > verdict.last_window_end_at + scored_after
          AND activity.messages >= verdict.messages + messages_of_windows
    ) AS unscored
    HAVING count(*) > 0
)
SELECT rule, severity, subject, declared_exchange, detected_exchange, since_at, value, limit_value, summary,
       replace(rule, ' ', '-') AS runbook
FROM found
ORDER BY severity, since_at DESC, rule, subject COLLATE "C";

CREATE OR REPLACE VIEW model_reference AS
SELECT model_version,
       exchange,
       measure,
       ARRAY(SELECT jsonb_array_elements(stated -> 'deciles')::double precision) AS deciles,
       ARRAY(SELECT jsonb_array_elements(stated -> 'shares')::double precision)  AS shares,
       (stated -> 'missing_share')::double precision                            AS missing_share,
       (stated -> 'likeness')::double precision                                 AS likeness,
       (stated -> 'effective_windows')::double precision                        AS effective_windows,
       (stated -> 'likeness_square')::double precision                          AS likeness_square
FROM model_versions
CROSS JOIN LATERAL jsonb_each(manifest -> 'reference') AS classes (exchange, measures)
CROSS JOIN LATERAL jsonb_each(measures) AS of_measure (measure, stated);
CREATE OR REPLACE FUNCTION measure_stability(
    from_at timestamptz, to_at timestamptz, most_windows integer DEFAULT 500
) RETURNS TABLE (
    exchange         text,
    measure          text,
    windows          bigint,
    psi              double precision,
    psi_limit        double precision,
    median_now       double precision,
    median_reference double precision
)
LANGUAGE plpgsql STABLE ROWS 240 AS $$
#variable_conflict use_column
DECLARE
    version     text;
    first_at    timestamptz;
    last_at     timestamptz;
    most_in_all bigint;
    n_slices    integer;
BEGIN
    SELECT model_version, window_end_at INTO version, last_at
    FROM window_scores
    WHERE window_end_at >= from_at AND window_end_at <= to_at
    ORDER BY window_end_at DESC
    LIMIT 1;
    SELECT window_end_at INTO first_at
    FROM window_scores
    WHERE window_end_at >= from_at AND window_end_at <= to_at
    ORDER BY window_end_at
    LIMIT 1;
    SELECT most_windows * count(DISTINCT exchange) INTO most_in_all
    FROM model_reference
    WHERE model_version = version;
    SELECT CASE WHEN count(*) > most_in_all THEN 100 ELSE 1 END INTO n_slices
    FROM (
        SELECT
        FROM window_scores
        WHERE window_end_at >= first_at AND window_end_at <= last_at
        LIMIT most_in_all + 1
    ) AS found;
    RETURN QUERY
    WITH sampled AS MATERIALIZED (
        SELECT exchange, connection_id, known
        FROM (
            SELECT exchange, connection_id, known,
                   row_number() OVER (PARTITION BY exchange ORDER BY place, slice) AS place
            FROM generate_series(0, n_slices - 1) AS slice
            CROSS JOIN LATERAL (
                SELECT predicted_exchange AS exchange,
                       connection_id,
                       features || ARRAY[
                           confidence::real,
                           (
                               SELECT max(p) - (array_agg(p ORDER BY p DESC))[2]
                               FROM (SELECT value::double precision AS p FROM jsonb_each(probabilities)) AS of_class
                           )::real
                       ] AS known,
                       row_number() OVER (ORDER BY window_end_at) AS place
                FROM window_scores
                WHERE window_end_at >= first_at + (last_at - first_at) * slice / n_slices
                  AND window_end_at <= last_at
                  AND (window_end_at < first_at + (last_at - first_at) * (slice + 1) / n_slices OR slice + 1 = n_slices)
                  AND model_version = version
                  AND features IS NOT NULL
                ORDER BY window_end_at
                LIMIT most_in_all / n_slices
            ) AS of_slice
        ) AS placed
        WHERE place <= most_windows
    ),
    amounts AS (
        SELECT exchange, sum(n)::bigint AS windows, sum(n * n)::double precision AS pairs
        FROM (SELECT exchange, count(*) AS n FROM sampled GROUP BY exchange, connection_id) AS by_connection
        GROUP BY exchange
    ),
    measured AS MATERIALIZED (
        SELECT exchange, position, ARRAY(SELECT v FROM unnest(found) AS v WHERE v IS NOT NULL ORDER BY v) AS ascending
        FROM (
            SELECT exchange, position, array_agg(value) AS found
            FROM sampled
            CROSS JOIN LATERAL unnest(known) WITH ORDINALITY AS of_window (value, position)
            GROUP BY exchange, position
        ) AS gathered
    ),
    measures AS (
        SELECT feature AS measure, position FROM feature_positions
        UNION ALL SELECT 'confidence', (SELECT max(position) + 1 FROM feature_positions)
        UNION ALL SELECT 'margin', (SELECT max(position) + 2 FROM feature_positions)
    )
    SELECT reference.exchange,
           reference.measure,
           amounts.windows,
           compared.psi,
           square / mean * freedoms_left
           * power(1 - 2 / (9 * freedoms_left) + 2.326348 * sqrt(2 / (9 * freedoms_left)), 3),
           ascending[(cardinality(ascending) + 1) / 2]::double precision,
           deciles[5]
    FROM model_reference AS reference
    JOIN measures USING (measure)
    JOIN measured USING (exchange, position)
    JOIN amounts USING (exchange)
    CROSS JOIN LATERAL (
        SELECT sum((now - before) * ln(now / before)) AS psi,
               greatest(count(*) FILTER (WHERE known > 0) - 1, 1)::double precision AS freedoms
        FROM (
            SELECT known,
                   greatest(known, 0.5 / effective_windows)                          AS before,
                   greatest(n, 0.5) / amounts.windows                               AS now,
                   n
            FROM (
                SELECT known, n_up_to - lag(n_up_to, 1, 0) OVER (ORDER BY part) AS n
                FROM unnest(shares || missing_share) WITH ORDINALITY AS parts (known, part)
                CROSS JOIN LATERAL (
                    SELECT CASE
                               WHEN part <= 9 THEN coalesce(width_bucket(deciles[part]::real, ascending), 0)
                               WHEN part = 10 THEN cardinality(ascending)
                               ELSE amounts.windows
                           END AS n_up_to
                ) AS counted
            ) AS counts
            WHERE known > 0 OR n > 0
        ) AS shares_of_both
    ) AS compared
    CROSS JOIN LATERAL (
        SELECT 1.0::double precision / amounts.windows + 1 / effective_windows AS alone,
               (pairs / amounts.windows - 1) / amounts.windows                AS together
    ) AS variance
    CROSS JOIN LATERAL (
        SELECT freedoms * (alone + together * likeness) AS mean,
               freedoms * (alone * alone + 2 * alone * together * likeness + together * together * likeness_square)
                   AS square
    ) AS moments
    CROSS JOIN LATERAL (SELECT greatest(mean * mean / square, 0.2) AS freedoms_left) AS left_over
    WHERE model_version = version AND effective_windows > 0;
END
$$;

CREATE OR REPLACE VIEW window_features AS
SELECT connection_id,
       window_end_at,
       declared_exchange,
       predicted_exchange AS detected_exchange,
       model_version,
       feature,
       features[position] AS value
FROM window_scores
CROSS JOIN feature_positions
WHERE features IS NOT NULL;
