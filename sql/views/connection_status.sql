-- CREATE OR REPLACE keeps grants and what others built on a view. A release that renames or removes a column drops the
-- view in its migration first.

CREATE OR REPLACE VIEW connection_status AS
WITH windows_by_class AS (
    SELECT connection_id,
           predicted_exchange,
           count(*)             AS windows,
           sum(confidence)      AS confidence,
           min(window_start_at) AS first_seen_at,
           max(window_end_at)   AS last_seen_at
    FROM window_scores
    GROUP BY connection_id, predicted_exchange
),
totals AS (
    SELECT connection_id,
           sum(windows)::bigint                          AS windows,
           jsonb_object_agg(predicted_exchange, windows) AS windows_by_class,
           sum(confidence) / sum(windows)::double precision AS mean_confidence,
           min(first_seen_at)                            AS first_seen_at,
           max(last_seen_at)                             AS last_seen_at
    FROM windows_by_class
    GROUP BY connection_id
),
probabilities_by_class AS (
    -- numeric, so that equal means are equal whatever the order of the rows.
    SELECT connection_id, class.key AS exchange, sum(class.value::numeric) AS probability
    FROM window_scores
    CROSS JOIN jsonb_each(probabilities) AS class
    GROUP BY connection_id, class.key
),
verdicts AS (
    -- COLLATE "C": a tie goes to the first name of the alphabet, whatever the language of the database.
    SELECT DISTINCT ON (connection_id) connection_id, exchange, probability
    FROM probabilities_by_class
    ORDER BY connection_id, probability DESC, exchange COLLATE "C"
)
SELECT totals.connection_id,
       latest.declared_exchange,
       verdicts.exchange                                          AS detected_exchange,
       (verdicts.probability / totals.windows)::double precision  AS probability,
       coalesce(verdicts.exchange <> latest.declared_exchange AND verdicts.exchange <> 'unknown', false) AS mismatch,
       totals.windows,
       totals.windows_by_class,
       totals.mean_confidence,
       25 * totals.windows + 25                                   AS messages,
       recent.messages_per_second,
       totals.first_seen_at,
       totals.last_seen_at,
       latest.model_version
FROM totals
JOIN verdicts USING (connection_id)
CROSS JOIN LATERAL (
    SELECT declared_exchange, model_version
    FROM window_scores
    WHERE connection_id = totals.connection_id
    ORDER BY kafka_partition DESC, last_offset DESC
    LIMIT 1
) AS latest
CROSS JOIN LATERAL (
    SELECT (25 * count(*) + 24)
           / nullif(extract(epoch FROM max(window_end_at) - min(window_start_at)), 0)::double precision
           AS messages_per_second
    FROM (
        SELECT window_start_at, window_end_at
        FROM window_scores
        WHERE connection_id = totals.connection_id
        ORDER BY kafka_partition DESC, last_offset DESC
        LIMIT 10
    ) AS last_windows
) AS recent;

COMMENT ON VIEW connection_status IS 'One row per connection: what it claims to be, what it behaves like, how sure.';
COMMENT ON COLUMN connection_status.connection_id IS 'One session of one connection.';
COMMENT ON COLUMN connection_status.declared_exchange IS 'What the connection claims to be, by its latest window; NULL if nothing.';
COMMENT ON COLUMN connection_status.detected_exchange IS
    'The verdict: the class with the largest mean probability over the connection''s windows; ties alphabetically.';
COMMENT ON COLUMN connection_status.probability IS 'That mean, 0 to 1.';
COMMENT ON COLUMN connection_status.mismatch IS
    'True if the connection claims an exchange and behaves like another known one. Unknown is no mismatch.';
COMMENT ON COLUMN connection_status.windows IS 'Windows scored.';
COMMENT ON COLUMN connection_status.windows_by_class IS 'Windows per predicted exchange: {"binance": 12, ...}.';
COMMENT ON COLUMN connection_status.mean_confidence IS 'Mean of the windows'' own confidences, 0 to 1.';
COMMENT ON COLUMN connection_status.messages IS
    'Messages in those windows, as if they followed each other: 50 for the first, 25 for each more. Up to 24 newer '
    'messages wait for their window.';
COMMENT ON COLUMN connection_status.messages_per_second IS
    'Rate over the connection''s last ten windows, by receive time; NULL if they span no time.';
COMMENT ON COLUMN connection_status.first_seen_at IS 'Receive time of the first message of its first window.';
COMMENT ON COLUMN connection_status.last_seen_at IS 'Receive time of the last message of its last window.';
COMMENT ON COLUMN connection_status.model_version IS 'The model that scored its latest window.';
