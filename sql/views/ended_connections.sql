-- A record without a value is no message, so it is among the dead letters. Its connection goes on if a message follows.
CREATE OR REPLACE VIEW ended_connections AS
SELECT connection_id,
       declared_exchange,
       heard_at AS ended_at
FROM connection_clocks AS clock
WHERE EXISTS (
    SELECT
    FROM dead_letters AS tombstone
    WHERE reason = 'null value'
      AND tombstone.connection_key = clock.connection_id
      AND tombstone.kafka_partition = clock.kafka_partition
      AND tombstone.kafka_offset > clock.last_offset
);

COMMENT ON VIEW ended_connections IS
    'One row per connection of which a record without a value has said that it has ended: its silence is no stall.';
COMMENT ON COLUMN ended_connections.connection_id IS 'One session of one connection.';
COMMENT ON COLUMN ended_connections.declared_exchange IS 'What the connection claimed to be; NULL if nothing.';
COMMENT ON COLUMN ended_connections.ended_at IS 'When it was last heard of, by the clock of the database; see connection_clocks.';
