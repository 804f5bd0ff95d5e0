-- Who was silent last night, and how long?
--
--   ./fingerprint psql -f sql/examples/silences.sql
--   ./fingerprint psql -v from='2026-11-22 18:00+00' -v to='2026-11-23 08:00+00' -f sql/examples/silences.sql
--
-- Silences that overlap the time between from and to, the longest first: those that are over and, if they have not been
-- told since then, those that go on. Without from and to, the last 12 hours.

\if :{?from} \else
    SELECT now() - interval '12 hours' AS "from" \gset
\endif
\if :{?to} \else
    SELECT now() AS "to" \gset
\endif

SELECT connection_id,
       declared_exchange                       AS declares,
       what,
       since_at                                AS since,
       until_at                                AS until,
       round(silence_s::numeric, 1)            AS seconds,
       round(limit_s::numeric, 1)              AS allowed
FROM (
    SELECT connection_id, declared_exchange, kind AS what, since_at, detected_at AS until_at, silence_s, limit_s
    FROM connection_health
    WHERE kind IN ('stall', 'data_stall', 'heartbeat_stall')
      AND detected_at >= :'from'
    UNION ALL
    SELECT connection_id, declared_exchange, 'still silent', since_at, NULL, silence_s, limit_s
    FROM silent_connections
) AS silences
WHERE since_at < :'to'
ORDER BY silence_s DESC, connection_id;
