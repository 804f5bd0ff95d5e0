-- What scored which window?
--
--   ./fingerprint psql -f sql/examples/models.sql
--   ./fingerprint psql -v days=90 -f sql/examples/models.sql
--
-- Each model that has scored windows of these days, and since when it is the one that scores new ones; several rows
-- of from_offset are its partitions'.
-- days: how far back the windows go.

\if :{?days} \else \set days 7 \endif

SELECT scored.model_version                                 AS model,
       scored.windows,
       scored.connections,
       scored.first_at                                      AS first_window,
       scored.last_at                                       AS last_window,
       schedule.topic,
       schedule.kafka_partition                             AS partition,
       schedule.from_offset,
       schedule.activated_at                                AS activated
FROM (
    SELECT model_version,
           count(*)                      AS windows,
           count(DISTINCT connection_id) AS connections,
           min(window_end_at)            AS first_at,
           max(window_end_at)            AS last_at
    FROM scored_windows
    WHERE window_end_at > now() - make_interval(days => :days)
    GROUP BY model_version
) AS scored
LEFT JOIN model_schedule AS schedule USING (model_version)
ORDER BY scored.last_at DESC, scored.model_version, schedule.topic, schedule.kafka_partition NULLS FIRST;
