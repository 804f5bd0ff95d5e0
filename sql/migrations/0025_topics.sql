-- Which topics the results are of, and what of them was lost.

CREATE TABLE IF NOT EXISTS read_topics (
    role       text        NOT NULL,
    topic      text        NOT NULL,
    topic_id   text        NOT NULL,
    cluster_id text        NOT NULL,
    noted_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT read_topics_pkey PRIMARY KEY (role),
    CONSTRAINT read_topics_role CHECK (role IN ('messages', 'dead letters'))
);

COMMENT ON TABLE read_topics IS
    'One row per topic that the results of this database go with, as `fingerprint submit` found it.';
COMMENT ON COLUMN read_topics.role IS 'What is in it: messages or dead letters.';
COMMENT ON COLUMN read_topics.topic IS 'Its name.';
COMMENT ON COLUMN read_topics.topic_id IS 'Kafka''s id of it: a topic that is made anew under the same name has another one.';
COMMENT ON COLUMN read_topics.cluster_id IS 'The id of its Kafka cluster.';
COMMENT ON COLUMN read_topics.noted_at IS 'When it was noted, by the clock of the database.';

CREATE TABLE IF NOT EXISTS unread_records (
    kafka_partition integer     NOT NULL,
    counts_from     bigint      NOT NULL,
    first_offset    bigint      NOT NULL,
    n_offsets       bigint      NOT NULL,
    noted_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT unread_records_pkey PRIMARY KEY (kafka_partition, counts_from),
    CONSTRAINT unread_records_order CHECK (first_offset < counts_from AND n_offsets > 0)
);

CREATE INDEX IF NOT EXISTS unread_records_noted_at ON unread_records (noted_at);

COMMENT ON TABLE unread_records IS
    'One row per run of records that Kafka had deleted before the job read them. Counting starts anew behind it.';
COMMENT ON COLUMN unread_records.kafka_partition IS 'Partition of raw_messages.';
COMMENT ON COLUMN unread_records.counts_from IS
    'Offset of the first record that was read again: each connection of the partition starts anew at its next message.';
COMMENT ON COLUMN unread_records.first_offset IS 'Offset that would have been read next.';
COMMENT ON COLUMN unread_records.n_offsets IS
    'How many offsets were deleted unread; the marks of transactions have some of them, all others were records.';
COMMENT ON COLUMN unread_records.noted_at IS 'When the job found them missing, by the clock of the database.';

CREATE TABLE IF NOT EXISTS dead_letter_losses (
    kafka_partition integer     NOT NULL,
    kafka_offset    bigint      NOT NULL,
    lost            text        NOT NULL,
    reason          text        NOT NULL,
    seen_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT dead_letter_losses_pkey PRIMARY KEY (kafka_partition, kafka_offset),
    CONSTRAINT dead_letter_losses_lost CHECK (lost IN ('value', 'key and value', 'all'))
);

CREATE INDEX IF NOT EXISTS dead_letter_losses_seen_at ON dead_letter_losses (seen_at);

COMMENT ON TABLE dead_letter_losses IS
    'One row per invalid record that the dead-letter topic did not take whole. What happened, and no result of the topic: '
    'read again, the same record may be taken.';
COMMENT ON COLUMN dead_letter_losses.kafka_partition IS 'Partition of raw_messages that the record is in.';
COMMENT ON COLUMN dead_letter_losses.kafka_offset IS 'Its offset in that partition.';
COMMENT ON COLUMN dead_letter_losses.lost IS 'What is not in the dead-letter topic: value, key and value, or all.';
COMMENT ON COLUMN dead_letter_losses.reason IS 'What Kafka said.';
COMMENT ON COLUMN dead_letter_losses.seen_at IS 'When it was refused, by the clock of the database.';
