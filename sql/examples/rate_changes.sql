-- Which connections changed their rate?
--
--   ./fingerprint psql -f sql/examples/rate_changes.sql
--   ./fingerprint psql -v minutes=15 -v factor=2 -f sql/examples/rate_changes.sql
--
-- Compares the median rate of a connection's windows in the last minutes with that of the four times as long before
-- them; connections that have fewer than 5 windows in either are left out, for their medians say little.
-- factor: how much faster or slower a connection must have become.

\if :{?minutes} \else \set minutes 60 \endif
\if :{?factor} \else \set factor 1.5 \endif

SELECT connection_id,
       exchange,
       round(before::numeric, 2)         AS messages_per_second_before,
       round(now::numeric, 2)            AS messages_per_second_now,
       round((now / before)::numeric, 2) AS ratio,
       windows_before,
       windows_now
FROM (
    SELECT connection_id,
           (array_agg(detected_exchange ORDER BY window_end_at DESC))[1]                                 AS exchange,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY messages_per_second) FILTER (WHERE NOT is_recent) AS before,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY messages_per_second) FILTER (WHERE is_recent)     AS now,
           count(*) FILTER (WHERE NOT is_recent)                                                         AS windows_before,
           count(*) FILTER (WHERE is_recent)                                                             AS windows_now
    FROM (
        SELECT *, window_end_at > now() - make_interval(mins => :minutes) AS is_recent
        FROM scored_windows
        WHERE window_end_at > now() - make_interval(mins => 5 * :minutes)
    ) AS windows
    GROUP BY connection_id
) AS rates
WHERE least(windows_before, windows_now) >= 5
  AND greatest(now / before, before / now) >= :factor
ORDER BY abs(ln(now / before)) DESC, connection_id;
