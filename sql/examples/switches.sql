-- When did this connection switch, and why?
--
--   ./fingerprint psql -f sql/examples/switches.sql
--   ./fingerprint psql -v connection=conn-0007 -f sql/examples/switches.sql
--
-- connection: its id; without it, the connection that switched last.

\if :{?connection} \else
    SELECT coalesce((array_agg(connection_id ORDER BY detected_at DESC, connection_id))[1], '') AS connection
    FROM verdict_events
    WHERE previous_exchange <> detected_exchange \gset
\endif

SELECT connection_id,
       coalesce(previous_exchange, 'not certain') AS until_then,
       detected_exchange                          AS from_then_on,
       declared_exchange                          AS declares,
       kind,
       since_at                                   AS since,
       detected_at                                AS noticed,
       messages,
       against_exchange                           AS rather_than,
       reason
FROM verdict_events
WHERE connection_id = :'connection'
ORDER BY detected_at, kind;
