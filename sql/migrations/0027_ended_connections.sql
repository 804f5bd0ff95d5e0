-- A record without a value says that the connection of its key has ended: the view ended_connections.

CREATE INDEX IF NOT EXISTS dead_letters_ends_idx ON dead_letters (connection_key) WHERE reason = 'null value';
