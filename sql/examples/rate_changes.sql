-- Which connections changed their rate?
--
--   ./fingerprint psql -f sql/examples/rate_changes.sql
--   ./fingerprint psql -v minutes=1440 -v factor=2 -f sql/examples/rate_changes.sql
--
-- The changes of the alert `drift`, each connection's latest: against its own earlier windows, by how unsteady it has been
-- itself (docs/verdicts.md). The alert is of the last hour; here it may be longer.
-- factor: how much faster or slower a connection must have become.

\if :{?minutes} \else \set minutes 60 \endif
\if :{?factor} \else \set factor 1 \endif

SELECT connection_id,
       detected_exchange                              AS exchange,
       round(rate_before::numeric, 2)                 AS messages_per_second_before,
       round(rate_now::numeric, 2)                    AS messages_per_second_now,
       round((rate_now / rate_before)::numeric, 2)    AS ratio,
       date_trunc('second', latest.since_at)          AS since_at
FROM (
    SELECT DISTINCT ON (connection_id) connection_id, rate_before, rate_now, since_at
    FROM connection_health
    WHERE kind = 'drift' AND detected_at > now() - make_interval(mins => :minutes)
    ORDER BY connection_id, detected_at DESC
) AS latest
JOIN connection_status USING (connection_id)
WHERE greatest(rate_now / rate_before, rate_before / rate_now) >= :factor
ORDER BY abs(ln(rate_now / rate_before)) DESC, connection_id;
