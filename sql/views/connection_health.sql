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
           WHEN kind = 'gap' THEN format('%s missing after %s', counted(n_missing, 'number'), seq_before)
           WHEN kind = 'repeat' THEN format('number %s again', seq)
           WHEN kind = 'reset' THEN format('back to number %s from %s', seq, seq_before)
           WHEN kind = 'drift' THEN format('%s messages/s, where %s were before', round(rate_now::numeric, 1),
                                           round(rate_before::numeric, 1))
           ELSE format('%s for %s, where %s are allowed',
                       CASE kind
                           WHEN 'stall' THEN 'nothing'
                           WHEN 'data_stall' THEN 'only heartbeats'
                           ELSE 'no heartbeat, but data'
                       END, spoken_duration(silence_s), spoken_duration(limit_s))
       END AS reason,
       written_at,
       rate_before,
       rate_now,
       score
FROM health_events;

COMMENT ON VIEW connection_health IS
    'One row wherever a message shows that something is wrong with its connection: filter by detected_at, which is indexed.';
COMMENT ON COLUMN connection_health.connection_id IS 'One session of one connection.';
COMMENT ON COLUMN connection_health.kind IS 'gap, repeat, reset, stall, data_stall, heartbeat_stall or drift; see health_events.kind.';
COMMENT ON COLUMN connection_health.declared_exchange IS 'What the connection claims to be; NULL if nothing.';
COMMENT ON COLUMN connection_health.since_at IS 'Receive time of the last good message; of drift, of the last one before it.';
COMMENT ON COLUMN connection_health.detected_at IS 'Receive time of the message that shows it.';
COMMENT ON COLUMN connection_health.silence_s IS 'Time between the two; NULL but for stalls.';
COMMENT ON COLUMN connection_health.limit_s IS 'How long that may be; NULL but for stalls.';
COMMENT ON COLUMN connection_health.seq_before IS 'Sequence number of the last numbered message; NULL for stalls.';
COMMENT ON COLUMN connection_health.seq IS 'Sequence number of the message that shows it; NULL for stalls.';
COMMENT ON COLUMN connection_health.n_missing IS 'How many numbers between the two never came; NULL but for a gap.';
COMMENT ON COLUMN connection_health.messages IS 'Messages of the connection up to then, since its last long silence.';
COMMENT ON COLUMN connection_health.reason IS 'The numbers in words.';
COMMENT ON COLUMN connection_health.written_at IS 'When the row was first written, by the clock of the database.';
COMMENT ON COLUMN connection_health.rate_before IS 'Typical messages per second before; NULL but for drift.';
COMMENT ON COLUMN connection_health.rate_now IS 'The same since then; NULL but for drift.';
COMMENT ON COLUMN connection_health.score IS
    'How far the rate is from before, in units of how much it differed then: above 3; NULL but for drift.';
