CREATE OR REPLACE VIEW feature_positions AS
SELECT model_version,
       position::integer,
       feature
FROM model_versions
CROSS JOIN LATERAL jsonb_array_elements_text(feature_names) WITH ORDINALITY AS features (feature, position);

COMMENT ON VIEW feature_positions IS
    'One row per model and feature: where window_scores.features has it in the rows of that model. None of a model that is '
    'not in model_versions.';
COMMENT ON COLUMN feature_positions.model_version IS 'The model.';
COMMENT ON COLUMN feature_positions.position IS 'Index in the array, from 1.';
COMMENT ON COLUMN feature_positions.feature IS 'The feature''s name.';
