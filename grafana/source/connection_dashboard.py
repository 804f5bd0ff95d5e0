"""Connection: one connection's life."""

from __future__ import annotations

from grafana.source.blocks.dashboard import dashboard
from grafana.source.blocks.fields import (
    exchange_column,
    exchange_series,
    exchange_words,
    field,
    instant_column,
    time_column,
)
from grafana.source.blocks.panels import stat, state_timeline, table, timeseries
from grafana.source.blocks.style import CRITICAL, KIND_COLOURS, SKY_BLUE, WARNING, Json
from grafana.source.blocks.variables import SHOWN, one_of, text_box, value_of
from grafana.source.connection_charts import behaviour, health
from grafana.source.connection_intervals import intervals


def build() -> Json:
    """Build the dashboard."""
    return dashboard(
        "fingerprint-connection",
        "One connection's life: what it behaves like, since when, how sure that is, and what it does.",
        [*_status(), *_verdicts(), *intervals(), *behaviour(), *health()],
        variables=[
            text_box("search", "Search", "A part of the connection's id; % stands for anything. Empty lists all."),
            one_of(
                "connection",
                "Connection",
                "The connection shown. Mismatches are listed first, then the connections seen last, up to 500.",
                f"""
                SELECT connection_id
                FROM connection_status
                WHERE connection_id ILIKE '%' || {value_of("search")} || '%' ESCAPE ''
                ORDER BY mismatch DESC, last_seen_at DESC
                LIMIT 500
                """,
            ),
        ],
        time_from="now-1h",
    )


def _status() -> list[Json]:
    exchange = [{"id": "mappings", "value": exchange_words()}]
    return [
        stat(
            "Now",
            """
            What the connection claims to be, what it behaves like, and how sure that is. Certain means that the
            evidence has reached the model's bound; probability is that the verdict is right. Whatever the time range.
            """,
            f"""
            SELECT coalesce(declared_exchange, 'none') AS "Declared",
                   detected_exchange AS "Detected",
                   certainty AS "Certainty",
                   probability AS "Probability"
            FROM connection_status
            WHERE connection_id = {SHOWN}
            """,
            at=(0, 0, 8, 4),
            unit="string",
            texts=True,
            fields=[
                {"matcher": {"id": "byRegexp", "options": "/^(Declared|Detected)$/"}, "properties": exchange},
                field("Probability", unit="percentunit", decimals=1),
            ],
        ),
        stat(
            "Before",
            """
            Since when it has behaved like this, by the evidence; what was certain before; and how many messages it
            took until something was certain for the first time. Whatever the time range.
            """,
            f"""
            SELECT since_at AS "Since",
                   coalesce(previous_exchange, 'nothing') AS "Previously",
                   certain_after_messages AS "Certain after"
            FROM connection_status
            WHERE connection_id = {SHOWN}
            """,
            at=(8, 0, 7, 4),
            unit="locale",
            texts=True,
            fields=[
                field("Since", unit="dateTimeFromNow"),
                field("Certain after", unit="suffix: messages"),
                {"matcher": {"id": "byName", "options": "Previously"}, "properties": exchange},
            ],
        ),
        stat(
            "Activity",
            "Rate over its last ten windows, messages so far, and when its last window ended. Whatever the time range.",
            f"""
            SELECT messages_per_second AS "Messages/s",
                   messages AS "Messages",
                   last_seen_at AS "Last seen"
            FROM connection_status
            WHERE connection_id = {SHOWN}
            """,
            at=(15, 0, 9, 4),
            unit="locale",
            texts=True,
            fields=[field("Messages/s", decimals=1), field("Last seen", unit="dateTimeFromNow")],
        ),
        table(
            "What is wrong with it now",
            "The alerts that hold now for this connection, whatever the time range.",
            f"""
            SELECT severity AS "Severity",
                   rule AS "Alert",
                   summary AS "What",
                   since_at AS "Since",
                   runbook AS "Runbook"
            FROM alerts
            WHERE subject = {SHOWN}
            ORDER BY severity, since_at DESC NULLS LAST
            """,
            at=(0, 4, 17, 6),
            no_value="Nothing is wrong.",
            fields=[
                field("Severity", width=90, words={"critical": CRITICAL, "warning": WARNING}),
                field("Alert", width=110),
                field("What", wrapText=True),
                time_column("Since", width=145),
                field("Runbook", width=110),
            ],
        ),
        table(
            "Signature",
            """
            Short description of the behaviour: in its last 16 windows as the verdict has it, and of the windows of
            the time range, the most frequent first.
            """,
            f"""
            SELECT coalesce(signature, 'not kept') AS "Signature",
                   count(*) AS "Windows"
            FROM scored_windows
            WHERE connection_id = {SHOWN}
              AND $__timeFilter(window_end_at)
            GROUP BY signature
            ORDER BY count(*) DESC, signature
            LIMIT 20
            """,
            at=(17, 4, 7, 6),
            no_value="No windows in the time range.",
            fields=[field("Windows", unit="locale", width=80)],
        ),
    ]


def _verdicts() -> list[Json]:
    return [
        state_timeline(
            "Verdict over time",
            """
            What was certain of it, from when that was decided until something else was, or its last window; nothing
            before the first verdict. Above that what it declared. Two strips of one colour: it is what it declares.
            """,
            f"""
            WITH known AS (
                SELECT detected_at AS at, declared_exchange, detected_exchange
                FROM verdict_events
                WHERE connection_id = {SHOWN}
                  AND $__timeFilter(detected_at)
                UNION ALL
                (
                    SELECT $__timeFrom()::timestamptz, declared_exchange, detected_exchange
                    FROM verdict_events
                    WHERE connection_id = {SHOWN}
                      AND detected_at < $__timeFrom()::timestamptz
                    ORDER BY detected_at DESC
                    LIMIT 1
                )
            )
            SELECT at AS "time",
                   coalesce(declared_exchange, 'none') AS "Declared",
                   detected_exchange AS "Verdict"
            FROM known
            UNION ALL
            SELECT last_seen_at, NULL, NULL
            FROM connection_status
            WHERE connection_id = {SHOWN}
              AND last_seen_at BETWEEN $__timeFrom()::timestamptz AND $__timeTo()::timestamptz - interval '1 minute'
              AND last_seen_at > (SELECT max(at) FROM known)
            ORDER BY "time"
            """,
            at=(0, 10, 24, 5),
            mappings=exchange_words(),
            no_value="Nothing was certain in the time range.",
        ),
        timeseries(
            "Probabilities",
            "Which exchange its windows look like: mean probability of each class.",
            f"""
            SELECT $__timeGroupAlias(window_end_at, $__interval),
                   exchange AS metric,
                   avg(probability) AS value
            FROM window_probabilities
            WHERE connection_id = {SHOWN}
              AND $__timeFilter(window_end_at)
            GROUP BY 1, 2
            ORDER BY 1, 2
            """,
            at=(0, 15, 24, 8),
            unit="percentunit",
            least=0,
            most=1,
            stacked="normal",
            fields=exchange_series(),
            no_value="No windows in the time range.",
        ),
        table(
            "Verdicts",
            """
            Every change of what is certain of it, the latest first, whatever the time range: the window that decided,
            since when it was so by the evidence, and the strength of the evidence (2.3 nats are a factor of 10).
            """,
            f"""
            SELECT detected_at AS "Detected",
                   since_at AS "Since",
                   kind AS "Kind",
                   coalesce(declared_exchange, 'none') AS "Declared",
                   coalesce(previous_exchange, '') AS "Before",
                   detected_exchange AS "Verdict",
                   probability AS "Probability",
                   strength_nats AS "Strength",
                   windows AS "Windows",
                   signature AS "Signature"
            FROM verdict_events
            WHERE connection_id = {SHOWN}
            ORDER BY detected_at DESC
            LIMIT 100
            """,
            at=(0, 23, 24, 6),
            no_value="Nothing has been certain yet.",
            fields=[
                instant_column(like="^(Detected|Since)$"),
                field("Kind", width=90, words=KIND_COLOURS),
                *(exchange_column(name) for name in ("Declared", "Before", "Verdict")),
                field("Probability", unit="percentunit", decimals=1, width=100),
                field("Strength", decimals=1, width=100),
                field("Windows", unit="locale", width=100),
            ],
        ),
        table(
            "Top reasons",
            """
            What in the deciding windows spoke for the verdict and against the declared exchange or the runner-up, the
            latest verdict first: by how much, in nats, and in words. A verdict that is what the connection declares
            needs no reasons.
            """,
            f"""
            SELECT event.detected_at AS "Detected",
                   event.detected_exchange AS "For",
                   coalesce(event.against_exchange, '') AS "Against",
                   (stated ->> 'contribution_nats')::double precision AS "Nats",
                   stated ->> 'text' AS "Reason"
            FROM verdict_events AS event
            CROSS JOIN LATERAL jsonb_array_elements(event.reasons -> 'reasons') AS stated
            WHERE event.connection_id = {SHOWN}
            ORDER BY event.detected_at DESC, "Nats" DESC
            LIMIT 100
            """,
            at=(0, 29, 24, 8),
            no_value="No verdict that needs reasons.",
            fields=[
                instant_column("Detected"),
                exchange_column("For"),
                exchange_column("Against"),
                field(
                    "Nats",
                    width=180,
                    decimals=2,
                    cellOptions={"type": "gauge", "mode": "basic", "valueDisplayMode": "text"},
                    colour=SKY_BLUE,
                ),
                field("Reason", wrapText=True),
            ],
        ),
    ]
