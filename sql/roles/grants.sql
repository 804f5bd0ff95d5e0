-- What each group may do with our tables and functions, and nothing else: `fingerprint migrate` runs it every time, last, as
-- their owner. Rights that somebody gave to one of these groups beside it are taken away again.

DO $$
DECLARE
    held text;
BEGIN
    FOR held IN
        SELECT oid::regclass::text FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v')
          AND relowner = (SELECT relowner FROM pg_class WHERE oid = 'window_scores'::regclass)
        ORDER BY 1
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM fingerprint_job, fingerprint_model_admin, fingerprint_redrive, '
                       'fingerprint_reader', held);
        EXECUTE format('GRANT SELECT ON %s TO fingerprint_reader', held);
    END LOOP;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO fingerprint_job, fingerprint_model_admin, fingerprint_redrive, '
                   'fingerprint_reader', current_schema());
END
$$;

-- Everybody looks whether the schema is that of their version.
GRANT SELECT ON _yoyo_migration TO fingerprint_job, fingerprint_model_admin, fingerprint_redrive;

-- An upsert reads the key that it meets. No row of results is deleted but by the owner, when it is old.
GRANT SELECT, INSERT, UPDATE ON
    window_scores, connection_verdicts, connection_events, health_events, connection_activity, dead_letters
    TO fingerprint_job;
GRANT SELECT, INSERT, UPDATE ON unread_records, topic_changes, dead_letter_losses TO fingerprint_job;
GRANT SELECT ON model_versions, model_activations TO fingerprint_job;

-- `fingerprint submit` notes them, with the job's login or with the model admin's.
GRANT SELECT, INSERT, UPDATE ON read_topics TO fingerprint_job, fingerprint_model_admin;

-- A database has the results of one topic, so who activates a model looks whether there are any.
GRANT SELECT ON
    window_scores, connection_verdicts, connection_events, health_events, connection_activity, dead_letters, model_schedule
    TO fingerprint_model_admin;
GRANT SELECT, INSERT, UPDATE ON model_versions TO fingerprint_model_admin;
GRANT SELECT, INSERT, UPDATE, DELETE ON model_activations TO fingerprint_model_admin;

GRANT SELECT, INSERT, UPDATE, DELETE ON redriven_records TO fingerprint_redrive;
GRANT SELECT, INSERT ON dead_letters TO fingerprint_redrive;
GRANT SELECT ON read_topics TO fingerprint_redrive;

GRANT EXECUTE ON FUNCTION withdraw_overdue_activation(text)
    TO fingerprint_job, fingerprint_model_admin, fingerprint_reader;
GRANT EXECUTE ON FUNCTION forget_replaced_events(text, integer, bigint) TO fingerprint_model_admin;
