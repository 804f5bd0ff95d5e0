"""The three tables of `watch`: their columns, how each is read and sorted in SQL, and how it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from jobs.results.wording import spoken_duration

Row = dict[str, Any]

LIVE: Final = """(last_seen_at > now() - interval '15 minutes'
    AND (last_seen_at <= now() OR updated_at > now() - interval '15 minutes') AND NOT has_ended)"""
"""Which connections count as live; they come first, whatever the order. A clock that is ahead keeps none alive."""


class Pane(StrEnum):
    """Which table."""

    ALERTS = "alerts"
    CONNECTIONS = "connections"
    EVENTS = "events"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name : str
        Its heading, and what it is called where one sorts by it.
    field : str
        The field of a row, and the column of the view that it is read from.
    text : callable
        Writes a row's cell; takes the row and the time that it was read.
    descends : bool
        Whether large values come first, unless reversed.
    order : str
        What it is sorted by in SQL, if that is not the field.
    is_number : bool
        Whether it is set to the right.
    """

    name: str
    field: str
    text: Callable[[Row, datetime], str]
    descends: bool = False
    order: str = ""
    is_number: bool = False


def clock(at: datetime | None, now: datetime) -> str:
    """Write a time of the local clock; one that is not of today by its date too.

    >>> from datetime import timezone
    >>> clock(datetime(2026, 11, 22, 9, 5, 7), datetime(2026, 11, 23, 9, 0))
    '11-22 09:05'
    """
    if at is None:
        return "-"
    if at.tzinfo is not None:
        at, now = at.astimezone(), now.astimezone()
    return f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%m-%d %H:%M}"


def age(at: datetime | None, now: datetime) -> str:
    """Write how long ago something was; what was days ago, in days alone.

    >>> now = datetime(2026, 11, 23, 9, 0)
    >>> [age(at, now) for at in (datetime(2026, 11, 22, 7), datetime(2026, 11, 23, 7, 50), datetime(2026, 11, 1))]
    ['1 day', '1 h 10 min', '22 days']
    """
    if at is None:
        return "-"
    passed = now - at
    return spoken_duration((timedelta(days=passed.days) if passed.days else passed).total_seconds())


def _last_seen(row: Row, now: datetime) -> str:
    """Say how long ago a connection was seen, and what became of it: an end that was told is no silence."""
    seen = age(row["last_seen_at"], now)
    if row["is_recording"]:
        return f"recorded {seen}"
    return f"ended {seen}" if row["has_ended"] else f"silent {seen}" if row["is_silent"] else seen


def _plain(field: str) -> Callable[[Row, datetime], str]:
    return lambda row, _now: "-" if row[field] is None else str(row[field])


def _clock(field: str) -> Callable[[Row, datetime], str]:
    return lambda row, now: clock(row[field], now)


def _number(field: str, form: str) -> Callable[[Row, datetime], str]:
    return lambda row, _now: "-" if row[field] is None else format(row[field], form)


def _detected(row: Row, _now: datetime) -> str:
    return f"{row['detected_exchange']}{' !' if row['mismatch'] else ''}"


COLUMNS: Final[dict[Pane, tuple[Column, ...]]] = {
    Pane.ALERTS: (
        # Critical before warning, as the alphabet has them.
        Column(name="severity", field="severity", text=_plain("severity")),
        Column(name="rule", field="rule", text=_plain("rule")),
        Column(name="subject", field="subject", text=_plain("subject")),
        Column(name="since", field="since_at", text=_clock("since_at"), descends=True),
        Column(name="summary", field="summary", text=_plain("summary")),
    ),
    Pane.CONNECTIONS: (
        Column(name="connection", field="connection_id", text=_plain("connection_id")),
        Column(name="declared", field="declared_exchange", text=_plain("declared_exchange")),
        Column(name="detected", field="detected_exchange", text=_detected, order="NOT mismatch, detected_exchange"),
        Column(name="certainty", field="certainty", text=_plain("certainty")),
        Column(name="last-seen", field="last_seen_at", text=_last_seen, descends=True),
        Column(name="probability", field="probability", text=_number("probability", ".3f"), is_number=True),
        Column(name="since", field="since_at", text=_clock("since_at"), descends=True),
        Column(name="windows", field="windows", text=_number("windows", ",d"), descends=True, is_number=True),
        Column(
            name="rate",
            field="messages_per_second",
            text=_number("messages_per_second", ",.1f"),
            # A rate costs a look at ten windows, which is not spent on the thousands that have ended.
            order=f"CASE WHEN {LIVE} THEN messages_per_second END",
            descends=True,
            is_number=True,
        ),
        Column(name="signature", field="signature", text=_plain("signature")),
    ),
    Pane.EVENTS: (
        Column(name="at", field="detected_at", text=_clock("detected_at"), descends=True),
        Column(name="kind", field="kind", text=_plain("kind")),
        Column(name="connection", field="connection_id", text=_plain("connection_id")),
        Column(name="declared", field="declared_exchange", text=_plain("declared_exchange")),
        Column(name="detected", field="detected_exchange", text=_plain("detected_exchange")),
        Column(name="reason", field="reason", text=_plain("reason")),
    ),
}

SORTED_BY: Final = {Pane.ALERTS: "severity", Pane.CONNECTIONS: "since", Pane.EVENTS: "at"}
"""The column that each table is sorted by, unless one chooses another."""


def column_of(pane: Pane, name: str) -> Column:
    """Find a column by its name."""
    return next(column for column in COLUMNS[pane] if column.name == name)
