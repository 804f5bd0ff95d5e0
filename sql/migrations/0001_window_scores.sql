-- The scores of every window, one row each. IF NOT EXISTS throughout: a migration that was interrupted before it was
-- recorded is simply run again.

CREATE TABLE IF NOT EXISTS window_scores (
    connection_id      text             NOT NULL,
    kafka_partition    integer          NOT NULL,
    last_offset        bigint           NOT NULL,
    first_offset       bigint           NOT NULL,
    window_start_at    timestamptz      NOT NULL,
    window_end_at      timestamptz      NOT NULL,
    declared_exchange  text,
    predicted_exchange text             NOT NULL,
    confidence         double precision NOT NULL,
    probabilities      jsonb            NOT NULL,
    unknown_score      double precision NOT NULL,
    model_version      text             NOT NULL,
    scored_at          timestamptz      NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT window_scores_pkey PRIMARY KEY (connection_id, kafka_partition, last_offset, window_end_at),
    CONSTRAINT window_scores_confidence_is_a_probability CHECK (confidence BETWEEN 0 AND 1),
    CONSTRAINT window_scores_probabilities_is_an_object CHECK (jsonb_typeof(probabilities) = 'object')
) PARTITION BY RANGE (window_end_at);

CREATE INDEX IF NOT EXISTS window_scores_window_end_at_idx ON window_scores (window_end_at);

CREATE TABLE IF NOT EXISTS window_scores_default PARTITION OF window_scores DEFAULT;

COMMENT ON TABLE window_scores IS
    'One row per scored window of 50 messages. Everything but scored_at is a function of the topic and the model '
    'version, so a replay writes the same rows again.';
COMMENT ON COLUMN window_scores.connection_id IS 'One session of one connection; a reconnect gets a new id.';
COMMENT ON COLUMN window_scores.kafka_partition IS 'Partition of raw_messages that the window''s messages came from.';
COMMENT ON COLUMN window_scores.last_offset IS 'Offset of the window''s last message in that partition.';
COMMENT ON COLUMN window_scores.first_offset IS 'Offset of the window''s first message in that partition.';
COMMENT ON COLUMN window_scores.window_start_at IS 'Local receive time of the window''s first message.';
COMMENT ON COLUMN window_scores.window_end_at IS
    'Local receive time of the window''s last message. In the key only because PostgreSQL wants the partition column '
    'there: it is a function of the other three.';
COMMENT ON COLUMN window_scores.declared_exchange IS 'What the connection claims to be; NULL if it claims nothing.';
COMMENT ON COLUMN window_scores.predicted_exchange IS 'The class that this window looks like, or unknown.';
COMMENT ON COLUMN window_scores.confidence IS 'Probability of predicted_exchange, 0 to 1.';
COMMENT ON COLUMN window_scores.probabilities IS 'Probability per class, six decimals: {"binance": 0.98, ...}.';
COMMENT ON COLUMN window_scores.unknown_score IS 'How little the window looks like any known exchange; larger is stranger.';
COMMENT ON COLUMN window_scores.model_version IS 'The model that scored the window; see model_versions.';
COMMENT ON COLUMN window_scores.scored_at IS 'When the row was first written, by the clock of the database.';
COMMENT ON TABLE window_scores_default IS
    'Windows outside every monthly partition: replayed recordings, and messages whose clock was wrong.';
