CREATE OR REPLACE VIEW new_connections AS
SELECT activity.connection_id,
       activity.declared_exchange,
       activity.began_at,
       activity.messages,
       verdict.connection_id IS NOT NULL AS has_windows,
       verdict.connection_id IS NULL
           AND activity.written_at < now() - make_interval(secs => greatest(60, 2 + coalesce(silence_limit_s, 0)))
                                         AS is_short
FROM (
    SELECT connection_id, declared_exchange, began_at, messages, written_at, silence_limit_s
    FROM connection_activity
    WHERE began_at > now() - interval '1 hour'
    ORDER BY began_at DESC
    LIMIT 10000
) AS activity
LEFT JOIN connection_verdicts AS verdict USING (connection_id);

COMMENT ON VIEW new_connections IS
    'One row per connection that was first heard of in the last hour, by the clock of the database; the last ten thousand of '
    'them.';
COMMENT ON COLUMN new_connections.connection_id IS 'One session of one connection.';
COMMENT ON COLUMN new_connections.declared_exchange IS 'What the connection claims to be; NULL if nothing.';
COMMENT ON COLUMN new_connections.began_at IS 'When it was first written, by the clock of the database.';
COMMENT ON COLUMN new_connections.messages IS 'Its messages up to the latest that is told.';
COMMENT ON COLUMN new_connections.has_windows IS 'Whether a window of it was scored, which takes 50 messages.';
COMMENT ON COLUMN new_connections.is_short IS
    'Whether it ended before: it has no window, and has been silent for a minute, or for what it may be.';
