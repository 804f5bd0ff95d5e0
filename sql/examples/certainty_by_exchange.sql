-- How sure are we, exchange by exchange?
--
--   ./fingerprint psql -f sql/examples/certainty_by_exchange.sql
--   ./fingerprint psql -v hours=72 -f sql/examples/certainty_by_exchange.sql
--
-- messages_needed is the median number of messages after which a connection was certain.
-- hours: connections that were last seen longer ago are left out.

\if :{?hours} \else \set hours 24 \endif

SELECT detected_exchange                                                            AS exchange,
       count(*)                                                                     AS connections,
       count(*) FILTER (WHERE certainty = 'certain')                                AS certain,
       count(*) FILTER (WHERE certainty = 'likely')                                 AS likely,
       count(*) FILTER (WHERE certainty = 'undecided')                              AS undecided,
       round(avg(probability) FILTER (WHERE certainty = 'certain')::numeric, 4)     AS mean_probability,
       round(min(probability) FILTER (WHERE certainty = 'certain')::numeric, 4)     AS least_probability,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY certain_after_messages)          AS messages_needed,
       count(*) FILTER (WHERE declared_exchange = detected_exchange)                AS declare_it
FROM connection_status
WHERE last_seen_at > now() - make_interval(hours => :hours)
GROUP BY detected_exchange
ORDER BY connections DESC, exchange;
