CREATE OR REPLACE VIEW scored_windows AS
SELECT connection_id,
       window_start_at,
       window_end_at,
       declared_exchange,
       predicted_exchange                                                                     AS detected_exchange,
       confidence,
       unknown_score,
       49 / nullif(extract(epoch FROM window_end_at - window_start_at), 0)::double precision   AS messages_per_second,
       1000 * extract(epoch FROM scored_at - window_end_at)::double precision                 AS latency_ms,
       model_version,
       scored_at,
       signature
FROM window_scores;

COMMENT ON VIEW scored_windows IS
    'One row per scored window, for charts over time: filter by window_end_at, which is indexed.';
COMMENT ON COLUMN scored_windows.connection_id IS 'One session of one connection.';
COMMENT ON COLUMN scored_windows.window_start_at IS 'Local receive time of the window''s first message.';
COMMENT ON COLUMN scored_windows.window_end_at IS 'Local receive time of the window''s last message.';
COMMENT ON COLUMN scored_windows.declared_exchange IS 'What the connection claims to be; NULL if it claims nothing.';
COMMENT ON COLUMN scored_windows.detected_exchange IS 'The class that this one window looks like, or unknown.';
COMMENT ON COLUMN scored_windows.confidence IS 'Probability of detected_exchange, 0 to 1.';
COMMENT ON COLUMN scored_windows.unknown_score IS 'How little the window looks like any known exchange; larger is less like one.';
COMMENT ON COLUMN scored_windows.messages_per_second IS
    'Rate inside the window: 49 intervals over its duration; NULL if it has none.';
COMMENT ON COLUMN scored_windows.latency_ms IS
    'From the receipt of the window''s last message to its row in the database, in milliseconds; two clocks, if two '
    'machines. Without meaning for a replayed recording.';
COMMENT ON COLUMN scored_windows.model_version IS 'The model that scored the window.';
COMMENT ON COLUMN scored_windows.scored_at IS 'When the row was first written, by the clock of the database.';
COMMENT ON COLUMN scored_windows.signature IS 'Short description of the behaviour in this window.';
