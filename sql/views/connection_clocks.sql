-- A clock that is ahead shows by itself: nothing is written before it is received. One that is behind looks like a job that
-- lags. It is told from that by how steady it is: who catches up lags less from minute to minute.
CREATE OR REPLACE VIEW connection_clocks AS
SELECT connection_id,
       declared_exchange,
       last_recv_at,
       written_at,
       began_at,
       messages,
       silence_limit_s,
       last_heartbeat_at,
       least_lag_s,
       is_steady,
       CASE
           WHEN last_recv_at > written_at THEN written_at
           -- What was received a day before is a recording. So is what is an hour old and does not stay so.
           WHEN least_lag_s > 86400 OR (least_lag_s > 3600 AND NOT is_steady) THEN last_recv_at
           WHEN least_lag_s > 0 THEN least(written_at, last_recv_at + make_interval(secs => least_lag_s))
           ELSE last_recv_at
       END AS heard_at,
       kafka_partition,
       last_offset,
       -- Before it is written again, nothing is known but how old it was then.
       coalesce(least_lag_s > 86400 OR (least_lag_s > 3600 AND NOT is_steady),
                written_at - last_recv_at > interval '1 day') AS is_recording
FROM (
    SELECT connection_id,
           declared_exchange,
           last_recv_at,
           written_at,
           began_at,
           messages,
           silence_limit_s,
           last_heartbeat_at,
           kafka_partition,
           last_offset,
           least(lag_s, lag_before_s)                        AS least_lag_s,
           coalesce(abs(lag_s - lag_before_s) <= 5, false)   AS is_steady
    FROM connection_activity
) AS measured;

COMMENT ON VIEW connection_clocks IS
    'One row per connection: when it was last heard of by the clock of the database, and how far its receive times are from '
    'that.';
COMMENT ON COLUMN connection_clocks.connection_id IS 'One session of one connection.';
COMMENT ON COLUMN connection_clocks.declared_exchange IS 'What the connection claims to be; NULL if nothing.';
COMMENT ON COLUMN connection_clocks.last_recv_at IS
    'Receive time of its latest message that is told, by the clock of who received it.';
COMMENT ON COLUMN connection_clocks.written_at IS 'When that was written, by the clock of the database.';
COMMENT ON COLUMN connection_clocks.began_at IS 'When the connection was first written, by the clock of the database.';
COMMENT ON COLUMN connection_clocks.messages IS 'Its messages up to last_recv_at, since its last idle gap.';
COMMENT ON COLUMN connection_clocks.silence_limit_s IS 'How long a pause of it may be; NULL before there have been 200.';
COMMENT ON COLUMN connection_clocks.last_heartbeat_at IS
    'Receive time of its last heartbeat up to last_recv_at; NULL if none is known.';
COMMENT ON COLUMN connection_clocks.least_lag_s IS
    'Shortest time from receipt to row in its last minute and the one before; negative if its clock is ahead, NULL until it '
    'is written again.';
COMMENT ON COLUMN connection_clocks.is_steady IS
    'Whether that was the same in both minutes, within 5 s: of a job that catches up, or a recording that is replayed without '
    'waiting, it is not.';
COMMENT ON COLUMN connection_clocks.heard_at IS
    'When it was last heard of, by the clock of the database: last_recv_at, put right by what its clock is behind, and never '
    'after written_at. Of a recording its receive time.';
COMMENT ON COLUMN connection_clocks.kafka_partition IS 'Partition of the topic that its latest message that is told came from.';
COMMENT ON COLUMN connection_clocks.last_offset IS 'Offset of that message.';
COMMENT ON COLUMN connection_clocks.is_recording IS
    'Whether it was received a day before it was written, or an hour and not steadily so: a recording that is replayed, or a topic '
    'that is read anew.';
