-- What was lost of the sequence numbers, by venue and day?
--
--   ./fingerprint psql -f sql/examples/sequence_losses.sql
--   ./fingerprint psql -v days=30 -f sql/examples/sequence_losses.sql
--
-- The venue is what the connection behaves like, if that is known by now, else what it declares. Days are UTC.
-- days: how many, today's included.

\if :{?days} \else \set days 7 \endif

SELECT (health.detected_at AT TIME ZONE 'UTC')::date                                       AS day,
       coalesce(nullif(status.detected_exchange, 'unknown'), health.declared_exchange, 'unknown') AS venue,
       count(DISTINCT health.connection_id)                                                AS connections,
       count(*) FILTER (WHERE health.kind = 'gap')                                         AS gaps,
       coalesce(sum(health.n_missing), 0)                                                  AS numbers_missing,
       count(*) FILTER (WHERE health.kind = 'repeat')                                      AS repeats,
       count(*) FILTER (WHERE health.kind = 'reset')                                       AS resets
FROM connection_health AS health
LEFT JOIN connection_status AS status USING (connection_id)
WHERE health.kind IN ('gap', 'repeat', 'reset')
  AND health.detected_at >= date_trunc('day', now(), 'UTC') - make_interval(days => :days - 1)
GROUP BY day, venue
ORDER BY day DESC, venue;
