-- Models that can be changed while the job runs, and since which offsets each one scores.

ALTER TABLE model_versions ADD COLUMN IF NOT EXISTS false_unknown_rate double precision;
ALTER TABLE model_versions ADD COLUMN IF NOT EXISTS booster bytea;
ALTER TABLE model_versions ALTER COLUMN booster SET STORAGE EXTERNAL;

COMMENT ON TABLE model_versions IS 'The registry: one row per model that a topic was or may be scored by.';
COMMENT ON COLUMN model_versions.false_unknown_rate IS
    'Share of a known exchange''s windows that it may call unknown; NULL in rows from before there was a registry.';
COMMENT ON COLUMN model_versions.booster IS 'The booster file; NULL in rows from before there was a registry.';
COMMENT ON COLUMN model_versions.activated_at IS 'When it was first made known here.';

CREATE TABLE IF NOT EXISTS model_activations (
    activation_id bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    topic         text        NOT NULL,
    model_version text        NOT NULL,
    from_offsets  bigint[],
    is_void       boolean     NOT NULL DEFAULT false,
    requested_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT model_activations_pkey PRIMARY KEY (activation_id),
    CONSTRAINT model_activations_model_is_registered FOREIGN KEY (model_version) REFERENCES model_versions,
    CONSTRAINT model_activations_is_made_or_void CHECK (from_offsets IS NULL OR NOT is_void)
);

-- One change at a time.
CREATE UNIQUE INDEX IF NOT EXISTS model_activations_announced_idx
    ON model_activations (topic) WHERE from_offsets IS NULL AND NOT is_void;

COMMENT ON TABLE model_activations IS
    'One row per change of a topic''s model. The latest one whose offset is reached scores a window: see model_schedule.';
COMMENT ON COLUMN model_activations.activation_id IS 'Their order.';
COMMENT ON COLUMN model_activations.topic IS 'Of the messages.';
COMMENT ON COLUMN model_activations.model_version IS 'The model that scores from then on.';
COMMENT ON COLUMN model_activations.from_offsets IS
    'By partition: it scores the windows whose last message has this offset or a later one. Empty if it scores the whole '
    'topic; NULL while the change is announced and the job holds still.';
COMMENT ON COLUMN model_activations.is_void IS 'Whether the change was given up before it was made.';
COMMENT ON COLUMN model_activations.requested_at IS 'When it was asked for.';
