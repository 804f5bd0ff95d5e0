CREATE OR REPLACE VIEW connection_alerts AS
SELECT verdicts.connection_id,
       event.kind,
       verdicts.declared_exchange,
       verdicts.verdict                            AS detected_exchange,
       verdicts.probability,
       verdicts.strength_nats,
       event.since_at,
       event.detected_at,
       event.reasons -> 'reasons' -> 0 ->> 'text'  AS reason,
       event.reasons,
       verdicts.signature,
       verdicts.last_window_end_at                 AS last_seen_at,
       verdicts.model_version
FROM connection_verdicts AS verdicts
CROSS JOIN LATERAL (
    SELECT kind, since_at, detected_at, reasons
    FROM connection_events
    WHERE connection_id = verdicts.connection_id AND model_version = verdicts.model_version
    ORDER BY kafka_partition DESC, last_offset DESC
    LIMIT 1
) AS event
WHERE verdicts.certainty = 'certain'
  AND (verdicts.verdict = 'unknown' OR verdicts.verdict <> verdicts.declared_exchange)
ORDER BY event.detected_at DESC, verdicts.connection_id COLLATE "C";

COMMENT ON VIEW connection_alerts IS
    'One row per connection that is now certain to be another exchange than it declares, or no known one; newest first.';
COMMENT ON COLUMN connection_alerts.connection_id IS 'One session of one connection.';
COMMENT ON COLUMN connection_alerts.kind IS 'mismatch or unknown venue, by its latest event.';
COMMENT ON COLUMN connection_alerts.declared_exchange IS 'What the connection claims to be; NULL if nothing.';
COMMENT ON COLUMN connection_alerts.detected_exchange IS 'What it behaves like, or unknown.';
COMMENT ON COLUMN connection_alerts.probability IS 'That detected_exchange is right, 0 to 1, by the latest window that upheld it.';
COMMENT ON COLUMN connection_alerts.strength_nats IS
    'Evidence for it above that for any other class, as a logarithm: 2.3 is a factor of 10; by the same window.';
COMMENT ON COLUMN connection_alerts.since_at IS 'When it began, by the evidence.';
COMMENT ON COLUMN connection_alerts.detected_at IS 'Receive time of the last message of the window that decided.';
COMMENT ON COLUMN connection_alerts.reason IS 'What speaks most for it in that window, in words.';
COMMENT ON COLUMN connection_alerts.reasons IS 'All of the explanation; see connection_events.reasons.';
COMMENT ON COLUMN connection_alerts.signature IS 'Short description of the behaviour in its last 16 windows.';
COMMENT ON COLUMN connection_alerts.last_seen_at IS 'Receive time of the last message of its last window.';
COMMENT ON COLUMN connection_alerts.model_version IS 'The model that decided.';
