"""Reads what the job has found, through the view `connection_status`, and draws it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg2.extensions import connection as Connection
from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class ConnectionStatus:
    """One connection, as the view has it."""

    connection_id: str
    declared_exchange: str | None
    detected_exchange: str
    probability: float
    mismatch: bool
    windows: int
    messages: int
    messages_per_second: float | None
    last_seen_at: datetime


_COLUMNS = tuple(ConnectionStatus.__annotations__)


def read_connections(
    database: Connection, *, only: Collection[str] | None = None, limit: int = 100
) -> list[ConnectionStatus]:
    """Read the connections that were seen last.

    Parameters
    ----------
    database : psycopg2 connection
        In autocommit mode, so that each call sees what has been written since.
    only : collection of str, optional
        Connection ids; every connection if None.
    limit : int
        Rows at most.
    """
    condition = "" if only is None else "WHERE connection_id = ANY(%(only)s)"
    query = (
        f"SELECT {', '.join(_COLUMNS)} FROM connection_status {condition} ORDER BY last_seen_at DESC LIMIT %(limit)s"  # noqa: S608  # only our own names
    )
    with database.cursor() as cursor:
        cursor.execute(query, {"only": list(only or ()), "limit": limit})
        return [ConnectionStatus(**dict(zip(_COLUMNS, row, strict=True))) for row in cursor.fetchall()]


def connection_table(rows: Sequence[ConnectionStatus], *, title: str) -> Table:
    """Draw connections: what each claims to be, what it behaves like, and how sure that is."""
    table = Table(title=title, caption=_caption(rows))
    for heading in ("connection", "declared", "detected"):
        table.add_column(heading, no_wrap=True)
    for heading in ("probability", "windows", "messages/s"):
        table.add_column(heading, justify="right")
    for row in rows:
        style = "bold red" if row.mismatch else "yellow" if row.detected_exchange == "unknown" else "green"
        rate = "" if row.messages_per_second is None else f"{row.messages_per_second:,.1f}"
        table.add_row(
            row.connection_id,
            row.declared_exchange or "-",
            f"[{style}]{row.detected_exchange}{' !' if row.mismatch else ''}[/]",
            f"{row.probability:.3f}",
            f"{row.windows:,}",
            rate,
        )
    return table


def _caption(rows: Sequence[ConnectionStatus]) -> str:
    if not rows:
        return "no connection has a complete window of 50 messages yet"
    mismatches = sum(row.mismatch for row in rows)
    return f"{len(rows)} connections, {sum(row.windows for row in rows):,} windows, {mismatches} not what they declare"
