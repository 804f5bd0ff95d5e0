-- What is wrong with connections, and when each was last heard of.

CREATE TABLE IF NOT EXISTS health_events (
    connection_id     text             NOT NULL,
    kafka_partition   integer          NOT NULL,
    kafka_offset      bigint           NOT NULL,
    kind              text             NOT NULL,
    declared_exchange text,
    messages          bigint           NOT NULL,
    since_at          timestamptz      NOT NULL,
    since_offset      bigint           NOT NULL,
    detected_at       timestamptz      NOT NULL,
    seq_before        bigint,
    seq               bigint,
    n_missing         bigint,
    silence_s         double precision,
    limit_s           double precision,
    written_at        timestamptz      NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT health_events_pkey PRIMARY KEY (connection_id, kafka_partition, kafka_offset, kind),
    CONSTRAINT health_events_kind_is_known
        CHECK (kind IN ('gap', 'repeat', 'reset', 'stall', 'data_stall', 'heartbeat_stall'))
);

CREATE INDEX IF NOT EXISTS health_events_detected_at_idx ON health_events (detected_at);

COMMENT ON TABLE health_events IS
    'One row wherever a message shows that something is wrong with its connection. Everything but written_at is a '
    'function of the topic.';
COMMENT ON COLUMN health_events.connection_id IS 'One session of one connection; a reconnect gets a new id.';
COMMENT ON COLUMN health_events.kafka_partition IS 'Partition of raw_messages that the connection comes from.';
COMMENT ON COLUMN health_events.kafka_offset IS 'Offset of the message that shows it in that partition.';
COMMENT ON COLUMN health_events.kind IS
    'gap, repeat, reset: the sequence numbers break what they have kept long enough, forwards, not at all, or backwards. '
    'stall: nothing came. data_stall: only heartbeats came. heartbeat_stall: steady heartbeats ended while data came.';
COMMENT ON COLUMN health_events.declared_exchange IS 'What the connection claims to be; NULL if nothing.';
COMMENT ON COLUMN health_events.messages IS 'Messages of the connection up to then, since its last long silence.';
COMMENT ON COLUMN health_events.since_at IS
    'Receive time of the last good message: the last numbered one, the last one, the last one with data, or the last heartbeat.';
COMMENT ON COLUMN health_events.since_offset IS 'Offset of that message in its partition.';
COMMENT ON COLUMN health_events.detected_at IS 'Local receive time of the message that shows it.';
COMMENT ON COLUMN health_events.seq_before IS 'Sequence number of the last numbered message; NULL for stalls.';
COMMENT ON COLUMN health_events.seq IS 'Sequence number of the message that shows it; NULL for stalls.';
COMMENT ON COLUMN health_events.n_missing IS 'How many numbers between the two never came; NULL but for a gap.';
COMMENT ON COLUMN health_events.silence_s IS 'From since_at to detected_at; NULL but for stalls.';
COMMENT ON COLUMN health_events.limit_s IS
    'How long a pause may be: 5 s, or four times the longest of the last thousand or two; NULL but for stalls.';
COMMENT ON COLUMN health_events.written_at IS 'When the row was first written, by the clock of the database.';

-- Rows are updated in place again and again: half of each page is left free for that, and no index but the key is kept.
CREATE TABLE IF NOT EXISTS connection_activity (
    connection_id     text             NOT NULL,
    kafka_partition   integer          NOT NULL,
    last_offset       bigint           NOT NULL,
    declared_exchange text,
    messages          bigint           NOT NULL,
    last_recv_at      timestamptz      NOT NULL,
    silence_limit_s   double precision,
    last_heartbeat_at timestamptz,
    CONSTRAINT connection_activity_pkey PRIMARY KEY (connection_id)
) WITH (fillfactor = 50);

COMMENT ON TABLE connection_activity IS
    'One row per connection, brought up to date by its first message in every two seconds of receive time. A function of '
    'the topic.';
COMMENT ON COLUMN connection_activity.connection_id IS 'One session of one connection; a reconnect gets a new id.';
COMMENT ON COLUMN connection_activity.kafka_partition IS 'Partition of raw_messages that the connection comes from.';
COMMENT ON COLUMN connection_activity.last_offset IS 'Offset of that message in its partition.';
COMMENT ON COLUMN connection_activity.declared_exchange IS 'What the connection claims to be; NULL if nothing.';
COMMENT ON COLUMN connection_activity.messages IS 'Messages of the connection up to then, since its last long silence.';
COMMENT ON COLUMN connection_activity.last_recv_at IS
    'Local receive time of that message. Others may have come in the two seconds that it begins.';
COMMENT ON COLUMN connection_activity.silence_limit_s IS
    'How long a pause of the connection may be: 5 s, or four times the longest of the last thousand or two; NULL before '
    'there have been 200.';
COMMENT ON COLUMN connection_activity.last_heartbeat_at IS
    'Local receive time of the last heartbeat, the message itself included; NULL if there was none since the connection '
    'began or last stalled.';

CREATE OR REPLACE FUNCTION drop_old_partitions(retention interval, now_at timestamptz DEFAULT now()) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    partition text;
BEGIN
    FOR partition IN
        SELECT child.relname
        FROM pg_inherits JOIN pg_class AS child ON child.oid = pg_inherits.inhrelid
        WHERE pg_inherits.inhparent = 'window_scores'::regclass
          AND child.relname ~ '^window_scores_\d{4}_\d{2}$'
          AND (to_date(right(child.relname, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC' <= now_at - retention
        ORDER BY child.relname
    LOOP
        EXECUTE format('DROP TABLE %I', partition);
        RETURN NEXT partition;
    END LOOP;
    -- A recording is old when it arrives: its rows stay for the retention from when they were scored.
    DELETE FROM window_scores_default WHERE window_end_at < now_at - retention AND scored_at < now_at - retention;
    DELETE FROM connection_events WHERE detected_at < now_at - retention AND written_at < now_at - retention;
    DELETE FROM connection_verdicts WHERE last_window_end_at < now_at - retention AND updated_at < now_at - retention;
    DELETE FROM health_events WHERE detected_at < now_at - retention AND written_at < now_at - retention;
    DELETE FROM connection_activity AS activity
    WHERE last_recv_at < now_at - retention
      AND NOT EXISTS (SELECT FROM connection_verdicts WHERE connection_id = activity.connection_id);
    DELETE FROM dead_letters WHERE seen_at < now_at - retention;
END
$$;

COMMENT ON FUNCTION drop_old_partitions(interval, timestamptz) IS
    'Drops the monthly partitions that ended longer than retention before now_at and returns their names; deletes from '
    'the default partition, the verdicts and the events what both ended and was written before then, what was heard of '
    'connections before then that have no verdict any more, and dead letters that were seen before then.';
