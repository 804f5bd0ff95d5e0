-- A worker that was paused wakes with rows that were never written, while its job goes on elsewhere: what it writes then is
-- older than what stands, and of a connection that has ended nothing newer would come. So a row is not replaced by one from
-- before it. Older is what lies before it in the same partition and was received before it: offsets alone would keep the rows
-- of a topic that was made anew. A model that scores the topic from its start again replaces those of another one.

CREATE OR REPLACE FUNCTION keep_newer_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION keep_newer_row() IS 'Leaves a row as it is; called where it is newer than what would replace it.';

CREATE OR REPLACE TRIGGER connection_verdicts_newest_stays BEFORE UPDATE ON connection_verdicts
FOR EACH ROW WHEN (
    NEW.kafka_partition = OLD.kafka_partition
    AND NEW.last_offset < OLD.last_offset
    AND NEW.last_window_end_at < OLD.last_window_end_at
    AND NEW.model_version = OLD.model_version
) EXECUTE FUNCTION keep_newer_row();

CREATE OR REPLACE TRIGGER connection_activity_newest_stays BEFORE UPDATE ON connection_activity
FOR EACH ROW WHEN (
    NEW.kafka_partition = OLD.kafka_partition
    AND NEW.last_offset < OLD.last_offset
    AND NEW.last_recv_at < OLD.last_recv_at
) EXECUTE FUNCTION keep_newer_row();
