CREATE OR REPLACE VIEW skewed_connections AS
WITH suspects AS MATERIALIZED (
    SELECT connection_id, declared_exchange, last_recv_at, written_at, least_lag_s,
           extract(epoch FROM last_recv_at - written_at)::double precision AS last_ahead_s
    FROM connection_clocks
    WHERE written_at > now() - interval '1 hour'
      -- The shortest silence that counts is 5 s long; what is killed is back after half a minute.
      AND (last_recv_at > written_at + interval '5 seconds' OR (is_steady AND least_lag_s BETWEEN 30 AND 86400))
),
job AS MATERIALIZED (
    SELECT greatest(min(least_lag_s), 0) AS lag_s
    FROM connection_clocks
    WHERE written_at > now() - interval '5 minutes' AND EXISTS (SELECT FROM suspects)
),
measured AS (
    SELECT connection_id, declared_exchange, last_recv_at, written_at,
           CASE WHEN last_ahead_s > 5 THEN last_ahead_s ELSE lag_s - least_lag_s END AS ahead_s
    FROM suspects CROSS JOIN job
)
SELECT connection_id,
       declared_exchange,
       ahead_s,
       CASE WHEN ahead_s > 0 THEN 5 ELSE 30 END::double precision AS limit_s,
       last_recv_at,
       written_at
FROM measured
WHERE ahead_s > 5 OR ahead_s <= -30;

COMMENT ON VIEW skewed_connections IS
    'One row per connection of the last hour whose receive times are not those of the database''s clock: more than 5 s ahead, or '
    'steadily 30 s behind what comes soonest from any connection. Of recordings that are a day old nothing is said.';
COMMENT ON COLUMN skewed_connections.connection_id IS 'One session of one connection.';
COMMENT ON COLUMN skewed_connections.declared_exchange IS 'What the connection claims to be; NULL if nothing.';
COMMENT ON COLUMN skewed_connections.ahead_s IS
    'How far the clock of who received it is ahead, at least; negative if it is behind, about.';
COMMENT ON COLUMN skewed_connections.limit_s IS 'How far it may be, in that direction.';
COMMENT ON COLUMN skewed_connections.last_recv_at IS 'Receive time of its latest message that is told.';
COMMENT ON COLUMN skewed_connections.written_at IS 'When that was written, by the clock of the database.';
