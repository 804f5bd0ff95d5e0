-- One word for each thing, and the field's: the short string is a signature, what no known exchange explains is an unknown
-- venue, what was sent again is a record.

-- `migrate` makes these views anew; they cannot be replaced, because a column of theirs has another name now.
DROP VIEW IF EXISTS connection_status, connection_alerts, scored_windows, verdict_events, dead_letter_reasons CASCADE;

DO $$
DECLARE
    holder regclass;
BEGIN
    FOR holder IN
        SELECT attrelid
        FROM pg_attribute
        WHERE attrelid IN ('window_scores'::regclass, 'connection_verdicts'::regclass, 'connection_events'::regclass)
          AND attname = 'fingerprint' AND NOT attisdropped
    LOOP
        EXECUTE format('ALTER TABLE %s RENAME COLUMN fingerprint TO signature', holder);
    END LOOP;
    IF to_regclass('redriven_letters') IS NOT NULL THEN
        ALTER TABLE redriven_letters RENAME CONSTRAINT redriven_letters_pkey TO redriven_records_pkey;
        ALTER TABLE redriven_letters RENAME TO redriven_records;
    END IF;
END
$$;

COMMENT ON COLUMN window_scores.unknown_score IS 'How little the window looks like any known exchange; larger is less like one.';
COMMENT ON COLUMN window_scores.signature IS
    'Short description of the behaviour in this window; NULL in rows from before there were signatures.';

ALTER TABLE connection_events DROP CONSTRAINT IF EXISTS connection_events_kind_is_known;
UPDATE connection_events SET kind = 'unknown_venue' WHERE kind = 'stranger';
ALTER TABLE connection_events
    ADD CONSTRAINT connection_events_kind_is_known CHECK (kind IN ('named', 'mismatch', 'unknown_venue'));
COMMENT ON COLUMN connection_events.kind IS
    'named: certain, and nothing else is declared. mismatch: another known exchange than declared. unknown_venue: no known one.';

COMMENT ON COLUMN redriven_records.kafka_partition IS 'Partition of raw_messages that the record was in at first.';

COMMENT ON TABLE dead_letters IS
    'One row per invalid record of raw_messages. Its bytes are in raw_messages_dlq. Everything but seen_at is a function of '
    'the topic.';
COMMENT ON COLUMN dead_letters.reason IS 'Why it is invalid: of several faults the first that is looked for.';
COMMENT ON COLUMN health_events.messages IS 'Messages of the connection up to then, since its last idle gap.';
COMMENT ON COLUMN connection_activity.messages IS 'Messages of the connection up to then, since its last idle gap.';
