"""Connection, its lower half: types of messages, answers, sequence, health."""

from __future__ import annotations

from grafana.source.blocks.fields import field, instant_column
from grafana.source.blocks.panels import section, table, timeseries
from grafana.source.blocks.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY_BLUE, VERMILLION, YELLOW, Json
from grafana.source.blocks.variables import SHOWN

NONE = "No windows in the time range."
HEALTH_COLOURS = {
    "gap": ORANGE,
    "repeat": YELLOW,
    "reset": PURPLE,
    "stall": VERMILLION,
    "data_stall": BLUE,
    "heartbeat_stall": GREY,
    "drift": SKY_BLUE,
}


def behaviour() -> list[Json]:
    """Show what its messages are, how its requests are answered, and its sequence numbers."""
    return [
        section("Messages", 47),
        timeseries(
            "Types of messages",
            "Shares of the types of messages in its windows.",
            f"""
            SELECT $__timeGroupAlias(window_end_at, $__interval),
                   avg(new_share) AS "NEW",
                   avg(ack_share) AS "ACK",
                   avg(nack_share) AS "NACK",
                   avg(heartbeat_share) AS "HEARTBEAT",
                   avg(other_share) AS "OTHER"
            FROM window_measures
            WHERE connection_id = {SHOWN}
              AND $__timeFilter(window_end_at)
            GROUP BY 1
            ORDER BY 1
            """,
            at=(0, 48, 8, 8),
            unit="percentunit",
            least=0,
            most=1,
            stacked="normal",
            no_value=NONE,
            fields=[
                field("NEW", colour=SKY_BLUE),
                field("ACK", colour=GREEN),
                field("NACK", colour=YELLOW),
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
            f"""
            SELECT $__timeGroupAlias(window_end_at, $__interval),
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY ack_latency_us) AS "ACK",
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY nack_latency_us) AS "NACK"
            FROM window_measures
            WHERE connection_id = {SHOWN}
              AND $__timeFilter(window_end_at)
              AND (ack_latency_us IS NOT NULL OR nack_latency_us IS NOT NULL)
            GROUP BY 1
            ORDER BY 1
            """,
            at=(8, 48, 8, 8),
            unit="µs",
            least=0,
            span_nulls=60_000,
            no_value="No answers to requests in the time range.",
            fields=[field("ACK", colour=GREEN), field("NACK", colour=YELLOW)],
        ),
        timeseries(
            "Sequence numbers",
            "Shares of messages whose sequence number leaves numbers out (jumps), or repeats or goes back (backward).",
            f"""
            SELECT $__timeGroupAlias(window_end_at, $__interval),
                   avg(seq_jump_share) AS "jumps",
                   avg(seq_backward_share) AS "backward"
            FROM window_measures
            WHERE connection_id = {SHOWN}
              AND $__timeFilter(window_end_at)
              AND (seq_jump_share IS NOT NULL OR seq_backward_share IS NOT NULL)
            GROUP BY 1
            ORDER BY 1
            """,
            at=(16, 48, 8, 8),
            unit="percentunit",
            least=0,
            soft_most=0.05,
            no_value="No sequence numbers in the time range.",
            span_nulls=60_000,
            fields=[field("jumps", colour=SKY_BLUE), field("backward", colour=PURPLE)],
        ),
    ]


def health() -> list[Json]:
    """Show where its messages say that something is wrong with it."""
    return [
        section("Health", 56),
        timeseries(
            "Health events",
            """
            Where a message shows that something is wrong: numbers missing (gap), again (repeat) or back (reset),
            nothing for too long (stall), only heartbeats (data_stall), no more heartbeats (heartbeat_stall), or another
            rate than in its own earlier windows (drift).
            """,
            f"""
            SELECT $__timeGroupAlias(detected_at, $__interval),
                   kind AS metric,
                   count(*) AS value
            FROM connection_health
            WHERE connection_id = {SHOWN}
              AND $__timeFilter(detected_at)
            GROUP BY 1, 2
            ORDER BY 1, 2
            """,
            at=(0, 57, 8, 8),
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
            f"""
            SELECT detected_at AS "Detected",
                   kind AS "Kind",
                   reason AS "What",
                   since_at AS "Last good message",
                   messages AS "Messages"
            FROM connection_health
            WHERE connection_id = {SHOWN}
              AND $__timeFilter(detected_at)
            ORDER BY detected_at DESC
            LIMIT 200
            """,
            at=(8, 57, 16, 8),
            no_value="None in the time range.",
            fields=[
                instant_column(like="^(Detected|Last good message)$"),
                field("Kind", width=130, words=HEALTH_COLOURS),
                field("Messages", unit="locale", width=100),
            ],
        ),
    ]
