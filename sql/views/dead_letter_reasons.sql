CREATE OR REPLACE VIEW dead_letter_reasons AS
SELECT reason,
       count(*)                       AS dead_letters,
       count(DISTINCT connection_key) AS connections,
       min(seen_at)                   AS first_seen_at,
       max(seen_at)                   AS last_seen_at
FROM dead_letters
GROUP BY reason;

COMMENT ON VIEW dead_letter_reasons IS 'One row per reason: how many records of the topic were invalid because of it.';
COMMENT ON COLUMN dead_letter_reasons.reason IS 'Why they are invalid.';
COMMENT ON COLUMN dead_letter_reasons.dead_letters IS 'Records that are still in dead_letters.';
COMMENT ON COLUMN dead_letter_reasons.connections IS 'Different keys of theirs, as far as they can be printed.';
COMMENT ON COLUMN dead_letter_reasons.first_seen_at IS 'When the first was written down.';
COMMENT ON COLUMN dead_letter_reasons.last_seen_at IS 'When the last was written down.';
