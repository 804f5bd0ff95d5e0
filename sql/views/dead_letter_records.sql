CREATE OR REPLACE VIEW dead_letter_records AS
SELECT kafka_partition,
       kafka_offset,
       reason,
       connection_key,
       n_bytes,
       seen_at
FROM dead_letters;

COMMENT ON VIEW dead_letter_records IS
    'One row per record of the topic that is no message: filter by seen_at, which is indexed. Its bytes are in '
    'raw_messages_dlq.';
COMMENT ON COLUMN dead_letter_records.kafka_partition IS 'Partition of raw_messages that the record is in.';
COMMENT ON COLUMN dead_letter_records.kafka_offset IS 'Its offset in that partition.';
COMMENT ON COLUMN dead_letter_records.reason IS 'Why it is invalid: of several faults the first that is looked for.';
COMMENT ON COLUMN dead_letter_records.connection_key IS
    'Its key, which should be a connection id; NULL if it has none, or one that is not up to 128 printable characters.';
COMMENT ON COLUMN dead_letter_records.n_bytes IS 'Size of its value; 65537 for all that is larger than 64 KiB, NULL if it has none.';
COMMENT ON COLUMN dead_letter_records.seen_at IS 'When the row was first written, by the clock of the database.';
