CREATE OR REPLACE VIEW window_features AS
SELECT connection_id,
       window_end_at,
       declared_exchange,
       predicted_exchange AS detected_exchange,
       model_version,
       feature,
       features[position] AS value
FROM window_scores
JOIN feature_positions USING (model_version)
WHERE features IS NOT NULL;

COMMENT ON VIEW window_features IS
    'One row per scored window and feature, of the windows whose features were kept and whose model is in model_versions: '
    'filter by window_end_at, which is indexed, and by feature.';
COMMENT ON COLUMN window_features.connection_id IS 'One session of one connection.';
COMMENT ON COLUMN window_features.window_end_at IS 'Local receive time of the window''s last message.';
COMMENT ON COLUMN window_features.declared_exchange IS 'What the connection claims to be; NULL if it claims nothing.';
COMMENT ON COLUMN window_features.detected_exchange IS 'The class that this one window looks like, or unknown.';
COMMENT ON COLUMN window_features.model_version IS 'The model that scored the window.';
COMMENT ON COLUMN window_features.feature IS 'The feature''s name.';
COMMENT ON COLUMN window_features.value IS 'Its value; NULL where what it measures did not occur in the window.';
