-- Receive times are what producers say. What is now, who is silent, what is new and whose clock is wrong goes by when the
-- database wrote a row.

ALTER TABLE connection_activity
    ADD COLUMN IF NOT EXISTS began_at     timestamptz,
    ADD COLUMN IF NOT EXISTS written_at   timestamptz,
    ADD COLUMN IF NOT EXISTS lag_s        double precision,
    ADD COLUMN IF NOT EXISTS lag_since_at timestamptz,
    ADD COLUMN IF NOT EXISTS lag_before_s double precision;

-- Of rows that are there already it is not known. None of them is new, and none is of the future.
UPDATE connection_activity
SET began_at = least(last_recv_at, now()), written_at = least(last_recv_at, now())
WHERE written_at IS NULL;

ALTER TABLE connection_activity
    ALTER COLUMN began_at SET DEFAULT clock_timestamp(),
    ALTER COLUMN began_at SET NOT NULL,
    ALTER COLUMN written_at SET DEFAULT clock_timestamp(),
    ALTER COLUMN written_at SET NOT NULL;

COMMENT ON TABLE connection_activity IS
    'One row per connection, brought up to date by its first message in every two seconds of receive time. Everything but '
    'began_at, written_at and the lags is a function of the topic.';
COMMENT ON COLUMN connection_activity.began_at IS 'When the row was first written, by the clock of the database.';
COMMENT ON COLUMN connection_activity.written_at IS 'When the row was last written, by the clock of the database.';
COMMENT ON COLUMN connection_activity.lag_s IS
    'Shortest time from last_recv_at to written_at since lag_since_at; negative if the clock of who received it is ahead. NULL '
    'until the row is written again.';
COMMENT ON COLUMN connection_activity.lag_since_at IS 'When the minute began that lag_s is of.';
COMMENT ON COLUMN connection_activity.lag_before_s IS 'lag_s of the minute before; NULL if there was none.';

CREATE OR REPLACE FUNCTION note_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RETURN NEW;
END
$$;

-- Behind connection_activity_newest_stays, by its name: what is not written leaves no trace. Nor does what is written again,
-- by a job that fails again and again.
CREATE OR REPLACE TRIGGER connection_activity_notes_write BEFORE UPDATE ON connection_activity
FOR EACH ROW WHEN (
    NEW.kafka_partition <> OLD.kafka_partition
    OR NEW.last_offset <> OLD.last_offset
    OR NEW.last_recv_at <> OLD.last_recv_at
) EXECUTE FUNCTION note_write();

-- Neither index keeps rows from being updated in place: what they are of does not change, or hardly ever.
CREATE INDEX IF NOT EXISTS connection_activity_began_at_idx ON connection_activity (began_at);
CREATE INDEX IF NOT EXISTS connection_verdicts_suspicious_idx ON connection_verdicts (connection_id)
    WHERE certainty = 'certain' AND (verdict = 'unknown' OR verdict <> declared_exchange);
CREATE INDEX IF NOT EXISTS health_events_written_at_idx ON health_events (written_at);
