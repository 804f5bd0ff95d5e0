-- Each row's features are found by the names of its own model, whose positions are looked up once a query. Neither the
-- features nor the probabilities are looked at for a column that is not asked for.
CREATE OR REPLACE VIEW window_measures AS
SELECT connection_id,
       window_start_at,
       window_end_at,
       declared_exchange,
       predicted_exchange                                                                   AS detected_exchange,
       confidence,
       (
           SELECT max(p) - (array_agg(p ORDER BY p DESC))[2]
           FROM (SELECT value::double precision AS p FROM jsonb_each(probabilities)) AS of_class
       )                                                                                    AS margin,
       unknown_score,
       49 / nullif(extract(epoch FROM window_end_at - window_start_at), 0)::double precision AS messages_per_second,
       -- A median of 0 has no logarithm.
       CASE
           WHEN features[log10_median] IS NOT NULL THEN power(10, features[log10_median]::double precision) * features[p10_p50]
           WHEN features IS NOT NULL AND log10_median IS NOT NULL THEN 0
       END                                                                                  AS interval_p10_us,
       CASE
           WHEN features[log10_median] IS NOT NULL THEN power(10, features[log10_median]::double precision)
           WHEN features IS NOT NULL AND log10_median IS NOT NULL THEN 0
       END                                                                                  AS interval_p50_us,
       power(10, features[log10_median]::double precision) / nullif(features[p50_p90], 0)   AS interval_p90_us,
       features[type_new]                                                                   AS new_share,
       features[type_ack]                                                                   AS ack_share,
       features[type_nack]                                                                  AS nack_share,
       features[type_heartbeat]                                                             AS heartbeat_share,
       features[type_other]                                                                 AS other_share,
       power(10, features[ack_log10_mean]::double precision)                                AS ack_latency_us,
       power(10, features[nack_log10_mean]::double precision)                               AS nack_latency_us,
       features[seq_jump]                                                                   AS seq_jump_share,
       features[seq_backward]                                                               AS seq_backward_share,
       1000 * extract(epoch FROM scored_at - window_end_at)::double precision               AS latency_ms,
       model_version
FROM window_scores
LEFT JOIN (
    SELECT model_version,
           max(position) FILTER (WHERE feature = 'inter_arrival_log10_median_us') AS log10_median,
           max(position) FILTER (WHERE feature = 'inter_arrival_p10_p50_ratio') AS p10_p50,
           max(position) FILTER (WHERE feature = 'inter_arrival_p50_p90_ratio') AS p50_p90,
           max(position) FILTER (WHERE feature = 'type_new_share') AS type_new,
           max(position) FILTER (WHERE feature = 'type_ack_share') AS type_ack,
           max(position) FILTER (WHERE feature = 'type_nack_share') AS type_nack,
           max(position) FILTER (WHERE feature = 'type_heartbeat_share') AS type_heartbeat,
           max(position) FILTER (WHERE feature = 'type_other_share') AS type_other,
           max(position) FILTER (WHERE feature = 'ack_latency_log10_mean_us') AS ack_log10_mean,
           max(position) FILTER (WHERE feature = 'nack_latency_log10_mean_us') AS nack_log10_mean,
           max(position) FILTER (WHERE feature = 'seq_jump_share') AS seq_jump,
           max(position) FILTER (WHERE feature = 'seq_backward_share') AS seq_backward
    FROM feature_positions
    GROUP BY model_version
) AS positions USING (model_version);

COMMENT ON VIEW window_measures IS
    'One row per scored window: how sure the model was of it, and its behaviour in numbers that say something to people. '
    'Filter by window_end_at, which is indexed, and connection_id. What comes from the features is NULL in rows from '
    'before they were kept, of a model that is not in model_versions, or of one that does not have the feature.';
COMMENT ON COLUMN window_measures.connection_id IS 'One session of one connection.';
COMMENT ON COLUMN window_measures.window_start_at IS 'Local receive time of the window''s first message.';
COMMENT ON COLUMN window_measures.window_end_at IS 'Local receive time of the window''s last message.';
COMMENT ON COLUMN window_measures.declared_exchange IS 'What the connection claims to be; NULL if it claims nothing.';
COMMENT ON COLUMN window_measures.detected_exchange IS 'The class that this one window looks like, or unknown.';
COMMENT ON COLUMN window_measures.confidence IS 'Probability of detected_exchange, 0 to 1.';
COMMENT ON COLUMN window_measures.margin IS
    'The largest probability less the second: how clearly the model decided; unknown counts as a class.';
COMMENT ON COLUMN window_measures.unknown_score IS 'How little the window looks like any known exchange; larger is less like one.';
COMMENT ON COLUMN window_measures.messages_per_second IS
    'Rate inside the window: 49 intervals over its duration; NULL if it has none.';
COMMENT ON COLUMN window_measures.interval_p10_us IS
    '10% quantile of the 49 intervals between the window''s messages, in microseconds: the sixth shortest.';
COMMENT ON COLUMN window_measures.interval_p50_us IS 'Their median, in microseconds.';
COMMENT ON COLUMN window_measures.interval_p90_us IS
    'Their 90% quantile, in microseconds: the sixth longest; NULL if the median is 0 or less than a millionth of it.';
COMMENT ON COLUMN window_measures.new_share IS 'Share of NEW among the 50 messages, 0 to 1.';
COMMENT ON COLUMN window_measures.ack_share IS 'Share of ACK.';
COMMENT ON COLUMN window_measures.nack_share IS 'Share of NACK.';
COMMENT ON COLUMN window_measures.heartbeat_share IS 'Share of HEARTBEAT.';
COMMENT ON COLUMN window_measures.other_share IS 'Share of OTHER.';
COMMENT ON COLUMN window_measures.ack_latency_us IS
    'Mean time from a request to its ACK inside the window, in microseconds; NULL if there is none.';
COMMENT ON COLUMN window_measures.nack_latency_us IS 'The same to its NACK.';
COMMENT ON COLUMN window_measures.seq_jump_share IS
    'Share of the steps from one sequence number to the next that leave numbers out; NULL with less than two numbers.';
COMMENT ON COLUMN window_measures.seq_backward_share IS 'Share of those steps that repeat a number or go back.';
COMMENT ON COLUMN window_measures.latency_ms IS
    'From the receipt of the window''s last message to its row in the database, in milliseconds; two clocks, if two '
    'machines. Without meaning for a replayed recording.';
COMMENT ON COLUMN window_measures.model_version IS 'The model that scored the window.';
