CREATE OR REPLACE VIEW drifting_connections AS
WITH latest AS (
    SELECT DISTINCT ON (connection_id)
           connection_id, declared_exchange, since_at, detected_at, rate_before, rate_now, score
    FROM (
        SELECT *
        FROM health_events
        WHERE kind = 'drift' AND detected_at > now() - interval '1 hour' AND written_at > now() - interval '1 hour'
        ORDER BY written_at DESC
        LIMIT 10000
    ) AS last_events
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

COMMENT ON VIEW drifting_connections IS
    'One row per connection whose rate was found, in the last hour, to have changed against its own earlier windows: its '
    'latest change. A connection is judged by how unsteady it has been itself, from its 193rd window on, and after a '
    'change from the 193rd since; a change by less than a quarter never counts.';
COMMENT ON COLUMN drifting_connections.connection_id IS 'One session of one connection.';
COMMENT ON COLUMN drifting_connections.declared_exchange IS 'What the connection claims to be; NULL if nothing.';
COMMENT ON COLUMN drifting_connections.detected_exchange IS 'The verdict on its windows.';
COMMENT ON COLUMN drifting_connections.measure IS 'What has changed: rate.';
COMMENT ON COLUMN drifting_connections.before IS
    'Typical messages per second before: geometric mean over 25 messages each, of 64 to 383 windows back at most.';
COMMENT ON COLUMN drifting_connections.now IS 'The same from since_at to detected_at.';
COMMENT ON COLUMN drifting_connections.ratio IS 'now / before.';
COMMENT ON COLUMN drifting_connections.since_at IS
    'When it began, by the best split into before and after of the last 64 windows, in steps of eight.';
COMMENT ON COLUMN drifting_connections.detected_at IS 'Receive time of the message that shows it.';
COMMENT ON COLUMN drifting_connections.score IS
    'How far the last 32 windows were from before, in units of how much 32 windows of this connection differed then, as a '
    'standard normal deviate.';
COMMENT ON COLUMN drifting_connections.score_limit IS 'What the score must exceed.';
COMMENT ON COLUMN drifting_connections.others IS
    'How many other connections of the same detected exchange have drifted the same way: many mean the market, not the '
    'connection.';
