-- Which unknown venues are there, and what do they resemble?
--
--   ./fingerprint psql -f sql/examples/unknown_venues.sql
--   ./fingerprint psql -v hours=72 -f sql/examples/unknown_venues.sql
--
-- An unknown venue is certain to be no exchange that the model knows. It resembles the known one that its windows are most
-- probably of, in the mean of all that are kept; a probability of nearly 0 says that it resembles none.
-- hours: connections that were last seen longer ago are left out.

\if :{?hours} \else \set hours 24 \endif

SELECT venue.connection_id,
       venue.declared_exchange             AS declares,
       venue.since_at                      AS since,
       likest.exchange                        AS resembles,
       round(likest.probability::numeric, 4)  AS mean_probability,
       likest.windows,
       venue.reason,
       venue.signature
FROM connection_alerts AS venue
CROSS JOIN LATERAL (
    SELECT exchange, avg(probability) AS probability, count(*) AS windows
    FROM window_probabilities
    WHERE connection_id = venue.connection_id
      AND exchange <> 'unknown'
    GROUP BY exchange
    ORDER BY probability DESC, exchange
    LIMIT 1
) AS likest
WHERE venue.kind = 'unknown_venue'
  AND venue.last_seen_at > now() - make_interval(hours => :hours)
ORDER BY venue.last_seen_at DESC, venue.connection_id;
