"""What `watch` shows at one moment, read through the views; filtered, sorted and cut in SQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import orjson

from jobs.results.active_alerts import Alert
from jobs.results.watch.panes import LIVE, SORTED_BY, Pane, Row, column_of
from model.registry.database import Connection, Cursor

AddJob = Callable[[list[Alert]], list[Alert]]

MOST_WINDOWS: Final = 5000
"""Rate and latency are of the last minute's last so many windows, so that more of them take no longer."""

MOST_EVENTS: Final = 2000
"""Events are looked for among so many of the last ones, of each kind of source."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """A column's name, and whether its usual direction is reversed."""

    column: str
    is_reversed: bool = False


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which rows, in which order.

    Attributes
    ----------
    exchange, declared : str or None
        Only rows of what behaves like this exchange, or declares it; `none` if it declares nothing.
    only_problems : bool
        Only connections that an alert is about, and no events that are as they should be.
    text : str
        Only rows that have this in one of their texts.
    orders : Order by Pane
        The order of each table.
    limit : int
        How many rows of a table at most.
    """

    exchange: str | None = None
    declared: str | None = None
    only_problems: bool = False
    text: str = ""
    orders: dict[Pane, Order] = field(default_factory=lambda: {p: Order(column=name) for p, name in SORTED_BY.items()})
    limit: int = 100

    def sorted_by(self, pane: Pane, order: Order) -> Choice:
        """Return the same choice with one table in another order."""
        return replace(self, orders=self.orders | {pane: order})


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The numbers above the tables; those of windows are of the last minute, by receive time.

    Attributes
    ----------
    live_by_exchange : int by str
        Live connections by detected exchange, `unknown` included; the commonest first.
    mismatches : int
        Live connections that are certain to be another exchange than they declare.
    connections : int
        All that are kept.
    last_seen_at : datetime or None
        When the last window's last message came.
    """

    live_by_exchange: dict[str, int]
    mismatches: int
    connections: int
    last_seen_at: datetime | None
    windows_per_second: float
    messages_per_second: float
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    critical_alerts: int
    warning_alerts: int


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """All that is shown of one moment, by the clock of the database."""

    at: datetime
    begun_s: float
    """When it was begun to be read, by this machine's monotonic clock."""
    summary: Summary
    matching: int
    """Connections that the choice takes, of which those within the limit are in the table."""
    rows: dict[Pane, list[Row]]

    def to_json(self) -> dict[str, Any]:
        """Lay it out as one JSON object."""
        tables = {pane.value: self.rows[pane] for pane in Pane}
        return {"at": self.at, "summary": asdict(self.summary), "matching_connections": self.matching, **tables}


def read_snapshot(database: Connection, choice: Choice, add_job: AddJob = list) -> Snapshot:
    """Read what is shown now.

    Parameters
    ----------
    database : psycopg2 connection
        In autocommit mode, so that each call sees what was written since.
    choice : Choice
        What is shown.
    add_job : callable
        Adds to the alerts of the tables what Flink says of the job.
    """
    begun_s = time.monotonic()
    with database.cursor() as cursor:
        at, of_tables = _one(cursor, ALERTS)
        found = add_job([_to_alert(row) for row in orjson.loads(of_tables)])
        critical, warnings = (
            sum(alert.stands_for for alert in found if alert.severity == name) for name in ("critical", "warning")
        )
        subjects, alerts = sorted({alert.subject for alert in found}), orjson.dumps(found).decode()
        (matching,) = _one(cursor, *statement(Pane.CONNECTIONS, choice, subjects, count=True))
        rows = {pane: _rows(cursor, *statement(pane, choice, subjects, alerts)) for pane in Pane}
        summary = _read_summary(cursor, critical, warnings)
        return Snapshot(at=at, begun_s=begun_s, summary=summary, matching=matching, rows=rows)


SUMMARY: Final = f"""
    SELECT (SELECT jsonb_object_agg(detected_exchange, live ORDER BY live DESC) FROM (
               SELECT detected_exchange, count(*) AS live FROM connection_status WHERE {LIVE} GROUP BY 1) AS counted),
           (SELECT count(*) FROM connection_status WHERE mismatch AND {LIVE}),
           (SELECT count(*) FROM connection_status),
           (SELECT max(last_seen_at) FROM connection_status WHERE last_seen_at < now() + interval '1 minute'),
           windows / seconds, 25 * windows / seconds, latency_p50_ms, latency_p95_ms
    FROM (
        SELECT count(*) AS windows,
               CASE WHEN count(*) < {MOST_WINDOWS} THEN 60.0
                    ELSE extract(epoch FROM max(window_end_at) - min(window_end_at)) END::double precision AS seconds,
               percentile_cont(0.50) WITHIN GROUP (ORDER BY latency_ms) AS latency_p50_ms,
               percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms) AS latency_p95_ms
        FROM (
            SELECT window_end_at, latency_ms FROM scored_windows
            WHERE window_end_at BETWEEN now() - interval '1 minute' AND now()
            ORDER BY window_end_at DESC LIMIT {MOST_WINDOWS}
        ) AS last_windows
    ) AS last_minute"""

ALERTS: Final = """
    SELECT clock_timestamp(), coalesce(jsonb_agg(to_jsonb(alert)), '[]')::text FROM alerts AS alert"""
"""All alerts, of which there are a few hundred at most: the view is read once for a snapshot."""


def _to_alert(row: Row) -> Alert:
    since = row["since_at"]
    return Alert(**row | {"since_at": None if since is None else datetime.fromisoformat(since)})


def _read_summary(cursor: Cursor, critical: int, warnings: int) -> Summary:
    live, mismatches, connections, last_seen_at, *numbers = _one(cursor, SUMMARY)
    windows_per_second, messages_per_second, p50_ms, p95_ms = numbers
    return Summary(
        live_by_exchange=dict(sorted((live or {}).items(), key=lambda item: (-item[1], item[0]))),
        mismatches=mismatches,
        connections=connections,
        last_seen_at=last_seen_at,
        windows_per_second=windows_per_second,
        messages_per_second=messages_per_second,
        latency_p50_ms=p50_ms,
        latency_p95_ms=p95_ms,
        critical_alerts=critical,
        warning_alerts=warnings,
    )


_NO_LIE: Final = "detected_at < now() + interval '1 day'"
"""Times of years ahead would hold the places of all events that come."""

_SOURCES: Final = {
    Pane.ALERTS: """
        SELECT *
        FROM jsonb_to_recordset(%(alerts)s) AS alert (rule text, severity text, subject text, declared_exchange text,
            detected_exchange text, since_at timestamptz, value double precision, limit_value double precision,
            summary text, runbook text)""",
    # What has to be looked up in other tables is a subquery, which PostgreSQL runs for the rows within the limit only.
    Pane.CONNECTIONS: """
        SELECT connection_id, declared_exchange, detected_exchange, certainty, probability, mismatch, since_at, windows,
               messages, messages_per_second, last_seen_at, signature, clock_ahead_s, has_ended, is_recording,
               EXISTS (SELECT FROM silent_connections AS silent WHERE silent.connection_id = status.connection_id)
                   AS is_silent,
               (SELECT reason FROM connection_alerts WHERE connection_id = status.connection_id) AS reason
        FROM connection_status AS status""",
    Pane.EVENTS: f"""
        SELECT * FROM (
            (SELECT detected_at, kind, connection_id, declared_exchange, detected_exchange, since_at, reason
             FROM verdict_events WHERE {_NO_LIE} ORDER BY detected_at DESC LIMIT {MOST_EVENTS})
            UNION ALL
            (SELECT detected_at, kind, connection_id, declared_exchange, NULL, since_at, reason
             FROM connection_health WHERE {_NO_LIE} ORDER BY detected_at DESC LIMIT {MOST_EVENTS})
        ) AS events""",
}
_PROBLEMS: Final = {
    Pane.ALERTS: "true",
    Pane.CONNECTIONS: "connection_id = ANY(%(subjects)s)",
    Pane.EVENTS: "kind <> 'named'",
}
_TEXTS: Final = {
    Pane.ALERTS: "rule, severity, subject, declared_exchange, detected_exchange, summary",
    Pane.CONNECTIONS: "connection_id, declared_exchange, detected_exchange, certainty, signature",
    Pane.EVENTS: "kind, connection_id, declared_exchange, detected_exchange, reason",
}
_KEYS: Final = {
    Pane.ALERTS: "rule, subject",
    Pane.CONNECTIONS: "connection_id",
    Pane.EVENTS: "detected_at DESC, connection_id, kind",
}


def statement(
    pane: Pane, choice: Choice, subjects: Sequence[str] = (), alerts: str = "[]", *, count: bool = False
) -> tuple[str, dict[str, Any]]:
    """Write the statement that reads a table's rows, or counts the connections, and the values that go into it.

    `subjects` are those of all alerts, and `alerts` is what `ALERTS` reads of them, as JSON.
    """
    conditions = ["true"]
    if choice.exchange is not None:
        conditions.append("detected_exchange = %(exchange)s")
    if choice.declared is not None:
        conditions.append("coalesce(declared_exchange, 'none') = %(declared)s")
    if choice.only_problems:
        conditions.append(_PROBLEMS[pane])
    if choice.text:
        conditions.append(f"position(lower(%(text)s) IN lower(concat_ws(' ', {_TEXTS[pane]}))) > 0")
    values: dict[str, Any] = {
        "exchange": choice.exchange,
        "declared": choice.declared,
        "text": choice.text,
        "limit": choice.limit,
    }
    values |= {"subjects": list(subjects), "alerts": alerts}
    where = " AND ".join(conditions)
    if count:
        return f"SELECT count(*) FROM connection_status WHERE {where}", values
    return f"{_SOURCES[pane]} WHERE {where} ORDER BY {_order(pane, choice.orders[pane])} LIMIT %(limit)s", values


def _order(pane: Pane, order: Order) -> str:
    column = column_of(pane, order.column)
    direction = "DESC" if column.descends != order.is_reversed else "ASC"
    fields = [f"{name} {direction} NULLS LAST" for name in (column.order or column.field).split(", ")]
    is_live_first = pane is Pane.CONNECTIONS and column.name != "last-seen"
    return ", ".join([*([f"({LIVE}) DESC"] if is_live_first else []), *fields, _KEYS[pane]])


def _one(cursor: Cursor, statement: str, values: dict[str, Any] | None = None) -> tuple[Any, ...]:
    cursor.execute(statement, values)
    (row,) = cursor.fetchall()
    return tuple(row)


def _rows(cursor: Cursor, statement: str, values: dict[str, Any]) -> list[Row]:
    cursor.execute(statement, values)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
