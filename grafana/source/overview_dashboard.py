"""Overview: what an operator looks at in the morning."""

from __future__ import annotations

from grafana.source.blocks.dashboard import dashboard
from grafana.source.blocks.fields import connection_column, field, time_column
from grafana.source.blocks.panels import stat, table
from grafana.source.blocks.style import CRITICAL, PLAIN, WARNING, Json
from grafana.source.blocks.variables import declared_exchange, detected_exchange
from grafana.source.overview_charts import changes, connections, exchanges, speed

ALARM = ((None, PLAIN), (1, CRITICAL))
WARN = ((None, PLAIN), (1, WARNING))


def build() -> Json:
    """Build the dashboard."""
    return dashboard(
        "fingerprint-overview",
        "Which exchange each connection behaves like, how sure that is, what is wrong, and how fast it is known.",
        [*_now(), *exchanges(), *changes(), *connections(), *speed()],
        variables=[detected_exchange(), declared_exchange()],
    )


def _now() -> list[Json]:
    return [
        stat(
            "Connections",
            """
            Connections with a scored window in the time range: all of them, those that claim one exchange and are
            certain to be another known one, and those that are certain to be no known one.
            """,
            """
            SELECT count(*) AS "All",
                   count(*) FILTER (WHERE mismatch) AS "Mismatch",
                   count(*) FILTER (WHERE detected_exchange = 'unknown' AND certainty = 'certain') AS "Unknown"
            FROM connection_status
            WHERE $__timeFilter(last_seen_at)
              AND detected_exchange IN ($exchange)
              AND coalesce(declared_exchange, 'none') IN ($declared)
            """,
            at=(0, 0, 8, 4),
            unit="locale",
            fields=[field("Mismatch", steps=ALARM), field("Unknown", steps=WARN)],
        ),
        stat(
            "Silent now",
            """
            Connections that have now been silent for longer than their own intervals allow, and for no more than an
            hour (then they count as ended), whatever the time range and their detected exchange; and for how long the
            longest of them.
            """,
            """
            SELECT count(*) AS "Silent",
                   max(silence_s) AS "Longest"
            FROM silent_connections
            WHERE since_at > now() - interval '1 hour'
              AND coalesce(declared_exchange, 'none') IN ($declared)
            """,
            at=(8, 0, 5, 4),
            unit="locale",
            fields=[field("Silent", steps=WARN), field("Longest", unit="s", decimals=0)],
        ),
        stat(
            "Last minute",
            """
            Of the windows that ended in the last minute, whatever the time range: how many per second, and how long
            95 of 100 took at most from the receipt of their last message to their row in the database. Lag is how
            long ago the newest window of the time range ended: it grows while the job, or what feeds it, stands
            still.
            """,
            """
            SELECT count(*) / 60.0 AS "Windows/s",
                   percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms) AS "Latency p95",
                   (
                       SELECT extract(epoch FROM now() - max(window_end_at))
                       FROM scored_windows
                       WHERE $__timeFilter(window_end_at)
                   ) AS "Lag"
            FROM scored_windows
            WHERE window_end_at > now() - interval '1 minute'
              AND detected_exchange IN ($exchange)
              AND coalesce(declared_exchange, 'none') IN ($declared)
            """,
            at=(13, 0, 8, 4),
            unit="short",
            fields=[
                field("Windows/s", unit="locale", decimals=1),
                field("Latency p95", unit="ms", decimals=0, steps=((None, PLAIN), (1000, CRITICAL))),
                field("Lag", unit="s", decimals=0, steps=((None, PLAIN), (30, WARNING), (120, CRITICAL))),
            ],
        ),
        stat(
            "Dead letters",
            "Records of the topic in the time range that are invalid; for their reasons see below.",
            """
            SELECT count(*) AS "Dead letters"
            FROM dead_letter_records
            WHERE $__timeFilter(seen_at)
            """,
            at=(21, 0, 3, 4),
            unit="locale",
            steps=WARN,
        ),
        table(
            "What is wrong now",
            """
            Every alert that holds now, whatever the time range and the variables, the worst first. The runbook in
            docs/runbook.md has a section for each.
            """,
            """
            SELECT severity AS "Severity",
                   rule AS "Alert",
                   CASE
                       WHEN rule NOT IN ('dead letters', 'topic', 'lag', 'job down') THEN subject ELSE ''
                   END AS "Connection",
                   summary AS "What",
                   since_at AS "Since",
                   runbook AS "Runbook"
            FROM alerts
            ORDER BY severity, since_at DESC NULLS LAST
            LIMIT 200
            """,
            at=(0, 4, 24, 14),
            no_value="Nothing is wrong.",
            fields=[
                field("Severity", width=90, words={"critical": CRITICAL, "warning": WARNING}),
                field("Alert", width=110),
                connection_column(width=170),
                field("What", wrapText=True),
                time_column("Since", width=145),
                field("Runbook", width=110),
            ],
        ),
    ]
