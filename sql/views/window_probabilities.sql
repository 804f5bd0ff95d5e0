CREATE OR REPLACE VIEW window_probabilities AS
SELECT connection_id,
       window_end_at,
       declared_exchange,
       model_version,
       class.name                          AS exchange,
       class.probability::double precision AS probability
FROM window_scores
CROSS JOIN LATERAL jsonb_each_text(probabilities) AS class (name, probability);

COMMENT ON VIEW window_probabilities IS
    'One row per scored window and class, for charts over time: filter by connection_id or by window_end_at, which is indexed.';
COMMENT ON COLUMN window_probabilities.connection_id IS 'One session of one connection.';
COMMENT ON COLUMN window_probabilities.window_end_at IS 'Local receive time of the window''s last message.';
COMMENT ON COLUMN window_probabilities.declared_exchange IS 'What the connection claims to be; NULL if it claims nothing.';
COMMENT ON COLUMN window_probabilities.model_version IS 'The model that scored the window.';
COMMENT ON COLUMN window_probabilities.exchange IS 'A class of that model: an exchange, or unknown.';
COMMENT ON COLUMN window_probabilities.probability IS 'That the window is of this class, 0 to 1; over the classes they add up to 1.';
