CREATE OR REPLACE VIEW verdict_events AS
SELECT connection_id,
       kind,
       previous_verdict                           AS previous_exchange,
       verdict                                    AS detected_exchange,
       declared_exchange,
       since_at,
       detected_at,
       messages,
       windows,
       strength_nats,
       probability,
       reasons ->> 'against'                      AS against_exchange,
       reasons -> 'reasons' -> 0 ->> 'text'       AS reason,
       reasons,
       signature,
       model_version,
       written_at
FROM connection_events;

COMMENT ON VIEW verdict_events IS
    'One row per change of what is certain of a connection, or of what it declares: filter by detected_at, which is indexed.';
COMMENT ON COLUMN verdict_events.connection_id IS 'One session of one connection.';
COMMENT ON COLUMN verdict_events.kind IS
    'named: certain, and nothing else is declared. mismatch: another known exchange than declared. unknown venue: no known one.';
COMMENT ON COLUMN verdict_events.previous_exchange IS 'What was certain until then; NULL if nothing was.';
COMMENT ON COLUMN verdict_events.detected_exchange IS 'What is certain from then on: an exchange, or unknown.';
COMMENT ON COLUMN verdict_events.declared_exchange IS 'What the connection claims to be; NULL if nothing.';
COMMENT ON COLUMN verdict_events.since_at IS 'When it began, by the evidence.';
COMMENT ON COLUMN verdict_events.detected_at IS 'Receive time of the last message of the window that decided.';
COMMENT ON COLUMN verdict_events.messages IS 'Messages of the connection up to then.';
COMMENT ON COLUMN verdict_events.windows IS 'Windows whose evidence decided.';
COMMENT ON COLUMN verdict_events.strength_nats IS
    'Evidence for it above that for any other class, as a logarithm: 2.3 is a factor of 10.';
COMMENT ON COLUMN verdict_events.probability IS 'That detected_exchange is right, 0 to 1.';
COMMENT ON COLUMN verdict_events.against_exchange IS 'The class that the reasons tell it from: the declared one, or the runner-up.';
COMMENT ON COLUMN verdict_events.reason IS 'What speaks most for it in the deciding window, in words; NULL for kind named.';
COMMENT ON COLUMN verdict_events.reasons IS 'All of the explanation; see connection_events.reasons.';
COMMENT ON COLUMN verdict_events.signature IS 'Short description of the behaviour in its last 16 windows.';
COMMENT ON COLUMN verdict_events.model_version IS 'The model that decided.';
COMMENT ON COLUMN verdict_events.written_at IS 'When the row was first written, by the clock of the database.';
