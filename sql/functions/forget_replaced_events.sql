-- Done as the owner, for who may not delete results otherwise.
CREATE OR REPLACE FUNCTION forget_replaced_events(of_topic text, of_partition integer, from_offset bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER
BEGIN ATOMIC
    DELETE FROM connection_events
    WHERE kafka_partition = of_partition AND last_offset >= from_offset
      AND written_at < (
          SELECT requested_at
          FROM (
              SELECT activation_id, requested_at FROM model_activations
              WHERE topic = of_topic AND from_offsets = '{}' ORDER BY activation_id OFFSET 1
          ) AS replacing
          ORDER BY activation_id DESC LIMIT 1
      );
END;

REVOKE ALL ON FUNCTION forget_replaced_events(text, integer, bigint) FROM PUBLIC;

COMMENT ON FUNCTION forget_replaced_events(text, integer, bigint) IS
    'Deletes the events from an offset of a partition on that were written before a model replaced all others of the topic.';
