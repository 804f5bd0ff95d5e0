-- Which strangers are there, and what do they resemble?
--
--   ./fingerprint psql -f sql/examples/strangers.sql
--   ./fingerprint psql -v hours=72 -f sql/examples/strangers.sql
--
-- A stranger is certain to be no exchange that the model knows. It resembles the known one that its windows are most
-- probably of, in the mean of all that are kept; a probability of nearly 0 says that it resembles none.
-- hours: connections that were last seen longer ago are left out.

\if :{?hours} \else \set hours 24 \endif

SELECT stranger.connection_id,
       stranger.declared_exchange             AS declares,
       stranger.since_at                      AS since,
       likest.exchange                        AS resembles,
       round(likest.probability::numeric, 4)  AS mean_probability,
       likest.windows,
       stranger.reason,
       stranger.fingerprint
FROM connection_alerts AS stranger
CROSS JOIN LATERAL (
    SELECT exchange, avg(probability) AS probability, count(*) AS windows
    FROM window_probabilities
    WHERE connection_id = stranger.connection_id
      AND exchange <> 'unknown'
    GROUP BY exchange
    ORDER BY probability DESC, exchange
    LIMIT 1
) AS likest
WHERE stranger.kind = 'stranger'
  AND stranger.last_seen_at > now() - make_interval(hours => :hours)
ORDER BY stranger.last_seen_at DESC, stranger.connection_id;
