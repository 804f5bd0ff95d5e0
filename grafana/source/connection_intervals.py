"""Connection, below its verdicts: the times between its messages."""

from __future__ import annotations

from grafana.source.blocks.fields import field
from grafana.source.blocks.panels import barchart, section, timeseries
from grafana.source.blocks.style import BLUE, PLAIN, SKY_BLUE, YELLOW, Json
from grafana.source.blocks.variables import SHOWN

NONE = "No windows in the time range."
DASHED = {"fill": "dash", "dash": [8, 8]}


def intervals() -> list[Json]:
    """Show the times between messages, and those of its exchange."""
    return [
        section("Intervals", 37),
        timeseries(
            "Time between messages",
            """
            Of 100 intervals between messages in a window, 10, 50 and 90 are shorter than p10, p50 and p90 (medians
            over the windows of a point). Between the dashed lines are the p50 of 8 of 10 windows of the detected
            exchange that the model was trained on.
            """,
            f"""
            SELECT $__timeGroupAlias(window_end_at, $__interval),
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY interval_p10_us) AS p10,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY interval_p50_us) AS p50,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY interval_p90_us) AS p90
            FROM window_measures
            WHERE connection_id = {SHOWN}
              AND $__timeFilter(window_end_at)
            GROUP BY 1
            ORDER BY 1
            """,
            f"""
            SELECT edge.at AS "time",
                   power(10, reference.deciles[1]) AS "exchange's p50, low",
                   power(10, reference.deciles[9]) AS "exchange's p50, high"
            FROM connection_status AS status
            JOIN model_reference AS reference
              ON reference.model_version = status.model_version
             AND reference.exchange = status.detected_exchange
            CROSS JOIN (VALUES ($__timeFrom()::timestamptz), ($__timeTo()::timestamptz)) AS edge (at)
            WHERE status.connection_id = {SHOWN}
              AND reference.measure = 'inter_arrival_log10_median_us'
            ORDER BY edge.at
            """,
            at=(0, 38, 12, 9),
            unit="µs",
            logarithmic=True,
            span_nulls=True,
            no_value=NONE,
            fields=[
                field("p10", colour=BLUE),
                field("p50", colour=SKY_BLUE),
                field("p90", colour=YELLOW),
                field(like="^exchange's p50", colour=PLAIN, lineStyle=DASHED, lineWidth=1),
            ],
        ),
        barchart(
            "Spread of the times between messages, against its exchange's",
            """
            Which share of the times between messages is how long: of this connection, of other connections' windows
            that look like its detected exchange, and of those that look like the exchange that it declares, if that is
            another one. Of the latest 2,000 windows of the time range each. A window tells its p10, p50 and p90; what
            lies between is taken to be spread evenly by logarithm, and the outer tenths to be as p10 and p90. Each bar
            counts from the time below it up to the next: 1, 3.16, 10 and so on.
            """,
            f"""
            WITH status AS (
                SELECT detected_exchange, declared_exchange
                FROM connection_status
                WHERE connection_id = {SHOWN}
            ),
            windows AS (
                (
                    SELECT 'own' AS whose, interval_p10_us, interval_p50_us, interval_p90_us
                    FROM window_measures
                    WHERE connection_id = {SHOWN}
                      AND $__timeFilter(window_end_at)
                    ORDER BY window_end_at DESC
                    LIMIT 2000
                )
                UNION ALL
                (
                    SELECT 'detected', interval_p10_us, interval_p50_us, interval_p90_us
                    FROM window_measures
                    WHERE connection_id <> {SHOWN}
                      AND $__timeFilter(window_end_at)
                      AND detected_exchange = (SELECT detected_exchange FROM status)
                    ORDER BY window_end_at DESC
                    LIMIT 2000
                )
                UNION ALL
                (
                    SELECT 'declared', interval_p10_us, interval_p50_us, interval_p90_us
                    FROM window_measures
                    WHERE connection_id <> {SHOWN}
                      AND $__timeFilter(window_end_at)
                      AND detected_exchange = (
                          SELECT declared_exchange FROM status WHERE declared_exchange <> detected_exchange
                      )
                    ORDER BY window_end_at DESC
                    LIMIT 2000
                )
            ),
            binned AS (
                -- Ten times of each window: those that 5, 15, ... 95% of its times are below.
                SELECT whose,
                       floor(2 * CASE
                           WHEN part <= 0.1 THEN p10
                           WHEN part <= 0.5 THEN p10 + (p50 - p10) * (part - 0.1) / 0.4
                           WHEN part <= 0.9 THEN p50 + (p90 - p50) * (part - 0.5) / 0.4
                           ELSE p90
                       END)::integer AS bin
                FROM windows
                CROSS JOIN LATERAL (
                    SELECT log(greatest(interval_p10_us, 1)) AS p10,
                           log(greatest(interval_p50_us, 1)) AS p50,
                           log(greatest(interval_p90_us, 1)) AS p90
                ) AS logarithms
                CROSS JOIN generate_series(0.05, 0.95, 0.1) AS parts (part)
                WHERE p10 + p50 + p90 IS NOT NULL
            ),
            bins AS (
                SELECT generate_series(min(bin), max(bin)) AS bin
                FROM binned
            ),
            counted AS (
                SELECT bins.bin,
                       count(*) FILTER (WHERE whose = 'own')::double precision AS own,
                       count(*) FILTER (WHERE whose = 'detected')::double precision AS detected,
                       count(*) FILTER (WHERE whose = 'declared')::double precision AS declared
                FROM bins
                LEFT JOIN binned USING (bin)
                GROUP BY bins.bin
            )
            SELECT (ARRAY['1', '3', '10', '30', '100', '300'])[bin % 6 + 1]
                   || (ARRAY[' µs', ' ms', ' s', ' ks'])[bin / 6 + 1] AS "Time",
                   own / nullif(sum(own) OVER (), 0) AS "This connection",
                   detected / nullif(sum(detected) OVER (), 0) AS "Detected exchange",
                   declared / nullif(sum(declared) OVER (), 0) AS "Declared exchange"
            FROM counted
            ORDER BY bin
            """,
            at=(12, 38, 12, 9),
            unit="percentunit",
            x="Time",
            no_value=NONE,
            fields=[
                field("This connection", colour=PLAIN),
                field("Detected exchange", colour=SKY_BLUE),
                field("Declared exchange", colour=YELLOW),
            ],
        ),
    ]
