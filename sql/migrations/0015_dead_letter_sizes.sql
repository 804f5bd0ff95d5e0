-- Of a large record, the job does not read the whole.

COMMENT ON COLUMN dead_letters.n_bytes IS 'Size of its value; 65537 for all that is larger than 64 KiB, NULL if it has none.';
