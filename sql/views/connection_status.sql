-- CREATE OR REPLACE keeps grants and what others built on a view. A release that renames or removes a column drops the
-- view in its migration first. What looks into window_scores is a subquery of its own, so that it costs nothing where it
-- is not asked for.

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
                 -- Ten windows between which no silence was take no longer; other months need not be looked into.
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
       signature,
       model_version,
       updated_at,
       (
           SELECT CASE WHEN last_recv_at > written_at
                       THEN extract(epoch FROM last_recv_at - written_at)::double precision ELSE -least_lag_s END
           FROM connection_clocks
           WHERE connection_id = verdicts.connection_id
       )                                                      AS clock_ahead_s,
       EXISTS (SELECT FROM ended_connections AS ended WHERE ended.connection_id = verdicts.connection_id) AS has_ended,
       coalesce((SELECT is_recording FROM connection_clocks WHERE connection_id = verdicts.connection_id), false)
                                                              AS is_recording
FROM connection_verdicts AS verdicts;

COMMENT ON VIEW connection_status IS 'One row per connection: what it claims to be, what it behaves like, how sure.';
COMMENT ON COLUMN connection_status.connection_id IS 'One session of one connection.';
COMMENT ON COLUMN connection_status.declared_exchange IS 'What the connection claims to be, by its latest window; NULL if nothing.';
COMMENT ON COLUMN connection_status.detected_exchange IS
    'The verdict on its windows: the class that stands, before there is one a class that leads, else unknown.';
COMMENT ON COLUMN connection_status.certainty IS
    'certain: the evidence has reached the model''s bound. likely: a class only leads. undecided: none does.';
COMMENT ON COLUMN connection_status.probability IS 'That detected_exchange is right, 0 to 1.';
COMMENT ON COLUMN connection_status.mismatch IS
    'True if the connection claims an exchange and is certain to be another known one. Unknown is no mismatch.';
COMMENT ON COLUMN connection_status.since_at IS
    'Since when it has behaved like this, by the evidence; NULL if undecided.';
COMMENT ON COLUMN connection_status.strength_nats IS
    'Evidence for the verdict above that for any other class, as a logarithm: 2.3 is a factor of 10.';
COMMENT ON COLUMN connection_status.certain_after_messages IS 'Its messages when it was first certain; NULL until it is.';
COMMENT ON COLUMN connection_status.previous_exchange IS 'What was certain before; NULL if nothing was.';
COMMENT ON COLUMN connection_status.windows IS 'Windows scored.';
COMMENT ON COLUMN connection_status.messages IS
    'Messages up to the end of its last window. Up to 24 newer ones wait for their window.';
COMMENT ON COLUMN connection_status.messages_per_second IS
    'Rate over the connection''s last ten windows, by receive time; NULL if they span no time.';
COMMENT ON COLUMN connection_status.first_seen_at IS
    'Receive time of the first message of the first of its windows that is still kept.';
COMMENT ON COLUMN connection_status.last_seen_at IS 'Receive time of the last message of its last window.';
COMMENT ON COLUMN connection_status.signature IS 'Short description of the behaviour in its last 16 windows.';
COMMENT ON COLUMN connection_status.model_version IS 'The model that scored its latest window.';
COMMENT ON COLUMN connection_status.updated_at IS 'When its verdict was last written, by the clock of the job.';
COMMENT ON COLUMN connection_status.clock_ahead_s IS
    'How far its receive times are ahead of the clock of the database, at least; below 0 the shortest time from receipt to row '
    'lately; NULL before that is known. skewed_connections has those whose clock is wrong.';
COMMENT ON COLUMN connection_status.has_ended IS 'Whether a record without a value has said so, behind its last message.';
COMMENT ON COLUMN connection_status.is_recording IS 'Whether it is a recording that was replayed; see connection_clocks.';
