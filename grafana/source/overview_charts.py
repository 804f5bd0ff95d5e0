"""Overview, below what is wrong now: exchanges, changes, connections, speed."""

from __future__ import annotations

from grafana.source.blocks.fields import connection_column, exchange_column, exchange_series, field, time_column
from grafana.source.blocks.panels import bargauge, section, table, timeseries
from grafana.source.blocks.style import CRITICAL, KIND_COLOURS, PURPLE, SKY_BLUE, YELLOW, Json

NONE = "No windows in the time range."


def exchanges() -> list[Json]:
    """Show what there is of each exchange."""
    return [
        bargauge(
            "Connections by detected exchange",
            "How many connections of the time range behave like which exchange.",
            """
            SELECT $__timeTo()::timestamptz AS "time",
                   detected_exchange AS metric,
                   count(*) AS value
            FROM connection_status
            WHERE $__timeFilter(last_seen_at)
              AND detected_exchange IN ($exchange)
              AND coalesce(declared_exchange, 'none') IN ($declared)
            GROUP BY detected_exchange
            ORDER BY detected_exchange
            """,
            at=(0, 18, 6, 8),
            unit="locale",
            no_value=NONE,
            fields=exchange_series(),
        ),
        timeseries(
            "Confidence",
            "Mean confidence of the windows, by the exchange that each looks like.",
            """
            SELECT date_bin('$__interval_ms ms', window_end_at, 'epoch') AS "time",
                   detected_exchange AS metric,
                   avg(confidence) AS value
            FROM scored_windows
            WHERE $__timeFilter(window_end_at)
              AND detected_exchange IN ($exchange)
              AND coalesce(declared_exchange, 'none') IN ($declared)
            GROUP BY 1, 2
            ORDER BY 1, 2
            """,
            at=(6, 18, 10, 8),
            unit="percentunit",
            least=0,
            most=1,
            span_nulls=60_000,
            no_value=NONE,
            fields=exchange_series(),
        ),
    ]


def changes() -> list[Json]:
    """Show when verdicts changed, and why."""
    return [
        timeseries(
            "Verdict changes",
            """
            Changes of what is certain of a connection: named (it is what it declares, or declares nothing), mismatch
            (another known exchange than declared), unknown venue (no known exchange).
            """,
            """
            SELECT $__timeGroupAlias(detected_at, $__interval),
                   kind AS metric,
                   count(*) AS value
            FROM verdict_events
            WHERE $__timeFilter(detected_at)
              AND detected_exchange IN ($exchange)
              AND coalesce(declared_exchange, 'none') IN ($declared)
            GROUP BY 1, 2
            ORDER BY 1, 2
            """,
            at=(16, 18, 8, 8),
            unit="locale",
            decimals=0,
            least=0,
            stacked="normal",
            bars=True,
            interval="30s",
            no_value="No changes in the time range.",
            fields=[field(kind, colour=colour) for kind, colour in KIND_COLOURS.items()],
        ),
        table(
            "Latest verdict changes",
            "The last 200 changes of the time range, and what speaks most for each in the window that decided.",
            """
            SELECT detected_at AS "When",
                   kind AS "Kind",
                   connection_id AS "Connection",
                   coalesce(declared_exchange, 'none') AS "Declared",
                   coalesce(previous_exchange, '') AS "Before",
                   detected_exchange AS "Detected",
                   probability AS "Probability",
                   coalesce(reason, '') AS "Reason"
            FROM verdict_events
            WHERE $__timeFilter(detected_at)
              AND detected_exchange IN ($exchange)
              AND coalesce(declared_exchange, 'none') IN ($declared)
            ORDER BY detected_at DESC
            LIMIT 200
            """,
            at=(0, 26, 24, 8),
            no_value="No changes in the time range.",
            fields=[
                time_column("When", width=130),
                field("Kind", width=90, words=KIND_COLOURS),
                connection_column(width=150),
                exchange_column("Declared", width=85),
                exchange_column("Before", width=85),
                exchange_column("Detected", width=85),
                field("Probability", unit="percentunit", decimals=1, width=95),
                field("Reason", wrapText=True, no_value=" "),
            ],
        ),
    ]


def connections() -> list[Json]:
    """List the connections."""
    return [
        table(
            "Connection list",
            """
            The connections of the time range, mismatches first, then those seen last; a click shows one. Certain
            means that the evidence has reached the model's bound; until then a class is likely or the connection
            undecided. Probability is that the verdict is right.
            """,
            """
            SELECT connection_id AS "Connection",
                   coalesce(declared_exchange, 'none') AS "Declared",
                   detected_exchange AS "Detected",
                   CASE WHEN mismatch THEN 'mismatch' ELSE '' END AS "Mismatch",
                   certainty AS "Certainty",
                   probability AS "Probability",
                   since_at AS "Since",
                   windows AS "Windows",
                   messages AS "Messages",
                   messages_per_second AS "Messages/s",
                   last_seen_at AS "Last seen",
                   signature AS "Signature",
                   model_version AS "Model"
            FROM connection_status
            WHERE $__timeFilter(last_seen_at)
              AND detected_exchange IN ($exchange)
              AND coalesce(declared_exchange, 'none') IN ($declared)
            ORDER BY mismatch DESC, last_seen_at DESC
            LIMIT 500
            """,
            at=(0, 34, 24, 10),
            no_value="No connections in the time range.",
            fields=[
                connection_column(width=150),
                exchange_column("Declared", width=85),
                exchange_column("Detected", width=85),
                field("Mismatch", width=85, words={"mismatch": CRITICAL}, no_value=" "),
                field("Certainty", width=90),
                field("Probability", unit="percentunit", decimals=1, width=95),
                field(like="^(Windows|Messages)$", unit="locale", width=85),
                field("Messages/s", unit="locale", decimals=1, width=100, no_value="–"),
                time_column("Since", width=130),
                time_column("Last seen", width=145),
                field("Model", width=115),
            ],
        ),
    ]


def speed() -> list[Json]:
    """Show throughput, latency, and what was refused."""
    return [
        section("Speed and dead letters", 44),
        timeseries(
            "Windows per second",
            "Windows scored per second of receive time, by the exchange that each looks like.",
            """
            SELECT $__timeGroupAlias(at, $__interval, 0),
                   metric,
                   sum(windows) / ($__interval_ms / 1000.0) AS value
            FROM (
                SELECT date_bin('$__interval_ms ms', window_end_at, 'epoch') AS at,
                       detected_exchange AS metric,
                       count(*) AS windows
                FROM scored_windows
                WHERE $__timeFilter(window_end_at)
                  AND detected_exchange IN ($exchange)
                  AND coalesce(declared_exchange, 'none') IN ($declared)
                GROUP BY 1, 2
            ) AS binned
            GROUP BY 1, 2
            ORDER BY 1, 2
            """,
            at=(0, 45, 8, 9),
            unit="locale",
            decimals=1,
            least=0,
            stacked="normal",
            interval="10s",
            no_value=NONE,
            fields=exchange_series(),
        ),
        timeseries(
            "Scoring latency",
            """
            From the receipt of a window's last message to its row in the database. A replayed recording has no
            meaning here: it was received long ago.
            """,
            """
            SELECT date_bin('$__interval_ms ms', window_end_at, 'epoch') AS "time",
                   percentile_cont(0.50) WITHIN GROUP (ORDER BY latency_ms) AS p50,
                   percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms) AS p95,
                   percentile_cont(0.99) WITHIN GROUP (ORDER BY latency_ms) AS p99
            FROM scored_windows
            WHERE $__timeFilter(window_end_at)
              AND detected_exchange IN ($exchange)
              AND coalesce(declared_exchange, 'none') IN ($declared)
            GROUP BY 1
            ORDER BY 1
            """,
            at=(8, 45, 8, 9),
            unit="ms",
            least=0,
            span_nulls=60_000,
            no_value=NONE,
            fields=[field("p50", colour=SKY_BLUE), field("p95", colour=YELLOW), field("p99", colour=PURPLE)],
        ),
        table(
            "Dead letters by reason",
            "Records of the topic that are invalid, written down in the time range, by why they are none.",
            """
            SELECT reason AS "Reason",
                   count(*) AS "Records",
                   max(seen_at) AS "Last seen"
            FROM dead_letter_records
            WHERE $__timeFilter(seen_at)
            GROUP BY reason
            ORDER BY count(*) DESC, reason
            """,
            at=(16, 45, 8, 9),
            no_value="None in the time range.",
            fields=[
                field("Reason", wrapText=True),
                field("Records", unit="locale", width=80),
                time_column("Last seen", width=145),
            ],
        ),
    ]
