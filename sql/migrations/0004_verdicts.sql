-- What a connection's windows say together, and every change of it.

ALTER TABLE window_scores ADD COLUMN IF NOT EXISTS fingerprint text;
COMMENT ON COLUMN window_scores.fingerprint IS
    'Short description of the behaviour in this window; NULL in rows from before there were fingerprints.';

-- Its columns change; `migrate` makes it anew from sql/views.
DROP VIEW IF EXISTS connection_status;

-- Rows are updated in place again and again: half of each page is left free for that, and no index but the key is kept.
CREATE TABLE IF NOT EXISTS connection_verdicts (
    connection_id          text             NOT NULL,
    declared_exchange      text,
    verdict                text             NOT NULL,
    certainty              text             NOT NULL,
    probability            double precision NOT NULL,
    strength_nats          double precision NOT NULL,
    windows                bigint           NOT NULL,
    messages               bigint           NOT NULL,
    certain_after_messages bigint,
    since_at               timestamptz,
    since_offset           bigint,
    previous_verdict       text,
    kafka_partition        integer          NOT NULL,
    last_offset            bigint           NOT NULL,
    last_window_end_at     timestamptz      NOT NULL,
    fingerprint            text             NOT NULL,
    model_version          text             NOT NULL,
    updated_at             timestamptz      NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT connection_verdicts_pkey PRIMARY KEY (connection_id),
    CONSTRAINT connection_verdicts_certainty_is_known CHECK (certainty IN ('certain', 'likely', 'undecided')),
    CONSTRAINT connection_verdicts_probability_is_one CHECK (probability BETWEEN 0 AND 1)
) WITH (fillfactor = 50);

COMMENT ON TABLE connection_verdicts IS
    'One row per connection, brought up to date by each of its windows. Everything but updated_at is a function of the '
    'topic and the model version.';
COMMENT ON COLUMN connection_verdicts.connection_id IS 'One session of one connection; a reconnect gets a new id.';
COMMENT ON COLUMN connection_verdicts.declared_exchange IS
    'What the connection claims to be, by its latest window; NULL if nothing.';
COMMENT ON COLUMN connection_verdicts.verdict IS
    'The first class that was decisive, until another one led by so much more that it overturned it; before one was, the '
    'class that leads clearly; else unknown.';
COMMENT ON COLUMN connection_verdicts.certainty IS
    'certain: a class has been decisive, with the error bound of the model. likely: one only leads. undecided: none does.';
COMMENT ON COLUMN connection_verdicts.probability IS 'That the verdict is right, 0 to 1, calibrated on held-out sessions.';
COMMENT ON COLUMN connection_verdicts.strength_nats IS
    'Evidence for the verdict above that for any other class, as a logarithm: 2.3 is a factor of 10. Of the latest window '
    'that made or upheld the verdict, or of now if it is only likely.';
COMMENT ON COLUMN connection_verdicts.windows IS 'Windows of the connection so far.';
COMMENT ON COLUMN connection_verdicts.messages IS
    'Its messages up to the end of its last window. Up to 24 newer ones wait for their window.';
COMMENT ON COLUMN connection_verdicts.certain_after_messages IS
    'Its messages when a class was first decisive; NULL until one is.';
COMMENT ON COLUMN connection_verdicts.since_at IS
    'Since when it has behaved like this, by the evidence: receive time of the first message; NULL if undecided.';
COMMENT ON COLUMN connection_verdicts.since_offset IS 'Offset of that message in its partition.';
COMMENT ON COLUMN connection_verdicts.previous_verdict IS 'The verdict that was certain before this one; NULL if none was.';
COMMENT ON COLUMN connection_verdicts.kafka_partition IS 'Partition of raw_messages that the connection comes from.';
COMMENT ON COLUMN connection_verdicts.last_offset IS 'Offset of the last window''s last message in that partition.';
COMMENT ON COLUMN connection_verdicts.last_window_end_at IS 'Local receive time of that message.';
COMMENT ON COLUMN connection_verdicts.fingerprint IS 'Short description of the behaviour in the last 16 windows.';
COMMENT ON COLUMN connection_verdicts.model_version IS 'The model that scored the last window; see model_versions.';
COMMENT ON COLUMN connection_verdicts.updated_at IS 'When the row was last written, by the clock of the job.';

CREATE TABLE IF NOT EXISTS connection_events (
    connection_id     text             NOT NULL,
    kafka_partition   integer          NOT NULL,
    last_offset       bigint           NOT NULL,
    kind              text             NOT NULL,
    previous_verdict  text,
    verdict           text             NOT NULL,
    declared_exchange text,
    since_at          timestamptz      NOT NULL,
    since_offset      bigint           NOT NULL,
    detected_at       timestamptz      NOT NULL,
    messages          bigint           NOT NULL,
    windows           bigint           NOT NULL,
    strength_nats     double precision NOT NULL,
    probability       double precision NOT NULL,
    reasons           jsonb,
    fingerprint       text             NOT NULL,
    model_version     text             NOT NULL,
    written_at        timestamptz      NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT connection_events_pkey PRIMARY KEY (connection_id, kafka_partition, last_offset, kind),
    CONSTRAINT connection_events_kind_is_known CHECK (kind IN ('named', 'mismatch', 'stranger')),
    CONSTRAINT connection_events_probability_is_one CHECK (probability BETWEEN 0 AND 1),
    CONSTRAINT connection_events_reasons_is_an_object CHECK (jsonb_typeof(reasons) = 'object')
);

CREATE INDEX IF NOT EXISTS connection_events_detected_at_idx ON connection_events (detected_at);

COMMENT ON TABLE connection_events IS
    'One row whenever what is certain of a connection, or what it declares while certain, has changed. Everything but '
    'written_at is a function of the topic and the model version.';
COMMENT ON COLUMN connection_events.connection_id IS 'One session of one connection; a reconnect gets a new id.';
COMMENT ON COLUMN connection_events.kafka_partition IS 'Partition of raw_messages that the connection comes from.';
COMMENT ON COLUMN connection_events.last_offset IS 'Offset of the deciding window''s last message in that partition.';
COMMENT ON COLUMN connection_events.kind IS
    'named: certain, and nothing else is declared. mismatch: another known exchange than declared. stranger: no known one.';
COMMENT ON COLUMN connection_events.previous_verdict IS
    'What was certain until then; NULL if nothing was, the verdict itself if only the declaration changed.';
COMMENT ON COLUMN connection_events.verdict IS 'What is certain from then on.';
COMMENT ON COLUMN connection_events.declared_exchange IS 'What the connection claims to be; NULL if nothing.';
COMMENT ON COLUMN connection_events.since_at IS
    'When it began, by the evidence: receive time of the first message of the windows that decided.';
COMMENT ON COLUMN connection_events.since_offset IS 'Offset of that message in its partition.';
COMMENT ON COLUMN connection_events.detected_at IS 'Local receive time of the deciding window''s last message.';
COMMENT ON COLUMN connection_events.messages IS 'Messages of the connection up to then.';
COMMENT ON COLUMN connection_events.windows IS 'Windows whose evidence decided.';
COMMENT ON COLUMN connection_events.strength_nats IS
    'Evidence for the verdict above that for any other class, as a logarithm: 2.3 is a factor of 10.';
COMMENT ON COLUMN connection_events.probability IS 'That the verdict is right, 0 to 1, calibrated on held-out sessions.';
COMMENT ON COLUMN connection_events.reasons IS
    'NULL for kind named. What in the deciding window speaks for the verdict and against the declared exchange, or the runner-up: {"against", '
    '"margin_nats", "bias_nats", "other_nats", "reasons": [{"feature", "value", "contribution_nats", "text"}, ...]}; the '
    'contributions, other_nats and bias_nats add up to margin_nats.';
COMMENT ON COLUMN connection_events.fingerprint IS 'Short description of the behaviour in the last 16 windows.';
COMMENT ON COLUMN connection_events.model_version IS 'The model that decided; see model_versions.';
COMMENT ON COLUMN connection_events.written_at IS 'When the row was first written, by the clock of the database.';

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
    -- A recording is old when it arrives: its rows stay for the retention from when they were scored.
    DELETE FROM window_scores_default WHERE window_end_at < now_at - retention AND scored_at < now_at - retention;
    DELETE FROM connection_events WHERE detected_at < now_at - retention AND written_at < now_at - retention;
    DELETE FROM connection_verdicts WHERE last_window_end_at < now_at - retention AND updated_at < now_at - retention;
END
$$;

COMMENT ON FUNCTION drop_old_partitions(interval, timestamptz) IS
    'Drops the monthly partitions that ended longer than retention before now_at and returns their names; deletes from '
    'the default partition, the verdicts and the events what both ended and was written before then.';
