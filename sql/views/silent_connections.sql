CREATE OR REPLACE VIEW silent_connections AS
SELECT connection_id,
       declared_exchange,
       heard_at                                         AS since_at,
       extract(epoch FROM now() - heard_at)::double precision AS silence_s,
       limit_s,
       silence_limit_s IS NOT NULL                      AS is_limit_learnt,
       messages,
       last_heartbeat_at,
       (SELECT max(heard_at) FROM connection_clocks)    AS any_recv_at
FROM (SELECT *, coalesce(silence_limit_s, 60) AS limit_s FROM connection_clocks) AS clocks
-- Up to two seconds of messages after heard_at are not told.
WHERE now() - heard_at BETWEEN make_interval(secs => limit_s + 2) AND interval '24 hours'
  AND NOT EXISTS (SELECT FROM ended_connections AS ended WHERE ended.connection_id = clocks.connection_id)
ORDER BY heard_at DESC, connection_id COLLATE "C";

COMMENT ON VIEW silent_connections IS
    'One row per connection that has now been silent for longer than its own intervals allow, and for no more than a day; '
    'the latest first.';
COMMENT ON COLUMN silent_connections.connection_id IS 'One session of one connection.';
COMMENT ON COLUMN silent_connections.declared_exchange IS 'What the connection claims to be; NULL if nothing.';
COMMENT ON COLUMN silent_connections.since_at IS
    'When it was last heard of, by the clock of the database; see connection_clocks. Others may have come for two seconds after.';
COMMENT ON COLUMN silent_connections.silence_s IS 'How long that is ago.';
COMMENT ON COLUMN silent_connections.limit_s IS
    'How long a pause may be: 5 s, or four times the longest of its last thousand or two; 60 s before there have been 200.';
COMMENT ON COLUMN silent_connections.is_limit_learnt IS 'Whether that is its own interval limit, or those 60 s.';
COMMENT ON COLUMN silent_connections.messages IS 'Its messages up to since_at, since its last long silence.';
COMMENT ON COLUMN silent_connections.last_heartbeat_at IS 'Its last heartbeat up to since_at; NULL if none is known.';
COMMENT ON COLUMN silent_connections.any_recv_at IS
    'When any connection was last heard of, likewise: where that is as long ago, it is not the connections but the job that stands still.';
