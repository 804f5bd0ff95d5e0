"""All that is known of one connection: its verdict and why, its intervals, its health, its last windows."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from jobs.reference.connection_explanation import ConnectionExplanation
from jobs.results.explanation_lines import explanation_lines
from jobs.results.stored_explanation import explain_stored
from jobs.results.visible_text import visible
from jobs.results.watch.panes import Row, age, clock
from jobs.results.wording import counted, spoken_duration
from model.registry.database import Connection, Cursor
from udfs.errors import PipelineError, ServiceUnavailable

_INDENT: Final = "  "
_LAST: Final = 10
"""So many windows and faults are shown."""

_STATE: Final = """
    SELECT now() AS at, last_recv_at, heard_at, messages, silence_limit_s, last_heartbeat_at, is_recording,
           EXISTS (SELECT FROM ended_connections AS ended WHERE ended.connection_id = clock.connection_id) AS has_ended,
           EXISTS (SELECT FROM silent_connections AS silent WHERE silent.connection_id = clock.connection_id)
               AS is_silent
    FROM connection_clocks AS clock
    WHERE connection_id = %(connection_id)s"""
_FAULTS: Final = """
    SELECT detected_at, kind, reason FROM connection_health
    WHERE connection_id = %(connection_id)s ORDER BY detected_at DESC, kind LIMIT %(last)s"""
_WINDOWS: Final = """
    SELECT last_offset, window_end_at, predicted_exchange AS detected_exchange, confidence,
           49 / nullif(extract(epoch FROM window_end_at - window_start_at), 0)::double precision AS messages_per_second
    FROM window_scores
    WHERE connection_id = %(connection_id)s ORDER BY kafka_partition DESC, last_offset DESC LIMIT %(last)s"""


@dataclass(frozen=True, kw_only=True)
class ConnectionDetail:
    """What is known of a connection at one moment.

    Attributes
    ----------
    connection_id : str
    begun_s : float
        When it was begun to be read, by this machine's monotonic clock.
    explanation : ConnectionExplanation or None
        Why its verdict is what it is.
    problem : str
        Why there is no explanation; else empty.
    state : dict or None
        When it was heard of, and how long a pause of it may be; None before it is known.
    faults, windows : list of dict
        Its last ones, the newest first.
    """

    connection_id: str
    begun_s: float
    explanation: ConnectionExplanation | None
    problem: str
    state: Row | None
    faults: list[Row]
    windows: list[Row]


def read_detail(database: Connection, connection_id: str) -> ConnectionDetail:
    """Read what is known of a connection; the database is in autocommit mode.

    Raises
    ------
    ServiceUnavailable
        If PostgreSQL does not answer.
    """
    begun_s = time.monotonic()
    explanation, problem = None, ""
    try:
        explanation = explain_stored(database, connection_id)
    except ServiceUnavailable:
        raise
    except PipelineError as error:
        problem = str(error)
    with database.cursor() as cursor:
        states, faults, windows = (_rows(cursor, query, connection_id) for query in (_STATE, _FAULTS, _WINDOWS))
    return ConnectionDetail(
        connection_id=connection_id,
        begun_s=begun_s,
        explanation=explanation,
        problem=problem,
        state=states[0] if states else None,
        faults=faults,
        windows=windows,
    )


def detail_lines(detail: ConnectionDetail, width: int) -> list[str]:
    """Write it in lines of at most `width` characters, of which it takes 76 at least."""
    return [visible(line).rstrip() for line in _lines(detail, width)]


def _lines(detail: ConnectionDetail, width: int) -> Iterator[str]:
    if detail.explanation is None:
        yield detail.connection_id
        yield from _wrapped(detail.problem, width)
    else:
        yield from explanation_lines(detail.explanation, width)
    if detail.state is not None:
        yield ""
        yield from textwrap.wrap(f"Intervals: {_intervals(detail.state)}", width, subsequent_indent=_INDENT)
    yield ""
    yield from _health_lines(detail, width)
    if detail.windows:
        now = detail.state["at"] if detail.state is not None else detail.windows[0]["window_end_at"]
        yield ""
        yield f"Last windows, the newest first ({counted(len(detail.windows), 'window')}):"
        yield from _table(
            ("ends", "behaves like", "probability", "messages/s", "last offset"),
            [_window(row, now) for row in detail.windows],
        )


def _intervals(state: Row) -> str:
    limit = state["silence_limit_s"]
    allowed = "not known before 200 messages" if limit is None else f"up to {spoken_duration(limit)}"
    seen = age(state["heard_at"], state["at"])
    said = f"{counted(state['messages'], 'message')}, a pause may last {allowed}"
    if state["last_heartbeat_at"] is not None:
        said += f", last heartbeat at {clock(state['last_heartbeat_at'], state['at'])}"
    if state["is_recording"]:
        return f"{said}. It is a recording, received {seen} ago."
    if state["has_ended"]:
        return f"{said}. It ended {seen} ago, as its sender has said."
    return f"{said}. It has been silent for {seen}." if state["is_silent"] else f"{said}. Last heard of {seen} ago."


def _health_lines(detail: ConnectionDetail, width: int) -> Iterator[str]:
    if not detail.faults:
        yield "Health: no gap, repeat, reset, stall or drift was seen."
        return
    yield "Health, the newest first:"
    now = detail.state["at"] if detail.state is not None else detail.faults[0]["detected_at"]
    for fault in detail.faults:
        text = f"{clock(fault['detected_at'], now)}  {fault['kind']}: {fault['reason']}"
        yield from textwrap.wrap(text, width, initial_indent=_INDENT, subsequent_indent=2 * _INDENT)


def _window(row: Row, now: datetime) -> list[str]:
    rate = row["messages_per_second"]
    return [
        clock(row["window_end_at"], now),
        row["detected_exchange"],
        f"{row['confidence']:.3f}",
        "-" if rate is None else f"{rate:,.1f}",
        str(row["last_offset"]),
    ]


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[i]) for row in (headings, *rows)) for i in range(len(headings))]
    for row in (headings, *rows):
        yield _INDENT + _INDENT.join(text.rjust(width) for text, width in zip(row, widths, strict=True))


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=_INDENT, subsequent_indent=_INDENT)


def _rows(cursor: Cursor, query: str, connection_id: str) -> list[dict[str, Any]]:
    cursor.execute(query, {"connection_id": connection_id, "last": _LAST})
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
