-- How long did results take, hour by hour?
--
--   ./fingerprint psql -f sql/examples/latency_by_hour.sql
--   ./fingerprint psql -v hours=72 -f sql/examples/latency_by_hour.sql
--
-- From the receipt of a window's last message to its row, in milliseconds. Recordings that are replayed with their own
-- times have no meaningful latency: what was received more than a day before it was scored is left out.
-- hours: how many, up to now.

\if :{?hours} \else \set hours 24 \endif

SELECT date_trunc('hour', window_end_at, 'UTC')                              AS hour,
       count(*)                                                              AS windows,
       round(percentile_cont(0.50) WITHIN GROUP (ORDER BY latency_ms)::numeric) AS p50_ms,
       round(percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms)::numeric) AS p95_ms,
       round(percentile_cont(0.99) WITHIN GROUP (ORDER BY latency_ms)::numeric) AS p99_ms,
       round(max(latency_ms)::numeric)                                       AS max_ms
FROM scored_windows
WHERE window_end_at > now() - make_interval(hours => :hours)
  AND latency_ms < 86400000
GROUP BY hour
ORDER BY hour DESC;
