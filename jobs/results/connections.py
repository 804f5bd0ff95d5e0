"""Reads what the job has found, through the views `connection_status` and `connection_alerts`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from model.registry.database import Connection, Cursor


@dataclass(frozen=True, kw_only=True)
class ConnectionStatus:
    """One connection, as the views have it; `reason` says why it is not what it declares, if so."""

    connection_id: str
    declared_exchange: str | None
    detected_exchange: str
    certainty: str
    probability: float
    mismatch: bool
    since_at: datetime | None
    windows: int
    messages: int
    messages_per_second: float | None
    last_seen_at: datetime
    signature: str
    reason: str | None


_COLUMNS = tuple(ConnectionStatus.__annotations__)


def read_connections(
    database: Connection, *, only: Collection[str] | None = None, limit: int = 0
) -> list[ConnectionStatus]:
    """Read the connections that are named, or those that were seen last.

    Parameters
    ----------
    database : psycopg2 connection
        In autocommit mode, so that each call sees what has been written since.
    only : collection of str, optional
        Connection ids; those seen last if None.
    limit : int
        How many of those seen last.
    """
    query = f"""
        SELECT {", ".join(_COLUMNS)}
        FROM connection_status
        LEFT JOIN (SELECT connection_id, reason FROM connection_alerts) AS alerts USING (connection_id)
        WHERE connection_id = ANY(%s) ORDER BY last_seen_at DESC, connection_id"""  # noqa: S608  # only our own names
    with database.cursor() as cursor:
        cursor.execute(query, (list(_seen_last(cursor, limit) if only is None else only),))
        return [ConnectionStatus(**dict(zip(_COLUMNS, row, strict=True))) for row in cursor.fetchall()]


def _seen_last(cursor: Cursor, limit: int) -> list[str]:
    cursor.execute(
        "SELECT connection_id FROM connection_status ORDER BY last_seen_at DESC, connection_id LIMIT %s", (limit,)
    )
    return [connection_id for (connection_id,) in cursor.fetchall()]


def mismatch_remarks(rows: Sequence[ConnectionStatus]) -> list[str]:
    """Say in a sentence of each connection that is not what it declares what it is, since when and why."""
    return [
        f"{row.connection_id} declares {row.declared_exchange}, behaves like {row.detected_exchange}"
        + (f" since {row.since_at.astimezone():%H:%M:%S}" if row.since_at is not None else "")
        + (f": {row.reason}" if row.reason else "")
        + "."
        for row in rows
        if row.mismatch
    ]
