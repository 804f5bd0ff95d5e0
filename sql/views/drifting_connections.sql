-- Between the ends of two neighbouring windows lie 25 messages that no other pair has between it; of these times the
-- logarithms are compared, in blocks of eight: the mean of the latest four blocks (32 windows) with the eight to forty-seven
-- blocks before, in units of how much means of four blocks differed among those. Sums from the newest block on, and their
-- differences, stand for sums over ranges. tests/sql/naive_drift.py says the same without SQL.
CREATE OR REPLACE VIEW drifting_connections AS
WITH blocks AS (
    SELECT connection_id, declared_exchange, verdict AS detected_exchange, place, window_end_at, x,
           of_connection.windows
    FROM connection_verdicts AS active
    CROSS JOIN LATERAL (
        SELECT (place + 7) / 8 AS place, max(window_end_at) AS window_end_at, avg(x) AS x, max(n) AS windows
        FROM (
            SELECT row_number() OVER newest_first AS place,
                   window_end_at,
                   ln(greatest(
                       date_part('epoch', window_end_at - lead(window_end_at) OVER newest_first), 1e-6
                   ) / 25)                        AS x,
                   count(*) OVER ()               AS n
            FROM (
                SELECT kafka_partition, last_offset, window_end_at
                FROM window_scores AS w
                WHERE w.connection_id = active.connection_id AND window_end_at > now() - interval '7 days'
                ORDER BY kafka_partition DESC, last_offset DESC
                LIMIT 449
            ) AS latest
            WINDOW newest_first AS (ORDER BY kafka_partition DESC, last_offset DESC)
        ) AS steps
        WHERE x IS NOT NULL
        GROUP BY 1
        HAVING count(*) = 8
    ) AS of_connection
    WHERE last_window_end_at > now() - interval '1 hour'
),
sums AS (
    SELECT *,
           sum(x) OVER up_to     AS sum_x,
           sum(x * x) OVER up_to AS sum_xx,
           count(*) OVER (PARTITION BY connection_id) AS n
    FROM blocks
    WINDOW up_to AS (PARTITION BY connection_id ORDER BY place)
),
levels AS (
    SELECT *, (lead(sum_x, 3) OVER up_to - sum_x + x) / 4 AS level
    FROM sums
    WINDOW up_to AS (PARTITION BY connection_id ORDER BY place)
),
level_sums AS (
    SELECT *, sum(level) OVER up_to AS sum_level, sum(level * level) OVER up_to AS sum_levels
    FROM levels
    WINDOW up_to AS (PARTITION BY connection_id ORDER BY place)
),
compared AS (
    SELECT connection_id, declared_exchange, detected_exchange, place, window_end_at, windows, level,
           least(40, n - place - 7)::double precision AS n_before,
           coalesce(lead(sum_x, 47) OVER up_to, last_value(sum_x) OVER whole) - lead(sum_x, 7) OVER up_to AS x_before,
           coalesce(lead(sum_xx, 47) OVER up_to, last_value(sum_xx) OVER whole)
               - lead(sum_xx, 7) OVER up_to AS xx_before,
           -- The last of the means is where three more blocks follow.
           coalesce(lead(sum_level, 44) OVER up_to, last_value(sum_level) OVER whole)
               - lead(sum_level, 7) OVER up_to AS level_before,
           coalesce(lead(sum_levels, 44) OVER up_to, last_value(sum_levels) OVER whole)
               - lead(sum_levels, 7) OVER up_to AS levels_before
    FROM level_sums
    WINDOW up_to AS (PARTITION BY connection_id ORDER BY place),
           whole AS (up_to ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
),
tested AS (
    SELECT connection_id, declared_exchange, detected_exchange, place, window_end_at, windows, level,
           x_before / n_before AS before,
           n_before / 4 - 1    AS freedoms,
           abs(level - x_before / n_before)
           / sqrt(
               greatest(
                   (levels_before / (n_before - 3) - power(level_before / (n_before - 3), 2))
                   * (n_before / 4) / (n_before / 4 - 1),
                   (xx_before / n_before - power(x_before / n_before, 2)) / 4,
                   0.0004
               ) * (1 + 4 / n_before)
           )                   AS t
    FROM compared
    WHERE place <= 8 AND n_before >= 16
),
scored AS (
    SELECT *, (8 * freedoms + 1) / (8 * freedoms + 3) * sqrt(freedoms * ln(1 + t * t / freedoms)) AS score
    FROM tested
),
found AS (
    SELECT DISTINCT ON (connection_id)
           connection_id, declared_exchange, detected_exchange, level, before, score, windows,
           min(window_end_at) OVER (PARTITION BY connection_id) AS detected_at
    FROM scored
    WHERE score > 3 AND abs(level - before) > ln(1.25)
    ORDER BY connection_id, place
)
SELECT connection_id,
       declared_exchange,
       detected_exchange,
       'rate'                                                             AS measure,
       exp(-before)                                                       AS before,
       exp(-level)                                                        AS now,
       exp(before - level)                                                AS ratio,
       since_at,
       detected_at,
       score,
       3::double precision                                                AS score_limit,
       windows,
       count(*) OVER (PARTITION BY detected_exchange, before > level) - 1 AS others
FROM found
CROSS JOIN LATERAL (
    -- Where the times are best parted into those nearer to the one level and those nearer to the other.
    SELECT previous_end_at AS since_at
    FROM (
        SELECT previous_end_at,
               sign(before - level) * sum(
                   (before + level) / 2
                   - ln(greatest(date_part('epoch', window_end_at - previous_end_at), 1e-6) / 25)
               ) OVER (ORDER BY place) AS gain
        FROM (
            SELECT window_end_at, row_number() OVER newest_first AS place,
                   lead(window_end_at) OVER newest_first AS previous_end_at
            FROM window_scores AS w
            WHERE w.connection_id = found.connection_id AND window_end_at > now() - interval '7 days'
            WINDOW newest_first AS (ORDER BY kafka_partition DESC, last_offset DESC)
            ORDER BY kafka_partition DESC, last_offset DESC
            LIMIT 192
        ) AS newest
        WHERE previous_end_at IS NOT NULL
    ) AS gains
    ORDER BY gain DESC
    LIMIT 1
) AS begun;

COMMENT ON VIEW drifting_connections IS
    'One row per connection, heard of in the last hour, whose rate has changed against its own earlier windows at one of '
    'its last 64 windows. A connection is judged by how unsteady it has been itself, from its 193rd window on; a change '
    'by less than a quarter never counts.';
COMMENT ON COLUMN drifting_connections.connection_id IS 'One session of one connection.';
COMMENT ON COLUMN drifting_connections.declared_exchange IS 'What the connection claims to be; NULL if nothing.';
COMMENT ON COLUMN drifting_connections.detected_exchange IS 'The verdict on its windows.';
COMMENT ON COLUMN drifting_connections.measure IS 'What has changed: rate.';
COMMENT ON COLUMN drifting_connections.before IS
    'Typical messages per second before: geometric mean over 25 messages each, of 64 to 383 windows back.';
COMMENT ON COLUMN drifting_connections.now IS 'The same of the latest 32 windows that differ.';
COMMENT ON COLUMN drifting_connections.ratio IS 'now / before.';
COMMENT ON COLUMN drifting_connections.since_at IS 'When it began, by the best split of its windows into before and after.';
COMMENT ON COLUMN drifting_connections.detected_at IS 'End of the first of those 64 windows at which it was seen; every eighth is tried.';
COMMENT ON COLUMN drifting_connections.score IS
    'The difference in units of how much 32 windows of this connection differed before, as a standard normal deviate.';
COMMENT ON COLUMN drifting_connections.score_limit IS 'What the score must exceed.';
COMMENT ON COLUMN drifting_connections.windows IS 'Windows of the connection that were looked at, 449 at most.';
COMMENT ON COLUMN drifting_connections.others IS
    'How many other connections of the same detected exchange have drifted the same way: many mean the market, not the '
    'connection.';
