CREATE OR REPLACE VIEW feature_positions AS
SELECT position::integer, feature
FROM unnest(ARRAY[
    'inter_arrival_log10_median_us', 'inter_arrival_cv', 'inter_arrival_p10_p50_ratio', 'inter_arrival_p50_p90_ratio',
    'inter_arrival_burst_share', 'inter_arrival_instant_share', 'inter_arrival_p25_p75_ratio',
    'arrival_tick_alignment_5ms', 'arrival_tick_alignment_8ms', 'arrival_tick_alignment_10ms',
    'arrival_tick_alignment_16_67ms', 'arrival_tick_alignment_20ms', 'arrival_tick_alignment_25ms',
    'arrival_tick_alignment_33_33ms', 'arrival_tick_alignment_40ms', 'arrival_tick_alignment_50ms',
    'arrival_tick_alignment_62_5ms', 'arrival_tick_alignment_75ms', 'arrival_tick_alignment_83_33ms',
    'arrival_tick_alignment_100ms', 'arrival_tick_alignment_125ms', 'arrival_tick_alignment_166_7ms',
    'arrival_tick_alignment_200ms', 'arrival_tick_alignment_250ms', 'arrival_tick_alignment_300ms',
    'arrival_tick_alignment_500ms', 'arrival_tick_alignment_1000ms', 'type_new_share', 'type_ack_share',
    'type_nack_share', 'type_heartbeat_share', 'type_other_share', 'bigram_numbered_numbered_share',
    'bigram_numbered_timed_share', 'bigram_numbered_plain_share', 'bigram_numbered_answer_share',
    'bigram_timed_numbered_share', 'bigram_timed_timed_share', 'bigram_timed_plain_share', 'bigram_timed_answer_share',
    'bigram_plain_numbered_share', 'bigram_plain_timed_share', 'bigram_plain_plain_share', 'bigram_plain_answer_share',
    'bigram_answer_numbered_share', 'bigram_answer_timed_share', 'bigram_answer_plain_share',
    'bigram_answer_answer_share', 'ack_latency_log10_mean_us', 'nack_latency_log10_mean_us', 'ack_latency_cv',
    'nack_latency_cv', 'request_ack_share', 'request_nack_share', 'seq_jump_share', 'seq_backward_share'
]) WITH ORDINALITY AS features (feature, position);

COMMENT ON VIEW feature_positions IS 'One row per feature: where window_scores.features has it.';
COMMENT ON COLUMN feature_positions.position IS 'Index in the array, from 1.';
COMMENT ON COLUMN feature_positions.feature IS 'The feature''s name.';
