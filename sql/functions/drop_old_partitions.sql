CREATE OR REPLACE FUNCTION drop_old_partitions(retention interval, now_at timestamptz DEFAULT now()) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    partition text;
BEGIN
    FOR partition IN
        SELECT child.relname
        FROM pg_inherits JOIN pg_class AS child ON child.oid = pg_inherits.inhrelid
        WHERE pg_inherits.inhparent = 'window_scores'::regclass
          AND child.relname ~ '^window_scores_\d{4}_\d{2}$'
          AND (to_date(right(child.relname, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC' <= now_at - retention
        ORDER BY child.relname
    LOOP
        EXECUTE format('DROP TABLE %I', partition);
        RETURN NEXT partition;
    END LOOP;
    -- A recording is old when it arrives: its rows stay for the retention from when they were scored. So do those of a
    -- clock that is ahead, whose time would come in years.
    DELETE FROM window_scores_default WHERE window_end_at < now_at - retention AND scored_at < now_at - retention;
    DELETE FROM window_scores WHERE window_end_at > now_at AND scored_at < now_at - retention;
    DELETE FROM connection_events
    WHERE (detected_at < now_at - retention OR detected_at > now_at) AND written_at < now_at - retention;
    DELETE FROM connection_verdicts
    WHERE (last_window_end_at < now_at - retention OR last_window_end_at > now_at) AND updated_at < now_at - retention;
    DELETE FROM health_events
    WHERE (detected_at < now_at - retention OR detected_at > now_at) AND written_at < now_at - retention;
    DELETE FROM connection_activity AS activity
    WHERE (last_recv_at < now_at - retention OR (last_recv_at > now_at AND written_at < now_at - retention))
      AND NOT EXISTS (SELECT FROM connection_verdicts WHERE connection_id = activity.connection_id);
    DELETE FROM dead_letters WHERE seen_at < now_at - retention;
    DELETE FROM dead_letter_losses WHERE seen_at < now_at - retention;
    DELETE FROM unread_records WHERE noted_at < now_at - retention;
    DELETE FROM topic_changes WHERE noted_at < now_at - retention;
END
$$;

COMMENT ON FUNCTION drop_old_partitions(interval, timestamptz) IS
    'Drops the monthly partitions that ended longer than retention before now_at and returns their names; deletes from '
    'the default partition, the verdicts and the events what both ended and was written before then, what was heard of '
    'connections before then that have no verdict any more, and dead letters, losses of theirs and what was noted of topics '
    'before then. '
    'What has a time that is still to come goes by when it was written.';
