-- `0020_write_times` has the trigger that calls it. Whoever writes written_at himself is taken at his word.
CREATE OR REPLACE FUNCTION note_write() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    new_lag_s double precision;
BEGIN
    IF NEW.written_at = OLD.written_at THEN
        NEW.written_at := clock_timestamp();
    END IF;
    new_lag_s := extract(epoch FROM NEW.written_at - NEW.last_recv_at);
    IF OLD.lag_since_at > NEW.written_at - interval '1 minute' THEN
        NEW.lag_s := least(OLD.lag_s, new_lag_s);
    ELSE
        NEW.lag_before_s := OLD.lag_s;
        NEW.lag_s := new_lag_s;
        NEW.lag_since_at := NEW.written_at;
    END IF;
    RETURN NEW;
END
$$;

COMMENT ON FUNCTION note_write() IS
    'Notes when a row is written, and the shortest time from receipt to that in this minute and the one before.';
