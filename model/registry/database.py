"""Connections to PostgreSQL, with what it says translated into one sentence; the only place that opens one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg2
from psycopg2.errors import QueryCanceled
from psycopg2.extensions import connection as Connection

from model.registry.database_url import parse_database_url
from udfs.errors import ConfigError

CONNECT_TIMEOUT_S: Final = 10

_NOTICE_LOSS: Final[dict[str, Any]] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # milliseconds, as long as the others together
}
"""A server that vanished without a word is noticed within 25 s, whether we wait for it or write to it."""


@contextmanager
def connect(database_url: str, *, statement_timeout_s: int = 0) -> Iterator[Connection]:
    """Open a connection in autocommit mode, and close it afterwards.

    Parameters
    ----------
    database_url : str
        postgresql://USER:PASSWORD@HOST:PORT/DATABASE.
    statement_timeout_s : int
        How long a statement may take; 0 lets it take as long as the server does.

    Raises
    ------
    ConfigError
        If the database cannot be reached, refuses a statement, or takes too long for it.
    """
    database = parse_database_url(database_url)
    where = f"the PostgreSQL database {database.name!r} at {database.host}:{database.port} as user {database.user!r}"
    try:
        connection = psycopg2.connect(
            host=database.host,
            port=database.port,
            dbname=database.name,
            user=database.user,
            password=database.password,
            connect_timeout=CONNECT_TIMEOUT_S,
            options=f"-c statement_timeout={statement_timeout_s}s" if statement_timeout_s else "",
            application_name="fingerprint",
            **_NOTICE_LOSS,
        )
    except psycopg2.OperationalError as error:
        raise ConfigError(f"Expected to reach {where}, but {_reason(error)}: check DATABASE_URL") from error
    try:
        connection.autocommit = True
        yield connection
    except QueryCanceled as error:
        raise ConfigError(
            f"Expected an answer of {where} within {statement_timeout_s} s, but {_reason(error)}: look for who holds a "
            "lock, or what keeps it busy, in pg_stat_activity"
        ) from error
    except psycopg2.Error as error:
        raise ConfigError(
            f"Expected to use {where}, but {_reason(error)}: check the database and our rights"
        ) from error
    finally:
        connection.close()


def _reason(error: psycopg2.Error) -> str:
    """Take the first line of what libpq or the server says, without the address that the sentence names already."""
    first_line = str(error).strip().partition("\n")[0]
    return first_line.rpartition("failed: ")[2].removeprefix("FATAL:").strip() or type(error).__name__
