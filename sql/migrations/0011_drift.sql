-- Drift is found by the job.

-- It had other columns; `migrate` makes anew what reads it, but for drift_alerts, which is no more.
DROP VIEW IF EXISTS drifting_connections CASCADE;

ALTER TABLE health_events
    ADD COLUMN IF NOT EXISTS rate_before double precision,
    ADD COLUMN IF NOT EXISTS rate_now    double precision,
    ADD COLUMN IF NOT EXISTS score       double precision,
    DROP CONSTRAINT IF EXISTS health_events_kind_is_known,
    ADD CONSTRAINT health_events_kind_is_known
        CHECK (kind IN ('gap', 'repeat', 'reset', 'stall', 'data_stall', 'heartbeat_stall', 'drift'));

-- `alerts` asks for it every few seconds, however many other faults there are.
CREATE INDEX IF NOT EXISTS health_events_drift_idx ON health_events (detected_at) WHERE kind = 'drift';

COMMENT ON COLUMN health_events.kind IS
    'gap, repeat, reset: the sequence numbers break what they have kept long enough, forwards, not at all, or backwards. '
    'stall: nothing came. data_stall: only heartbeats came. heartbeat_stall: steady heartbeats ended while data came. '
    'drift: the rate is no longer that of the connection''s own earlier windows.';
COMMENT ON COLUMN health_events.since_at IS
    'Receive time of the last good message: the last numbered one, the last one, the last one with data, the last '
    'heartbeat, or for drift the last one of a window, up to 64 windows back, before the rate changed.';
COMMENT ON COLUMN health_events.rate_before IS
    'Typical messages per second before: geometric mean over 25 messages each, of 64 to 383 windows back at most; NULL '
    'but for drift.';
COMMENT ON COLUMN health_events.rate_now IS 'The same since then; NULL but for drift.';
COMMENT ON COLUMN health_events.score IS
    'How far the last 32 windows are from before, in units of how much 32 windows of this connection differed then, as a '
    'standard normal deviate: above 3; NULL but for drift.';
