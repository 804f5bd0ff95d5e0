-- Ten minutes of six connections, up to `now_at`: one of each exchange, an unknown venue, a lie, and one that declares nothing.
-- A window every two seconds each, so that every expected number can be worked out by hand.

INSERT INTO model_versions (model_version, manifest, sha256)
SELECT 'test-1',
       jsonb_build_object('reference', jsonb_object_agg(class, measures), 'feature_names', jsonb_build_array(
           'inter_arrival_log10_median_us', 'inter_arrival_p10_p50_ratio', 'inter_arrival_p50_p90_ratio',
           'type_new_share', 'type_ack_share', 'type_nack_share', 'type_heartbeat_share', 'type_other_share',
           'ack_latency_log10_mean_us', 'nack_latency_log10_mean_us', 'seq_jump_share', 'seq_backward_share')),
       repeat('0', 64)
FROM (VALUES ('binance'), ('coinbase'), ('kraken'), ('unknown')) AS classes (class)
CROSS JOIN (
    SELECT jsonb_object_agg(measure, jsonb_build_object(
               'deciles', deciles, 'shares', array_fill(0.1, ARRAY[10]), 'missing_share', 0, 'likeness', 0, 'likeness_square', 0,
               'effective_windows', 1000)) AS measures
    FROM (VALUES ('confidence', ARRAY[0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99]),
                 ('margin', ARRAY[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.85]),
                 ('inter_arrival_log10_median_us', ARRAY[2, 2.25, 2.5, 2.75, 3, 3.25, 3.5, 3.75, 4])
         ) AS stated (measure, deciles)
) AS same;

INSERT INTO model_activations (topic, model_version, from_offsets, requested_at)
VALUES ('raw_messages', 'test-1', '{}', %(now_at)s - interval '1 hour');

INSERT INTO window_scores
    (connection_id, kafka_partition, last_offset, first_offset, window_start_at, window_end_at, declared_exchange,
     predicted_exchange, confidence, probabilities, unknown_score, model_version, scored_at, signature, features)
SELECT name, 0, 25 * (299 - n) + 49, 25 * (299 - n), end_at - interval '4 s', end_at, declared, detected, 0.9,
       jsonb_build_object(detected, 0.9, 'other', 0.1), 0.1, 'test-1', end_at + interval '40 ms', 'xf1-N-t0-h1s-sc',
       -- 1 and 10 ms; half and four times that; 80, 10, 5, 3, 2 percent; answers after 10 and 20 ms; 4 and 2 percent.
       ARRAY[log10_median, 0.5, 0.25, 0.8, 0.1, 0.05, 0.03, 0.02, 4, log(20000), 0.04, 0.02]::real[]
FROM (VALUES ('a', 'binance', 'binance', 3), ('b', 'coinbase', 'coinbase', 3), ('c', 'kraken', 'kraken', 4),
             ('d', 'kraken', 'unknown', 3), ('e', 'binance', 'kraken', 3), ('f', NULL, 'binance', 3))
         AS connections (name, declared, detected, log10_median)
CROSS JOIN generate_series(0, 299) AS n
CROSS JOIN LATERAL (SELECT %(now_at)s - interval '2 s' * n AS end_at) AS ends;

INSERT INTO connection_verdicts
    (connection_id, declared_exchange, verdict, certainty, probability, strength_nats, windows, messages,
     certain_after_messages, since_at, since_offset, previous_verdict, kafka_partition, last_offset, last_window_end_at,
     signature, model_version)
SELECT connection_id, min(declared_exchange), min(predicted_exchange), 'certain', 0.99, 15, count(*), 25 * count(*) + 25,
       75, min(window_start_at), 0, NULL, 0, max(last_offset), max(window_end_at), 'xf1-N-t0-h1s-sc', 'test-1'
FROM window_scores
GROUP BY connection_id;

INSERT INTO connection_events
    (connection_id, kafka_partition, last_offset, kind, verdict, declared_exchange, since_at, since_offset, detected_at,
     messages, windows, strength_nats, probability, reasons, signature, model_version)
SELECT connection_id, 0, 99, CASE verdict WHEN 'unknown' THEN 'unknown_venue' WHEN declared_exchange THEN 'named'
                                          ELSE CASE WHEN declared_exchange IS NULL THEN 'named' ELSE 'mismatch' END END,
       verdict, declared_exchange, since_at, 0, since_at + interval '8 s', 100, 3, 15, 0.99,
       CASE WHEN connection_id IN ('d', 'e') THEN
           '{"against": "binance", "margin_nats": 5, "bias_nats": 0, "other_nats": 2, "reasons": [
                {"feature": "type_heartbeat_share", "value": 0.1, "contribution_nats": 2, "text": "10%% of heartbeats"},
                {"feature": "seq_jump_share", "value": 0, "contribution_nats": 1, "text": "no jumps"}]}'::jsonb END,
       signature, model_version
FROM connection_verdicts;

INSERT INTO health_events
    (connection_id, kafka_partition, kafka_offset, kind, declared_exchange, messages, since_at, since_offset, detected_at,
     seq_before, seq, n_missing, silence_s, limit_s)
SELECT 'd', 0, 1000 + n, 'gap', 'kraken', 1000, %(now_at)s - interval '1 minute' * n, 999 + n,
       %(now_at)s - interval '1 minute' * n + interval '50 ms', 10, 12, 1, NULL, NULL
FROM generate_series(1, 3) AS n
UNION ALL
SELECT 'd', 0, 2000, 'stall', 'kraken', 2000, %(now_at)s - interval '5 minutes', 1999, %(now_at)s - interval '4 minutes',
       NULL, NULL, NULL, 60, 5;

INSERT INTO health_events
    (connection_id, kafka_partition, kafka_offset, kind, declared_exchange, messages, since_at, since_offset, detected_at,
     rate_before, rate_now, score)
VALUES ('c', 0, 6000, 'drift', 'kraken', 6000, %(now_at)s - interval '6 minutes', 5600, %(now_at)s - interval '5 minutes',
        6, 12.5, 4);

INSERT INTO connection_activity
    (connection_id, kafka_partition, last_offset, declared_exchange, messages, last_recv_at, silence_limit_s)
SELECT connection_id, 0, last_offset, declared_exchange, messages,
       last_window_end_at - CASE connection_id WHEN 'd' THEN interval '2 minutes' ELSE interval '0' END,
       CASE connection_id WHEN 'd' THEN 5 ELSE 3600 END
FROM connection_verdicts
UNION ALL
-- One that ended two hours ago.
SELECT 'g', 0, 99, 'kraken', 1000, %(now_at)s - interval '2 hours', 5;

INSERT INTO dead_letters (kafka_partition, kafka_offset, reason, connection_key, n_bytes, seen_at)
SELECT 1, n, CASE WHEN n <= 3 THEN 'not JSON' ELSE 'no key' END, CASE WHEN n <= 3 THEN 'a' END, 10,
       %(now_at)s - interval '10 s' * n
FROM generate_series(1, 5) AS n;
