CREATE OR REPLACE VIEW model_schedule AS
SELECT activation.topic,
       part.number - 1                 AS kafka_partition,
       coalesce(part.from_offset, 0)   AS from_offset,
       activation.model_version,
       activation.requested_at         AS activated_at
FROM model_activations AS activation
LEFT JOIN LATERAL unnest(activation.from_offsets) WITH ORDINALITY AS part (from_offset, number) ON true
WHERE activation.from_offsets IS NOT NULL
  AND activation.activation_id >= (
      SELECT max(activation_id)
      FROM model_activations
      WHERE topic = activation.topic AND from_offsets = '{}'
  )
ORDER BY activation.topic, kafka_partition NULLS FIRST, activation.activation_id;

COMMENT ON VIEW model_schedule IS
    'Which model scores which part of a topic: of the rows of a window''s partition, and of those without a partition, the '
    'last activated one whose from_offset is not beyond the window''s last_offset.';
COMMENT ON COLUMN model_schedule.topic IS 'Of the messages.';
COMMENT ON COLUMN model_schedule.kafka_partition IS 'Partition of the topic; NULL if the model scores all from the beginning.';
COMMENT ON COLUMN model_schedule.from_offset IS 'The first offset of a window''s last message that it scores.';
COMMENT ON COLUMN model_schedule.model_version IS 'The model.';
COMMENT ON COLUMN model_schedule.activated_at IS 'When it was asked for.';
