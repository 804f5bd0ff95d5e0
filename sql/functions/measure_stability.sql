-- The index is the sum of (share now - share known) * ln(share now / share known) over the ten parts that the
-- reference's deciles make, and the undefined values. Where deciles coincide, there is nothing between them on either
-- side. A share without windows counts as half a window. Values are compared as real, which is how features are stored.
CREATE OR REPLACE FUNCTION measure_stability(
    from_at timestamptz, to_at timestamptz, most_windows integer DEFAULT 500
) RETURNS TABLE (
    exchange         text,
    measure          text,
    windows          bigint,
    psi              double precision,
    psi_limit        double precision,
    median_now       double precision,
    median_reference double precision
)
LANGUAGE plpgsql STABLE ROWS 240 AS $$
#variable_conflict use_column
DECLARE
    version     text;
    first_at    timestamptz;
    last_at     timestamptz;
    most_in_all bigint;
    n_slices    integer;
BEGIN
    SELECT model_version, window_end_at INTO version, last_at
    FROM window_scores
    WHERE window_end_at >= from_at AND window_end_at <= to_at
    ORDER BY window_end_at DESC
    LIMIT 1;
    SELECT window_end_at INTO first_at
    FROM window_scores
    WHERE window_end_at >= from_at AND window_end_at <= to_at
    ORDER BY window_end_at
    LIMIT 1;
    SELECT most_windows * count(DISTINCT exchange) INTO most_in_all
    FROM model_reference
    WHERE model_version = version;
    -- All windows, if there are no more than are wanted; else as many from each of a hundred slices of the time.
    SELECT CASE WHEN count(*) > most_in_all THEN 100 ELSE 1 END INTO n_slices
    FROM (
        SELECT
        FROM window_scores
        WHERE window_end_at >= first_at AND window_end_at <= last_at
        LIMIT most_in_all + 1
    ) AS found;

    RETURN QUERY
    WITH sampled AS MATERIALIZED (
        SELECT exchange, connection_id, known
        FROM (
            SELECT exchange, connection_id, known,
                   row_number() OVER (PARTITION BY exchange ORDER BY place, slice) AS place
            FROM generate_series(0, n_slices - 1) AS slice
            CROSS JOIN LATERAL (
                SELECT predicted_exchange AS exchange,
                       connection_id,
                       ARRAY[
                           confidence::real,
                           (
                               SELECT max(p) - (array_agg(p ORDER BY p DESC))[2]
                               FROM (SELECT value::double precision AS p FROM jsonb_each(probabilities)) AS of_class
                           )::real
                       ] || features AS known,
                       row_number() OVER (ORDER BY window_end_at) AS place
                FROM window_scores
                WHERE window_end_at >= first_at + (last_at - first_at) * slice / n_slices
                  AND window_end_at <= last_at
                  AND (window_end_at < first_at + (last_at - first_at) * (slice + 1) / n_slices OR slice + 1 = n_slices)
                  AND model_version = version
                  AND features IS NOT NULL
                ORDER BY window_end_at
                LIMIT most_in_all / n_slices
            ) AS of_slice
        ) AS placed
        WHERE place <= most_windows
    ),
    amounts AS (
        SELECT exchange, sum(n)::bigint AS windows, sum(n * n)::double precision AS pairs
        FROM (SELECT exchange, count(*) AS n FROM sampled GROUP BY exchange, connection_id) AS by_connection
        GROUP BY exchange
    ),
    measured AS MATERIALIZED (
        -- Many small sorts of numbers are faster than one of rows.
        SELECT exchange, position, ARRAY(SELECT v FROM unnest(found) AS v WHERE v IS NOT NULL ORDER BY v) AS ascending
        FROM (
            SELECT exchange, position, array_agg(value) AS found
            FROM sampled
            CROSS JOIN LATERAL unnest(known) WITH ORDINALITY AS of_window (value, position)
            GROUP BY exchange, position
        ) AS gathered
    ),
    measures AS (
        SELECT 'confidence' AS measure, 1 AS position
        UNION ALL SELECT 'margin', 2
        UNION ALL SELECT feature, position + 2 FROM feature_positions WHERE model_version = version
    )
    SELECT reference.exchange,
           reference.measure,
           amounts.windows,
           compared.psi,
           -- By chance the index is a sum of squares of normal deviates whose variances differ. Satterthwaite: as good as
           -- one chi-square of as large a mean and variance; its 99% quantile is by Wilson and Hilferty.
           square / mean * freedoms_left
           * power(1 - 2 / (9 * freedoms_left) + 2.326348 * sqrt(2 / (9 * freedoms_left)), 3),
           ascending[(cardinality(ascending) + 1) / 2]::double precision,
           deciles[5]
    FROM model_reference AS reference
    JOIN measures USING (measure)
    JOIN measured USING (exchange, position)
    JOIN amounts USING (exchange)
    CROSS JOIN LATERAL (
        SELECT sum((now - before) * ln(now / before)) AS psi,
               greatest(count(*) FILTER (WHERE known > 0) - 1, 1)::double precision AS freedoms
        FROM (
            SELECT known,
                   greatest(known, 0.5 / effective_windows)                          AS before,
                   greatest(n, 0.5) / amounts.windows                               AS now,
                   n
            FROM (
                SELECT known, n_up_to - lag(n_up_to, 1, 0) OVER (ORDER BY part) AS n
                FROM unnest(shares || missing_share) WITH ORDINALITY AS parts (known, part)
                CROSS JOIN LATERAL (
                    SELECT CASE
                               WHEN part <= 9 THEN coalesce(width_bucket(deciles[part]::real, ascending), 0)
                               WHEN part = 10 THEN cardinality(ascending)
                               ELSE amounts.windows
                           END AS n_up_to
                ) AS counted
            ) AS counts
            WHERE known > 0 OR n > 0
        ) AS shares_of_both
    ) AS compared
    CROSS JOIN LATERAL (
        SELECT 1.0::double precision / amounts.windows + 1 / effective_windows AS alone,
               (pairs / amounts.windows - 1) / amounts.windows                AS together
    ) AS variance
    CROSS JOIN LATERAL (
        SELECT freedoms * (alone + together * likeness) AS mean,
               freedoms * (alone * alone + 2 * alone * together * likeness + together * together * likeness_square)
                   AS square
    ) AS moments
    -- Wilson and Hilferty's cube is good down to there; with less, the limit is a little too high.
    CROSS JOIN LATERAL (SELECT greatest(mean * mean / square, 0.2) AS freedoms_left) AS left_over
    WHERE model_version = version AND effective_windows > 0;
END
$$;

COMMENT ON FUNCTION measure_stability(timestamptz, timestamptz, integer) IS
    'How far windows that ended from from_at to to_at are from what their model knows: a row for each detected exchange '
    'and measure (a feature, confidence or margin) with the number of windows, the population stability index psi, '
    'psi_limit, which chance alone exceeds in 1% of cases with as many windows that are as alike as those of one session '
    'are, and the medians now and in the reference. Of the model of the latest window; at most most_windows windows an '
    'exchange, from all of that time.';
