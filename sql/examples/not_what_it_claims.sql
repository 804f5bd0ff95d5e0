-- This morning: what is not what it claims to be?
--
--   ./fingerprint psql -f sql/examples/not_what_it_claims.sql
--   ./fingerprint psql -v hours=72 -f sql/examples/not_what_it_claims.sql
--
-- hours: connections that were last seen longer ago are left out.

\if :{?hours} \else \set hours 24 \endif

SELECT connection_id,
       declared_exchange                      AS declares,
       detected_exchange                      AS behaves_like,
       since_at                               AS since,
       round(probability::numeric, 4)         AS probability,
       reason,
       last_seen_at                           AS last_seen
FROM connection_alerts
WHERE kind = 'mismatch'
  AND last_seen_at > now() - make_interval(hours => :hours)
ORDER BY last_seen_at DESC, connection_id;
