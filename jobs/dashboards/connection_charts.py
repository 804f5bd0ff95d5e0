"""Connection, below its verdicts: rhythm, types of messages, answers, sequence, health."""

from __future__ import annotations

from jobs.dashboards.fields import field, instant_column
from jobs.dashboards.panels import barchart, section, table, timeseries
from jobs.dashboards.style import BLUE, GREEN, GREY, ORANGE, PLAIN, PURPLE, SKY_BLUE, VERMILLION, YELLOW, Json

NONE = "No windows in the time range."
DASHED = {"fill": "dash", "dash": [8, 8]}
HEALTH_COLOURS = {
    "gap": ORANGE,
    "repeat": YELLOW,
    "reset": PURPLE,
    "stall": VERMILLION,
    "data_stall": BLUE,
    "heartbeat_stall": GREY,
    "drift": SKY_BLUE,
}


def rhythm() -> list[Json]:
    """Show the times between messages, and those of its exchange."""
    return [
        section("Rhythm", 31),
        timeseries(
            "Time between messages",
            """
            Of 100 intervals between messages in a window, 10, 50 and 90 are shorter than p10, p50 and p90 (medians
            over the windows of a point). Between the dashed lines are the p50 of 8 of 10 windows of the detected
            exchange that the model was trained on.
            """,
            """
            SELECT $__timeGroupAlias(window_end_at, $__interval),
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY interval_p10_us) AS p10,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY interval_p50_us) AS p50,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY interval_p90_us) AS p90
            FROM window_measures
            WHERE connection_id = '$connection'
              AND $__timeFilter(window_end_at)
            GROUP BY 1
            ORDER BY 1
            """,
            """
            SELECT edge.at AS "time",
                   power(10, reference.deciles[1]) AS "exchange's p50, low",
                   power(10, reference.deciles[9]) AS "exchange's p50, high"
            FROM connection_status AS status
            JOIN model_reference AS reference
              ON reference.model_version = status.model_version
             AND reference.exchange = status.detected_exchange
            CROSS JOIN (VALUES ($__timeFrom()::timestamptz), ($__timeTo()::timestamptz)) AS edge (at)
            WHERE status.connection_id = '$connection'
              AND reference.measure = 'inter_arrival_log10_median_us'
            ORDER BY edge.at
            """,
            at=(0, 32, 12, 9),
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
            "Median time between messages, against its exchange's",
            """
            Of the latest 2,000 windows of the time range each: how their median intervals are spread, of this
            connection, of other connections' windows that look like its detected exchange, and of those that look
            like the exchange that it declares, if that is another one. Each bar counts from the time below it up to
            the next: 1, 3.16, 10 and so on.
            """,
            """
            WITH status AS (
                SELECT detected_exchange, declared_exchange
                FROM connection_status
                WHERE connection_id = '$connection'
            ),
            medians AS (
                (
                    SELECT 'own' AS whose, interval_p50_us
                    FROM window_measures
                    WHERE connection_id = '$connection'
                      AND $__timeFilter(window_end_at)
                    ORDER BY window_end_at DESC
                    LIMIT 2000
                )
                UNION ALL
                (
                    SELECT 'detected', interval_p50_us
                    FROM window_measures
                    WHERE connection_id <> '$connection'
                      AND $__timeFilter(window_end_at)
                      AND detected_exchange = (SELECT detected_exchange FROM status)
                    ORDER BY window_end_at DESC
                    LIMIT 2000
                )
                UNION ALL
                (
                    SELECT 'declared', interval_p50_us
                    FROM window_measures
                    WHERE connection_id <> '$connection'
                      AND $__timeFilter(window_end_at)
                      AND detected_exchange = (
                          SELECT declared_exchange FROM status WHERE declared_exchange <> detected_exchange
                      )
                    ORDER BY window_end_at DESC
                    LIMIT 2000
                )
            ),
            binned AS (
                SELECT whose, floor(2 * log(greatest(interval_p50_us, 1)))::integer AS bin
                FROM medians
                WHERE interval_p50_us IS NOT NULL
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
                   || (ARRAY[' µs', ' ms', ' s', ' ks'])[bin / 6 + 1] AS "Median interval",
                   own / nullif(sum(own) OVER (), 0) AS "This connection",
                   detected / nullif(sum(detected) OVER (), 0) AS "Detected exchange",
                   declared / nullif(sum(declared) OVER (), 0) AS "Declared exchange"
            FROM counted
            ORDER BY bin
            """,
            at=(12, 32, 12, 9),
            unit="percentunit",
            x="Median interval",
            no_value=NONE,
            fields=[
                field("This connection", colour=PLAIN),
                field("Detected exchange", colour=BLUE),
                field("Declared exchange", colour=YELLOW),
            ],
        ),
    ]


def behaviour() -> list[Json]:
    """Show what its messages are, how its requests are answered, and its sequence numbers."""
    return [
        section("Messages", 41),
        timeseries(
            "Types of messages",
            "Shares of the types of messages in its windows.",
            """
            SELECT $__timeGroupAlias(window_end_at, $__interval),
                   avg(new_share) AS "NEW",
                   avg(ack_share) AS "ACK",
                   avg(nack_share) AS "NACK",
                   avg(heartbeat_share) AS "HEARTBEAT",
                   avg(other_share) AS "OTHER"
            FROM window_measures
            WHERE connection_id = '$connection'
              AND $__timeFilter(window_end_at)
            GROUP BY 1
            ORDER BY 1
            """,
            at=(0, 42, 8, 8),
            unit="percentunit",
            least=0,
            most=1,
            stacked="normal",
            no_value=NONE,
            fields=[
                field("NEW", colour=SKY_BLUE),
                field("ACK", colour=GREEN),
                field("NACK", colour=VERMILLION),
                field("HEARTBEAT", colour=PURPLE),
                field("OTHER", colour=GREY),
            ],
        ),
        timeseries(
            "Latency of answers",
            """
            How long confirmations (ACK) and rejections (NACK) take after the request that they name: medians over the
            windows that have some. A connection for market data alone has none.
            """,
            """
            SELECT $__timeGroupAlias(window_end_at, $__interval),
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY ack_latency_us) AS "ACK",
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY nack_latency_us) AS "NACK"
            FROM window_measures
            WHERE connection_id = '$connection'
              AND $__timeFilter(window_end_at)
              AND (ack_latency_us IS NOT NULL OR nack_latency_us IS NOT NULL)
            GROUP BY 1
            ORDER BY 1
            """,
            at=(8, 42, 8, 8),
            unit="µs",
            least=0,
            span_nulls=60_000,
            no_value="No answers to requests in the time range.",
            fields=[field("ACK", colour=GREEN), field("NACK", colour=VERMILLION)],
        ),
        timeseries(
            "Sequence numbers",
            "Shares of messages whose sequence number leaves numbers out (jumps), or repeats or goes back (backward).",
            """
            SELECT $__timeGroupAlias(window_end_at, $__interval),
                   avg(seq_jump_share) AS "jumps",
                   avg(seq_backward_share) AS "backward"
            FROM window_measures
            WHERE connection_id = '$connection'
              AND $__timeFilter(window_end_at)
              AND (seq_jump_share IS NOT NULL OR seq_backward_share IS NOT NULL)
            GROUP BY 1
            ORDER BY 1
            """,
            at=(16, 42, 8, 8),
            unit="percentunit",
            least=0,
            soft_most=0.05,
            no_value="No sequence numbers in the time range.",
            span_nulls=60_000,
            fields=[field("jumps", colour=ORANGE), field("backward", colour=VERMILLION)],
        ),
    ]


def health() -> list[Json]:
    """Show where its messages say that something is wrong with it."""
    return [
        section("Health", 50),
        timeseries(
            "Health events",
            """
            Where a message shows that something is wrong: numbers missing (gap), again (repeat) or back (reset),
            nothing for too long (stall), only heartbeats (data_stall), no more heartbeats (heartbeat_stall), or another
            rate than in its own earlier windows (drift).
            """,
            """
            SELECT $__timeGroupAlias(detected_at, $__interval),
                   kind AS metric,
                   count(*) AS value
            FROM connection_health
            WHERE connection_id = '$connection'
              AND $__timeFilter(detected_at)
            GROUP BY 1, 2
            ORDER BY 1, 2
            """,
            at=(0, 51, 8, 8),
            unit="locale",
            decimals=0,
            least=0,
            stacked="normal",
            bars=True,
            interval="30s",
            no_value="None in the time range.",
            fields=[field(kind, colour=colour) for kind, colour in HEALTH_COLOURS.items()],
        ),
        table(
            "Latest health events",
            "The last 200 of the time range, with the numbers in words.",
            """
            SELECT detected_at AS "Detected",
                   kind AS "Kind",
                   reason AS "What",
                   since_at AS "Last good message",
                   messages AS "Messages"
            FROM connection_health
            WHERE connection_id = '$connection'
              AND $__timeFilter(detected_at)
            ORDER BY detected_at DESC
            LIMIT 200
            """,
            at=(8, 51, 16, 8),
            no_value="None in the time range.",
            fields=[
                instant_column(like="^(Detected|Last good message)$"),
                field("Kind", width=130, words=HEALTH_COLOURS),
                field("Messages", unit="locale", width=100),
            ],
        ),
    ]
