-- Which dead letters have been sent to the topic once more, so that none is sent twice.

CREATE TABLE IF NOT EXISTS redriven_letters (
    kafka_partition integer     NOT NULL,
    kafka_offset    bigint      NOT NULL,
    new_partition   integer,
    new_offset      bigint,
    claimed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT redriven_letters_pkey PRIMARY KEY (kafka_partition, kafka_offset)
);

COMMENT ON TABLE redriven_letters IS
    'One row per dead letter that `fingerprint dlq redrive` has sent to raw_messages again, written before it is sent.';
COMMENT ON COLUMN redriven_letters.kafka_partition IS 'Partition of raw_messages that the letter was in at first.';
COMMENT ON COLUMN redriven_letters.kafka_offset IS 'Its offset in that partition.';
COMMENT ON COLUMN redriven_letters.new_partition IS
    'Partition that it is in now; NULL while it is being sent, or if that was cut off: the next run looks for it.';
COMMENT ON COLUMN redriven_letters.new_offset IS 'Its offset there.';
COMMENT ON COLUMN redriven_letters.claimed_at IS 'When it was about to be sent, by the clock of the database.';
