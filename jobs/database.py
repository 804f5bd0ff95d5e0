"""Connections to PostgreSQL, with what it says translated into one sentence; the only place that opens one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg2
from psycopg2.extensions import connection as Connection

from jobs.config import parse_database_url
from udfs.errors import ConfigError

CONNECT_TIMEOUT_S: Final = 10


@contextmanager
def connect(database_url: str, *, lock_timeout_s: int = 0) -> Iterator[Connection]:
    """Open a connection in autocommit mode, and close it afterwards.

    Parameters
    ----------
    database_url : str
        postgresql://USER:PASSWORD@HOST:PORT/DATABASE.
    lock_timeout_s : int
        How long a statement may wait for a lock; 0 waits for ever.

    Raises
    ------
    ConfigError
        If the database cannot be reached, or refuses a statement.
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
            options=f"-c lock_timeout={lock_timeout_s}s",
            application_name="fingerprint",
        )
    except psycopg2.OperationalError as error:
        raise ConfigError(f"Expected to reach {where}, but {_reason(error)}: check DATABASE_URL") from error
    try:
        connection.autocommit = True
        yield connection
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
