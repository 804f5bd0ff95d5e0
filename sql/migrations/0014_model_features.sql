-- A model's own features in their order: a stored row is read by the names of the model that scored it.

-- Filled by PostgreSQL, also for the models that are there. Of the whole manifest a query would read a hundred times as much.
ALTER TABLE model_versions
    ADD COLUMN IF NOT EXISTS feature_names jsonb GENERATED ALWAYS AS (manifest -> 'feature_names') STORED;
COMMENT ON COLUMN model_versions.feature_names IS
    'Names of its features, in the order of window_scores.features: from the manifest. NULL if that has none.';

-- `migrate` makes these views anew; they cannot be replaced, because one has other columns now.
DROP VIEW IF EXISTS window_features, feature_positions CASCADE;

COMMENT ON COLUMN window_scores.features IS
    'The features, six decimals, in the order of the row''s own model: see the view feature_positions. NULL in it where '
    'undefined, and NULL in rows from before features were kept.';
