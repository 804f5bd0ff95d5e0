-- Every limit stands in `limits`. Whoever alerts takes every row for one: Grafana's rules, `fingerprint alerts`, `watch`.
-- It is read every few seconds, also when somebody has sent a million connection ids: what may be many is ranked before it
-- is joined and put into words. Each part of `found` says how many rows of its rule it has (n_of_rule), and which part of
-- the rule it is.
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
        50                       AS messages_of_windows,
        -- Rows of a rule; the others are counted.
        100                      AS most_of_rule,
        -- Where there are more, not all are looked at.
        2000                     AS most_looked_at,
        -- New connections in ten minutes. Five hundred that all reconnect twice in them are no flood. At ten times as
        -- many, what is kept of them for a day fills a heap of 1 GB.
        interval '10 minutes'    AS flood_within,
        1000                     AS many_new_connections,
        10000                    AS very_many_new_connections,
        -- Connections of the last hour that ended without a window, if they are also most that could have ended.
        20                       AS few_short_connections
),
-- As silent_connections, which sorts.
silent AS NOT MATERIALIZED (
    SELECT *
    FROM (SELECT *, coalesce(silence_limit_s, 60) AS limit_s FROM connection_clocks) AS clock
    WHERE now() - heard_at BETWEEN make_interval(secs => limit_s + 2) AND interval '24 hours'
      AND NOT EXISTS (SELECT FROM ended_connections AS ended WHERE ended.connection_id = clock.connection_id)
),
last_sign AS MATERIALIZED (
    SELECT max(heard_at) AS heard_at FROM connection_clocks
),
silence AS MATERIALIZED (
    SELECT count(*) FILTER (WHERE heard_at > together_from)                                    AS together,
           count(*) FILTER (WHERE heard_at > now() - ended_after
                                  AND heard_at <= coalesce(together_from, now()))              AS alone
    FROM limits, (
        -- A subquery is asked once, and lets PostgreSQL count in parallel.
        SELECT heard_at, (SELECT heard_at - standstill_after FROM last_sign, limits
                          WHERE heard_at < now() - standstill_after) AS together_from
        FROM silent
    ) AS quiet
),
standstill AS MATERIALIZED (
    SELECT together AS connections, heard_at AS since_at
    FROM silence, last_sign, limits
    WHERE together >= connections_of_standstill
),
faults AS MATERIALIZED (
    SELECT fault.connection_id, kind, fault.declared_exchange, since_at, detected_at, fault.silence_s, fault.limit_s, reason,
           silent.connection_id IS NOT NULL AS is_silent
    FROM limits, (
        SELECT connection_id, kind, declared_exchange, since_at, detected_at, silence_s, limit_s, reason
        FROM connection_health, limits
        WHERE written_at > now() - fault_shown_for AND detected_at > now() - recorded_before
        ORDER BY written_at DESC
        -- A connection that repeats all it says has thousands.
        LIMIT 10000
    ) AS fault
    LEFT JOIN connection_clocks AS clock ON clock.connection_id = fault.connection_id
    LEFT JOIN silent ON silent.connection_id = fault.connection_id
    -- Of the receive time too: what a job reads again, or after a stop, is not of now.
    WHERE detected_at > now() - fault_shown_for - coalesce(clock.heard_at - clock.last_recv_at, '0 s')
),
known_exchanges AS NOT MATERIALIZED (
    SELECT model_version, exchange
    FROM model_versions, jsonb_array_elements_text(manifest -> 'classes') AS exchange
),
-- By when they were written, to begin with; which of them are of now, their clocks tell.
candidates AS NOT MATERIALIZED (
    SELECT connection_id, verdict, declared_exchange, probability, model_version, last_window_end_at, updated_at,
           CASE verdict WHEN 'unknown' THEN 'unknown venue' ELSE 'mismatch' END AS kind,
           -- No join, which would keep PostgreSQL from sorting in parallel.
           coalesce(verdict <> 'unknown' OR (model_version, declared_exchange) IN (SELECT * FROM known_exchanges), false)
                                                                                AS is_critical
    FROM connection_verdicts, limits
    WHERE certainty = 'certain'
      AND (verdict = 'unknown' OR verdict <> declared_exchange)
      AND (updated_at > now() - ended_after OR last_window_end_at > now() - ended_after - recorded_before)
),
n_candidates AS MATERIALIZED (
    SELECT kind, count(*) AS n FROM candidates GROUP BY kind
),
suspicious AS MATERIALIZED (
    SELECT verdict.*, n_candidates.n,
           row_number() OVER (PARTITION BY kind ORDER BY is_critical DESC, seen_at DESC, connection_id COLLATE "C") AS place,
           count(*) OVER (PARTITION BY kind)                                                                 AS n_seen
    FROM limits, n_candidates JOIN (
        SELECT candidate.*,
               -- The windows have the clock of who received them.
               CASE
                   WHEN clock.connection_id IS NOT NULL THEN least(clock.written_at, candidate.last_window_end_at
                            + greatest(clock.heard_at - clock.last_recv_at, interval '0 s'))
                   WHEN candidate.last_window_end_at > now() THEN candidate.updated_at
                   ELSE candidate.last_window_end_at
               END AS seen_at
        FROM (
            (SELECT * FROM candidates WHERE kind = 'mismatch'
             ORDER BY is_critical DESC, updated_at DESC LIMIT (SELECT most_looked_at FROM limits))
            UNION ALL
            (SELECT * FROM candidates WHERE kind <> 'mismatch'
             ORDER BY is_critical DESC, updated_at DESC LIMIT (SELECT most_looked_at FROM limits))
        ) AS candidate
        LEFT JOIN connection_clocks AS clock ON clock.connection_id = candidate.connection_id
    ) AS verdict USING (kind)
    WHERE seen_at > now() - ended_after
      -- Who has said goodbye needs nobody to look for it.
      AND (seen_at > now() - fault_shown_for
           OR NOT EXISTS (SELECT FROM ended_connections AS ended WHERE ended.connection_id = verdict.connection_id))
),
found AS (
    SELECT alert.kind                                                             AS rule,
           CASE WHEN is_critical THEN 'critical' ELSE 'warning' END               AS severity,
           alert.connection_id                                                    AS subject,
           alert.declared_exchange,
           alert.verdict                                                          AS detected_exchange,
           event.since_at,
           alert.probability                                                      AS value,
           NULL::double precision                                                 AS limit_value,
           format('Declares %s, behaves like %s since %s UTC with probability %s%s',
                  coalesce(alert.declared_exchange, 'nothing'),
                  CASE alert.verdict WHEN 'unknown' THEN 'no known exchange' ELSE alert.verdict END,
                  to_char(event.since_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
                  round(alert.probability::numeric, 3),
                  ': ' || (event.reasons -> 'reasons' -> 0 ->> 'text'))           AS summary,
           CASE WHEN n > most_looked_at THEN n ELSE n_seen END                    AS n_of_rule,
           1                                                                      AS part
    FROM suspicious AS alert
    CROSS JOIN limits
    CROSS JOIN LATERAL (
        SELECT since_at, reasons
        FROM connection_events
        WHERE connection_id = alert.connection_id AND model_version = alert.model_version
        ORDER BY kafka_partition DESC, last_offset DESC
        LIMIT 1
    ) AS event
    WHERE place <= most_of_rule

    UNION ALL
    SELECT 'stall', 'warning', connection_id, declared_exchange, NULL, heard_at, silence_s, limit_s,
           format('Silent for %s, where %s are allowed%s', spoken_duration(silence_s), spoken_duration(limit_s),
                  CASE WHEN silence_limit_s IS NULL THEN ' before its intervals are known' END),
           -- What fell silent together is one alert, below.
           alone + CASE WHEN EXISTS (SELECT FROM standstill) THEN 0 ELSE together END, 1
    FROM silence, (
        SELECT connection_id, declared_exchange, heard_at, limit_s, silence_limit_s,
               extract(epoch FROM now() - heard_at)::double precision AS silence_s
        FROM silent, limits
        WHERE heard_at > now() - ended_after
          AND heard_at <= coalesce((SELECT since_at FROM standstill) - standstill_after, now())
        ORDER BY heard_at DESC
        LIMIT (SELECT most_of_rule FROM limits)
    ) AS quiet

    UNION ALL
    SELECT 'stall', 'warning', connection_id, declared_exchange, NULL, since_at, silence_s, limit_s,
           format('%s, until %s UTC', upper(left(reason, 1)) || substr(reason, 2),
                  to_char(detected_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')),
           count(*) OVER (), 2
    FROM (
        SELECT DISTINCT ON (connection_id) *
        FROM faults
        WHERE kind IN ('stall', 'data_stall', 'heartbeat_stall')
        ORDER BY connection_id, detected_at DESC, kind
    ) AS stall
    WHERE NOT is_silent

    UNION ALL
    SELECT 'sequence', 'warning', connection_id, max(declared_exchange), NULL, min(since_at), count(*), 0,
           format('%s of the sequence numbers, the last at %s UTC: %s', counted(count(*), 'break'),
                  to_char(max(detected_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
                  (array_agg(reason ORDER BY detected_at DESC, kind))[1]),
           count(*) OVER (), 1
    FROM faults
    WHERE kind IN ('gap', 'repeat', 'reset')
    GROUP BY connection_id

    UNION ALL
    SELECT 'drift', 'warning', connection_id, declared_exchange, detected_exchange, since_at, score, score_limit,
           format('Its rate went from %s to %s messages/s, %s times as much, about %s UTC; so did that of %s of %s',
                  round(before::numeric, 1), round(now::numeric, 1), round(ratio::numeric, 2),
                  to_char(since_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), counted(others, 'other'), detected_exchange),
           n_of_rule, 1
    FROM limits, (
        SELECT *, row_number() OVER (ORDER BY since_at DESC) AS place, count(*) OVER () AS n_of_rule
        FROM drifting_connections
    ) AS drifting
    WHERE place <= most_of_rule

    UNION ALL
    SELECT 'dead letters', CASE WHEN count(*) > max(many_dead_letters) THEN 'critical' ELSE 'warning' END,
           reason, NULL, NULL, min(seen_at), count(*), max(few_dead_letters),
           format('%s records of %s were invalid, up to %s UTC: %s', count(*),
                  CASE count(DISTINCT coalesce(connection_key, ''))
                      WHEN 1 THEN 'one key' ELSE count(DISTINCT coalesce(connection_key, '')) || ' keys' END,
                  to_char(max(seen_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), reason),
           count(*) OVER (), 1
    FROM limits, (
        SELECT reason, connection_key, seen_at
        FROM dead_letters, limits
        WHERE seen_at > now() - lately
          AND NOT (reason = 'null value'
                   AND EXISTS (SELECT FROM connection_activity WHERE connection_id = dead_letters.connection_key))
        ORDER BY seen_at DESC
        LIMIT 10000
    ) AS dead_letter
    GROUP BY reason
    HAVING count(*) > max(few_dead_letters)

    UNION ALL
    SELECT 'dead letters', CASE WHEN lost = 'all' THEN 'critical' ELSE 'warning' END,
           'not in their topic: ' || lost, NULL, NULL, min(seen_at), count(*), 0,
           format('The dead-letter topic did not take %s of %s, up to %s UTC: %s', lost, counted(count(*), 'invalid record'),
                  to_char(max(seen_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
                  (array_agg(reason ORDER BY seen_at DESC, kafka_partition, kafka_offset DESC))[1]),
           count(*) OVER (), 2
    FROM (
        SELECT kafka_partition, kafka_offset, lost, reason, seen_at
        FROM dead_letter_losses, limits
        WHERE seen_at > now() - fault_shown_for
        ORDER BY seen_at DESC
        LIMIT 10000
    ) AS loss
    GROUP BY lost

    UNION ALL
    SELECT 'topic', 'critical', 'partition ' || kafka_partition, NULL, NULL, min(noted_at), sum(n_offsets), 0,
           format('Kafka had deleted %s before the job read %s, the last before offset %s, found at %s UTC: '
                  'counting starts anew there', counted(sum(n_offsets), 'record'),
                  CASE WHEN sum(n_offsets) = 1 THEN 'it' ELSE 'them' END, max(counts_from),
                  to_char(max(noted_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')),
           count(*) OVER (), 1
    FROM unread_records, limits
    WHERE noted_at > now() - ended_after
    GROUP BY kafka_partition

    UNION ALL
    SELECT 'topic', 'critical', kind, NULL, NULL, noted_at, 1, 0,
           CASE kind
               WHEN 'partitions' THEN format('Partitions were added, %s: a connection may have moved, and counts anew '
                                             'where it is now', detail)
               ELSE format('Its cleanup.policy is %s: of each connection only the last message stays', detail)
           END,
           count(*) OVER (), 2
    FROM topic_changes, limits
    WHERE noted_at > now() - ended_after

    UNION ALL
    SELECT 'lag', CASE WHEN lag_s > very_long_lag_s THEN 'critical' ELSE 'warning' END,
           'results', NULL, NULL, from_at, lag_s, long_lag_s,
           format('Half of the last %s took more than %s from receipt to row, where %s are allowed',
                  counted(windows, 'window'), spoken_duration(lag_s), spoken_duration(long_lag_s)),
           1, 1
    FROM limits, (
        SELECT count(*) AS windows, min(scored_at) AS from_at,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM scored_at - window_end_at)) AS lag_s
        FROM (
            SELECT window_end_at, scored_at
            FROM window_scores, limits
            WHERE window_end_at BETWEEN now() - recorded_before AND now()
              -- A clock that is ahead says nothing of lag, and its windows stay the last ones until their time comes.
              AND scored_at > window_end_at - interval '5 seconds'
            ORDER BY window_end_at DESC
            LIMIT 1000
        ) AS last_windows, limits
        WHERE scored_at > now() - lately
    ) AS last_rows
    WHERE lag_s > long_lag_s

    UNION ALL
    SELECT 'job down', 'critical', 'all connections', NULL, NULL, since_at, extract(epoch FROM now() - since_at),
           extract(epoch FROM standstill_after),
           format('Nothing of any connection for %s, and %s fell silent together: the job, Kafka or what feeds it stands '
                  'still', spoken_duration(extract(epoch FROM now() - since_at)::double precision), connections),
           1, 1
    FROM standstill, limits

    UNION ALL
    SELECT 'job down', 'critical', 'scores', NULL, NULL, max(scored_until_at), max(unscored_s),
           max(extract(epoch FROM scored_after)),
           format('Messages of %s come, but no windows of theirs for up to %s', counted(count(*), 'connection'),
                  spoken_duration(max(unscored_s)::double precision)),
           1, 1
    FROM (
        SELECT verdict.last_window_end_at AS scored_until_at, scored_after,
               extract(epoch FROM activity.last_recv_at - verdict.last_window_end_at) AS unscored_s
        FROM connection_clocks AS activity
        JOIN connection_verdicts AS verdict USING (connection_id)
        CROSS JOIN limits
        WHERE activity.heard_at > now() - ended_after
          AND activity.last_recv_at > verdict.last_window_end_at + scored_after
          AND activity.messages >= verdict.messages + messages_of_windows
    ) AS unscored
    HAVING count(*) > 0

    UNION ALL
    SELECT 'clock skew', 'warning', connection_id, declared_exchange, NULL, written_at, abs(ahead_s), limit_s,
           format('Its receive times are %s %s the clock of the database, where %s are allowed: the last is %s UTC',
                  spoken_duration(abs(ahead_s)), CASE WHEN ahead_s > 0 THEN 'ahead of' ELSE 'behind' END,
                  spoken_duration(limit_s),
                  to_char(last_recv_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')),
           n_of_rule, 1
    FROM limits, (
        SELECT *, row_number() OVER (ORDER BY written_at DESC) AS place, count(*) OVER () AS n_of_rule
        FROM skewed_connections
    ) AS skewed
    WHERE place <= most_of_rule

    UNION ALL
    SELECT 'new connections', CASE WHEN n > very_many_new_connections THEN 'critical' ELSE 'warning' END,
           'all connections', NULL, NULL, from_at, n, many_new_connections,
           format('%s%s new connection ids within %s minutes, where %s are allowed', CASE WHEN n > 99999 THEN 'Over ' END,
                  least(n, 99999), extract(minute FROM flood_within), many_new_connections),
           1, 1
    FROM limits, (
        SELECT count(*) AS n, min(began_at) AS from_at
        FROM (
            SELECT began_at
            FROM connection_activity, limits
            WHERE began_at > now() - flood_within
            LIMIT 100000
        ) AS begun
    ) AS flood
    WHERE n > many_new_connections

    UNION ALL
    SELECT 'short connections', 'warning', 'all connections', NULL, NULL, from_at, n_short, few_short_connections,
           format('%s of %s new connections of the last hour ended before they had 50 messages, so nothing tells what they '
                  'are; most of them declare %s', n_short, n_all, declared),
           1, 1
    FROM limits, (
        SELECT count(*) FILTER (WHERE is_short)                                    AS n_short,
               count(*) FILTER (WHERE is_short OR has_windows)                     AS n_all,
               min(began_at) FILTER (WHERE is_short)                               AS from_at,
               mode() WITHIN GROUP (ORDER BY coalesce(declared_exchange, 'nothing')) FILTER (WHERE is_short) AS declared
        FROM new_connections
    ) AS short
    WHERE n_short > few_short_connections AND 2 * n_short > n_all
),
ranked AS (
    SELECT *, row_number() OVER (PARTITION BY rule ORDER BY severity, since_at DESC, subject COLLATE "C") AS place
    FROM found
)
SELECT rule, severity, subject, declared_exchange, detected_exchange, since_at, value, limit_value, summary,
       replace(rule, ' ', '-') AS runbook
FROM (
    SELECT rule, severity, subject, declared_exchange, detected_exchange, since_at, value, limit_value, summary
    FROM ranked, limits
    WHERE place <= most_of_rule

    UNION ALL
    -- The critical ones come first: if all that are listed are, so may be others.
    SELECT 'more alerts', max(severity), rule, NULL, NULL, max(since_at), sum(n_of_part) - most_of_rule, most_of_rule,
           format('And %s more of the rule %s, which are not listed', sum(n_of_part) - most_of_rule, rule)
    FROM limits, (
        SELECT rule, part, max(severity) AS severity, max(since_at) AS since_at, max(n_of_rule) AS n_of_part
        FROM found
        GROUP BY rule, part
    ) AS parts
    GROUP BY rule, most_of_rule
    HAVING sum(n_of_part) > most_of_rule
) AS listed
ORDER BY severity, since_at DESC, rule, subject COLLATE "C";

COMMENT ON VIEW alerts IS
    'One row per thing that is wrong now, the critical ones first, then the latest; of a rule a hundred, and how many more. '
    'What is now is the clock of the database; see connection_clocks. A recording that is a day old alerts of nothing but its '
    'dead letters, new and short connections.';
COMMENT ON COLUMN alerts.rule IS
    'mismatch, unknown venue, stall, sequence, drift, dead letters, topic, lag, job down, clock skew, new connections, short '
    'connections or more alerts; docs/runbook.md has a section for each.';
COMMENT ON COLUMN alerts.severity IS
    'critical: somebody has to look now. warning: somebody has to look.';
COMMENT ON COLUMN alerts.subject IS
    'What is wrong: a connection id, the reason of dead letters, what of the topic or of the job, or the rule that has more; with the rule, no '
    'two rows are alike.';
COMMENT ON COLUMN alerts.declared_exchange IS 'What the connection claims to be; NULL if nothing, or if it is no connection.';
COMMENT ON COLUMN alerts.detected_exchange IS
    'What a connection is certain to be, or unknown; of drift the verdict on it; NULL if the rule is not about that.';
COMMENT ON COLUMN alerts.since_at IS 'Since when it has been wrong, or since when that is known.';
COMMENT ON COLUMN alerts.value IS
    'How wrong, always above 0. mismatch, unknown venue: the verdict''s probability. stall: seconds of silence. sequence: breaks. '
    'drift: how far the rate is from before, in units of how much it differed then. dead letters: records. topic: records, '
    'or 1. lag: seconds. '
    'job down: seconds without results. clock skew: seconds. new connections, short connections, more alerts: how many.';
COMMENT ON COLUMN alerts.limit_value IS 'What the value may be at most; NULL for mismatch and unknown venue.';
COMMENT ON COLUMN alerts.summary IS 'A sentence with the numbers, to be read after the subject.';
COMMENT ON COLUMN alerts.runbook IS 'The section in docs/runbook.md.';
