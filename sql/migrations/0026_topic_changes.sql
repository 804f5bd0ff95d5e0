-- What of the topic is not as it was, or not as it must be.

CREATE TABLE IF NOT EXISTS topic_changes (
    kind     text        NOT NULL,
    detail   text        NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT topic_changes_pkey PRIMARY KEY (kind),
    CONSTRAINT topic_changes_kind CHECK (kind IN ('partitions', 'cleanup.policy'))
);

COMMENT ON TABLE topic_changes IS 'One row per kind of change of the topic that the job has found while it ran, the last one.';
COMMENT ON COLUMN topic_changes.kind IS 'partitions: some were added. cleanup.policy: it is compacted.';
COMMENT ON COLUMN topic_changes.detail IS 'How many partitions there were and are, or the policy.';
COMMENT ON COLUMN topic_changes.noted_at IS 'When it was found, by the clock of the database.';
