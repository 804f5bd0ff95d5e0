CREATE OR REPLACE VIEW exchange_activity AS
SELECT date_bin('1 minute', window_end_at, timestamptz 'epoch') AS minute_at,
       predicted_exchange                                       AS detected_exchange,
       count(*)                                                 AS windows,
       count(DISTINCT connection_id)                            AS connections,
       avg(confidence)                                          AS mean_confidence
FROM window_scores
GROUP BY minute_at, detected_exchange;

COMMENT ON VIEW exchange_activity IS 'What was seen of each exchange, minute by minute of receive time.';
COMMENT ON COLUMN exchange_activity.minute_at IS 'Start of the minute in which the windows ended.';
COMMENT ON COLUMN exchange_activity.detected_exchange IS 'The class that these windows look like, or unknown.';
COMMENT ON COLUMN exchange_activity.windows IS 'Windows of this class.';
COMMENT ON COLUMN exchange_activity.connections IS 'Connections that had such windows.';
COMMENT ON COLUMN exchange_activity.mean_confidence IS 'Mean of the windows'' confidences, 0 to 1.';
