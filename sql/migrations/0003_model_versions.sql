-- The models that have scored: `fingerprint submit` adds one row when it submits a job with a model not seen before.

CREATE TABLE IF NOT EXISTS model_versions (
    model_version text        NOT NULL,
    manifest      jsonb       NOT NULL,
    sha256        text        NOT NULL,
    activated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT model_versions_pkey PRIMARY KEY (model_version),
    CONSTRAINT model_versions_sha256_is_hex CHECK (sha256 ~ '^[0-9a-f]{64}$')
);

COMMENT ON TABLE model_versions IS 'One row per model that a job was submitted with.';
COMMENT ON COLUMN model_versions.model_version IS 'Name of the model, as window_scores.model_version holds it.';
COMMENT ON COLUMN model_versions.manifest IS
    'The artifact''s manifest: features in order, window, classes, library versions, data hashes, metrics.';
COMMENT ON COLUMN model_versions.sha256 IS 'SHA-256 of the booster file, in hexadecimal.';
COMMENT ON COLUMN model_versions.activated_at IS 'When a job was first submitted with this model.';
