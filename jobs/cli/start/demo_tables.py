"""What the demo shows: its connections, live, and at the end how well they were named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.text import Text

from jobs.cli.console import out, print_sentence
from jobs.cli.records import WIDER, Column, print_records, table_lines
from jobs.results.connections import ConnectionStatus
from jobs.results.wording import counted
from jobs.trials.demo_report import DemoReport
from udfs.current_verdict import CERTAIN
from udfs.schema import UNKNOWN

_CONNECTIONS: Final = [
    *(Column(name=name) for name in ("connection", "declared", "detected", "certainty")),
    Column(name="probability", is_number=True),
    Column(name="since"),
    Column(name="windows", is_number=True),
    Column(name="messages/s", is_number=True, is_spare=True),
]
_EXCHANGES: Final = [
    Column(name="exchange"),
    *(Column(name=name, is_number=True) for name in ("connections", "named right", "certain", "windows")),
]


def connection_lines(rows: Sequence[ConnectionStatus], width: int) -> Iterator[Text]:
    """Lay out for a terminal what each connection claims to be, what it behaves like, how sure that is, since when."""
    yield from table_lines(_CONNECTIONS, [("", list(map(_record, rows)))], width, list(map(_style, rows)), WIDER)
    yield Text(_sum(rows), style="italic")


def print_connections(rows: Sequence[ConnectionStatus]) -> None:
    """Print the same where no terminal reads."""
    print_records(_CONNECTIONS, [("", list(map(_record, rows)))])
    print_sentence(_sum(rows), is_aside=True)


def print_summary(report: DemoReport) -> None:
    """Print how many connections of each exchange were named right, how long it took, and who is not what it claims."""
    records = []
    styles = []
    for exchange in sorted(set(report.truths.values())):
        rows = [row for row in report.found if report.truths[row.connection_id] == exchange]
        right = sum(row.detected_exchange == exchange for row in rows)
        total = list(report.truths.values()).count(exchange)
        certain = sum(row.certainty == CERTAIN for row in rows)
        windows = sum(row.windows for row in rows)
        records.append([exchange, f"{total:,}", f"{right:,}", f"{certain:,}", f"{windows:,}"])
        styles.append("green" if right == total else "red")
    if out.is_terminal:
        out.line()
    print_records(_EXCHANGES, [("", records)], styles=styles)
    for remark in report.remarks():
        print_sentence(remark, is_aside=True)


def _record(row: ConnectionStatus) -> list[str]:
    return [
        row.connection_id,
        row.declared_exchange or "-",
        f"{row.detected_exchange}{' !' if row.mismatch else ''}",
        row.certainty,
        f"{row.probability:.3f}",
        "-" if row.since_at is None else f"{row.since_at.astimezone():%H:%M:%S}",
        f"{row.windows:,}",
        "-" if row.messages_per_second is None else f"{row.messages_per_second:,.1f}",
    ]


def _style(row: ConnectionStatus) -> str:
    return "bold red" if row.mismatch else "yellow" if row.detected_exchange == UNKNOWN else "green"


def _sum(rows: Sequence[ConnectionStatus]) -> str:
    if not rows:
        return "no connection has a complete window of 50 messages yet"
    mismatches = sum(row.mismatch for row in rows)
    windows = counted(sum(row.windows for row in rows), "window")
    return f"{counted(len(rows), 'connection')}, {windows}, {mismatches} not what they declare"
