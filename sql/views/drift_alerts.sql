-- Apart from `alerts` because it takes long: hundreds of windows of every connection are compared.
CREATE OR REPLACE VIEW drift_alerts AS
SELECT 'drift'     AS rule,
       'warning'   AS severity,
       connection_id AS subject,
       declared_exchange,
       detected_exchange,
       since_at,
       score       AS value,
       score_limit AS limit_value,
       format('Its rate is %s messages/s, %s times the %s of before, since %s UTC; so is that of %s others of %s',
              round(now::numeric, 1), round(ratio::numeric, 2), round(before::numeric, 1),
              to_char(since_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), others, detected_exchange) AS summary,
       'drift'     AS runbook
FROM drifting_connections
ORDER BY since_at DESC, connection_id COLLATE "C";

COMMENT ON VIEW drift_alerts IS
    'One row per connection whose rate has drifted from its own earlier windows, with the columns of alerts; latest first. '
    'It takes some milliseconds for every connection that is alive: ask it every few minutes.';
COMMENT ON COLUMN drift_alerts.rule IS 'drift.';
COMMENT ON COLUMN drift_alerts.severity IS 'warning: somebody has to look.';
COMMENT ON COLUMN drift_alerts.subject IS 'The connection''s id.';
COMMENT ON COLUMN drift_alerts.declared_exchange IS 'What the connection claims to be; NULL if nothing.';
COMMENT ON COLUMN drift_alerts.detected_exchange IS 'The verdict on its windows.';
COMMENT ON COLUMN drift_alerts.since_at IS 'When it began, by the best split of its windows into before and after.';
COMMENT ON COLUMN drift_alerts.value IS 'How far the rate is from before, in units of how much it differed then.';
COMMENT ON COLUMN drift_alerts.limit_value IS 'What the value may be at most.';
COMMENT ON COLUMN drift_alerts.summary IS 'A sentence with the numbers, to be read after the subject.';
COMMENT ON COLUMN drift_alerts.runbook IS 'The section in docs/runbook.md.';
