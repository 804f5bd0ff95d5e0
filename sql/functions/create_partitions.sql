CREATE OR REPLACE FUNCTION create_partitions(from_at timestamptz, n_months integer) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    month_at  timestamptz;
    next_at   timestamptz;
    partition text;
BEGIN
    FOR i IN 0 .. n_months - 1 LOOP
        month_at := (date_trunc('month', from_at AT TIME ZONE 'UTC') + make_interval(months => i)) AT TIME ZONE 'UTC';
        next_at := (month_at AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
        partition := 'window_scores_' || to_char(month_at AT TIME ZONE 'UTC', 'YYYY_MM');
        CONTINUE WHEN to_regclass(partition) IS NOT NULL;
        -- Rows that came before their partition wait in the default one, and PostgreSQL attaches no partition while
        -- they are there. The lock keeps new ones from arriving in between.
        LOCK TABLE window_scores_default IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('CREATE TABLE %I (LIKE window_scores INCLUDING ALL)', partition);
        EXECUTE format('ALTER TABLE %I SET (autovacuum_vacuum_insert_threshold = 100000, '
                       'autovacuum_vacuum_insert_scale_factor = 0)', partition);
        EXECUTE format('ALTER TABLE %I ALTER COLUMN features SET STATISTICS 0, '
                       'ALTER COLUMN probabilities SET STATISTICS 0', partition);
        EXECUTE format(
            'WITH waiting AS (DELETE FROM window_scores_default WHERE window_end_at >= %L AND window_end_at < %L '
            'RETURNING *) INSERT INTO %I SELECT * FROM waiting', month_at, next_at, partition);
        EXECUTE format('ALTER TABLE window_scores ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                       partition, month_at, next_at);
        EXECUTE format('COMMENT ON TABLE %I IS %L', partition,
                       'Windows that ended in ' || to_char(month_at AT TIME ZONE 'UTC', 'YYYY-MM') || ' (UTC).');
        RETURN NEXT partition;
    END LOOP;
END
$$;

COMMENT ON FUNCTION create_partitions(timestamptz, integer) IS
    'Makes the partitions of n_months UTC months from the month of from_at on, where they are missing; returns the new '
    'ones. Rows of such a month that were in the default partition move into it.';
