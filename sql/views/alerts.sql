-- Every limit stands in `limits`. Whoever alerts takes every row for one: Grafana's rules, `fingerprint alerts`, `watch`.
-- It is read every few seconds.
-- One row per rule and subject: Grafana refuses a rule whose query has the same labels twice.

CREATE OR REPLACE VIEW alerts AS
WITH limits AS NOT MATERIALIZED (
    SELECT
        -- A connection that has been silent for so long has ended: if it came back, the job would start it anew.
        interval '1 hour'        AS ended_after,
        -- So long after it was seen, a fault that is over is still told.
        interval '15 minutes'    AS fault_shown_for,
        -- Dead letters and windows that were written in this time are looked at.
        interval '5 minutes'     AS lately,
        -- More dead letters than this of one reason.
        10                       AS few_dead_letters,
        1000                     AS many_dead_letters,
        -- From receipt to row, the median of the last windows. Unloaded it is a tenth of a second; a part that was killed
        -- costs half a minute.
        5::double precision      AS long_lag_s,
        60::double precision     AS very_long_lag_s,
        -- What was received longer ago than this is a recording, or a topic that is replayed: nothing lags there.
        interval '1 day'         AS recorded_before,
        -- Connections that fall silent within this time of each other, and for longer than it, do not do so by chance.
        -- That is told for as long as `silent_connections` has them: a day.
        interval '1 minute'      AS standstill_after,
        2                        AS connections_of_standstill,
        -- A connection that has been heard of so much longer, with so many messages, must have had windows since.
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
    -- A connection that repeats all it says has thousands.
    LIMIT 1000
),
known_exchanges AS MATERIALIZED (
    SELECT DISTINCT model_version, exchange
    FROM model_versions, jsonb_array_elements_text(manifest -> 'classes') AS exchange
),
found AS (
    SELECT replace(alert.kind, '_', ' ')                                                           AS rule,
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
                  CASE WHEN NOT is_limit_learnt THEN ' before its intervals are known' END)
    FROM silent, limits
    WHERE since_at > now() - ended_after
      -- What fell silent together is one alert, below.
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
    SELECT 'dead letters', CASE WHEN count(*) > max(many_dead_letters) THEN 'critical' ELSE 'warning' END,
           reason, NULL, NULL, min(seen_at), count(*), max(few_dead_letters),
           format('%s records of %s were invalid, up to %s UTC: %s', count(*),
                  CASE count(DISTINCT coalesce(connection_key, ''))
                      WHEN 1 THEN 'one key' ELSE count(DISTINCT coalesce(connection_key, '')) || ' keys' END,
                  to_char(max(seen_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), reason)
    FROM limits, (
        SELECT reason, connection_key, seen_at
        FROM dead_letters, limits
        WHERE seen_at > now() - lately
        ORDER BY seen_at DESC
        LIMIT 10000
    ) AS dead_letter
    GROUP BY reason
    HAVING count(*) > max(few_dead_letters)

    UNION ALL
    SELECT 'dead letters', CASE WHEN lost = 'all' THEN 'critical' ELSE 'warning' END,
           'not in their topic: ' || lost, NULL, NULL, min(seen_at), count(*), 0,
           format('The dead-letter topic did not take %s of %s invalid records, up to %s UTC: %s', lost, count(*),
                  to_char(max(seen_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
                  (array_agg(reason ORDER BY seen_at DESC, kafka_partition, kafka_offset DESC))[1])
    FROM (
        SELECT kafka_partition, kafka_offset, lost, reason, seen_at
        FROM dead_letter_losses, limits
        WHERE seen_at > now() - fault_shown_for
        ORDER BY seen_at DESC
        LIMIT 10000
    ) AS loss
    GROUP BY lost

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

COMMENT ON VIEW alerts IS
    'One row per thing that is wrong now, the critical ones first, then the latest. By receive times: a recording that is '
    'replayed alerts of nothing but its dead letters.';
COMMENT ON COLUMN alerts.rule IS
    'mismatch, unknown venue, stall, sequence, drift, dead letters, lag or job down; docs/runbook.md has a section for each.';
COMMENT ON COLUMN alerts.severity IS
    'critical: somebody has to look now. warning: somebody has to look.';
COMMENT ON COLUMN alerts.subject IS
    'What is wrong: a connection id, the reason of dead letters, or what of the job; with the rule, no two rows are alike.';
COMMENT ON COLUMN alerts.declared_exchange IS 'What the connection claims to be; NULL if nothing, or if it is no connection.';
COMMENT ON COLUMN alerts.detected_exchange IS
    'What a connection is certain to be, or unknown; of drift the verdict on it; NULL if the rule is not about that.';
COMMENT ON COLUMN alerts.since_at IS 'Since when it has been wrong, or since when that is known.';
COMMENT ON COLUMN alerts.value IS
    'How wrong, always above 0. mismatch, unknown venue: the verdict''s probability. stall: seconds of silence. sequence: breaks. '
    'drift: how far the rate is from before, in units of how much it differed then. dead letters: records. lag: seconds. '
    'job down: seconds without results.';
COMMENT ON COLUMN alerts.limit_value IS 'What the value may be at most; NULL for mismatch and unknown venue.';
COMMENT ON COLUMN alerts.summary IS 'A sentence with the numbers, to be read after the subject.';
COMMENT ON COLUMN alerts.runbook IS 'The section in docs/runbook.md.';
