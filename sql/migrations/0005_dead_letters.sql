-- What was in the topic and is no message.

CREATE TABLE IF NOT EXISTS dead_letters (
    kafka_partition integer     NOT NULL,
    kafka_offset    bigint      NOT NULL,
    reason          text        NOT NULL,
    connection_key  text,
    n_bytes         integer,
    seen_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT dead_letters_pkey PRIMARY KEY (kafka_partition, kafka_offset)
);

CREATE INDEX IF NOT EXISTS dead_letters_seen_at_idx ON dead_letters (seen_at);

COMMENT ON TABLE dead_letters IS
    'One row per record of raw_messages that is no message. Its bytes are in raw_messages_dlq. Everything but seen_at is '
    'a function of the topic.';
COMMENT ON COLUMN dead_letters.kafka_partition IS 'Partition of raw_messages that the record is in.';
COMMENT ON COLUMN dead_letters.kafka_offset IS 'Its offset in that partition.';
COMMENT ON COLUMN dead_letters.reason IS 'Why it is no message: of several faults the first that is looked for.';
COMMENT ON COLUMN dead_letters.connection_key IS
    'Its key, which should be a connection id; NULL if it has none, or one that is not up to 128 printable characters.';
COMMENT ON COLUMN dead_letters.n_bytes IS 'Size of its value; NULL if it has none.';
COMMENT ON COLUMN dead_letters.seen_at IS 'When the row was first written, by the clock of the database.';

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
    DELETE FROM dead_letters WHERE seen_at < now_at - retention;
END
$$;

COMMENT ON FUNCTION drop_old_partitions(interval, timestamptz) IS
    'Drops the monthly partitions that ended longer than retention before now_at and returns their names; deletes from '
    'the default partition, the verdicts and the events what both ended and was written before then, and dead letters '
    'that were seen before then.';
