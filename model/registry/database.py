"""PostgreSQL: the only place that imports its driver, opens connections, and says in one sentence what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg2
from psycopg2 import Binary
from psycopg2.errors import LockNotAvailable, QueryCanceled, UniqueViolation
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import execute_values, register_default_jsonb
from psycopg2.sql import SQL, Identifier

from model.registry.database_url import Database, parse_database_url
from udfs.errors import ConfigError, PipelineError, SchemaError, ServiceUnavailable

__all__ = [
    "SQL",
    "Binary",
    "Connection",
    "Cursor",
    "Identifier",
    "LastingConnection",
    "LockNotAvailable",
    "UniqueViolation",
    "connect",
    "connection_options",
    "execute_values",
    "find_password",
    "register_default_jsonb",
]

APPLICATION_NAME: Final = "fingerprint"
"""What a connection is called in pg_stat_activity, unless it says more of itself."""

_OPTIONS: Final[dict[str, Any]] = {
    "client_encoding": "UTF8",  # whatever a role or a database sets
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # milliseconds, as long as the others together
}
"""Among them: a server that vanished without a word is noticed within 25 s, whether we wait for it or write to it."""

_NOT_LET_IN: Final = (
    ' value: "',
    "authentication failed",
    "does not exist",
    "invalid value for parameter",
    "no password supplied",
    "not permitted to log in",
    "permission denied",
    "pg_hba.conf",
    "unrecognized configuration parameter",
)
"""What libpq and a server say of another address, option or right; there is no code. All else may pass."""

_NO_RIGHT: Final = ("25006", "3D000", "3F000", "42501")
"""SQLSTATEs: a read-only server, no such database or schema, insufficient privilege."""

_OTHER_TABLES: Final = "42"
"""Class of SQLSTATEs that say that what our statements name is not there, or is there in another form."""

_SYNTAX_ERROR: Final = "42601"
_DISK_FULL: Final = "53100"


def connection_options(application_name: str) -> dict[str, Any]:
    """Return libpq's options of every connection: timeouts, keepalives, and its name in pg_stat_activity."""
    return {**_OPTIONS, "application_name": application_name}


@contextmanager
def connect(
    database_url: str, *, application_name: str = APPLICATION_NAME, statement_timeout_s: int = 0
) -> Iterator[Connection]:
    """Open a connection in autocommit mode, and close it afterwards.

    Parameters
    ----------
    database_url : str
        postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with libpq's options (`parse_database_url`).
    application_name : str
        What it is called in pg_stat_activity, unless the address says.
    statement_timeout_s : int
        How long a statement may take; 0 lets it take as long as the server does.

    Raises
    ------
    ServiceUnavailable
        If the database does not answer, or takes too long for a statement.
    ConfigError
        If the address is none, or the server does not let us in or do what we want.
    SchemaError
        If the database has other tables than ours.
    """
    lasting = LastingConnection(
        database_url, application_name=application_name, statement_timeout_s=statement_timeout_s
    )
    try:
        with lasting.use() as connection:
            yield connection
    finally:
        lasting.close()


def find_password(database_url: str) -> str:
    """Return the password that libpq uses, wherever it finds it; empty if it needs none. It raises as `connect`."""
    with connect(database_url) as connection:
        return connection.info.password or ""


class LastingConnection:
    """A connection in autocommit mode that is opened when it is first used, and anew after an error.

    Parameters
    ----------
    database_url, application_name, statement_timeout_s
        As for `connect`.

    Raises
    ------
    ConfigError
        If the address is none.
    """

    def __init__(self, database_url: str, *, application_name: str, statement_timeout_s: int = 0) -> None:
        self._database = parse_database_url(database_url)
        self._application_name, self._statement_timeout_s = application_name, statement_timeout_s
        self._connection: Connection | None = None

    @contextmanager
    def use(self) -> Iterator[Connection]:
        """Yield the connection; what goes wrong with it is raised as by `connect`."""
        if self._connection is None:
            self._connection = _open(self._database, self._application_name)
        try:
            with _bounded(self._connection, self._statement_timeout_s):
                yield self._connection
        except psycopg2.Error as error:
            is_lost = bool(self._connection.closed)
            self.close()
            kind = _kind(error, self._database, self._statement_timeout_s, is_lost=is_lost)
            if kind is None:
                raise
            raise kind from error

    def close(self) -> None:
        """Close it, if it is open."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def _bounded(connection: Connection, statement_timeout_s: int) -> Iterator[None]:
    """Bound how long each statement takes, in a transaction of its own.

    A pooler hands what is set for a session on to others, and refuses what is asked for at its beginning.
    """
    if not statement_timeout_s:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("BEGIN; SELECT set_config('statement_timeout', %s, true)", (f"{statement_timeout_s}s",))
        yield
        cursor.execute("COMMIT")


def _open(database: Database, application_name: str) -> Connection:
    try:
        connection: Connection = psycopg2.connect(**{**connection_options(application_name), **database.parameters})
    except psycopg2.OperationalError as error:
        lines = str(error).strip().splitlines()
        reason = _without_address([line for line in lines if " failed: " in line][-1:] or lines[:1])
        if any(words in reason for words in _NOT_LET_IN):
            raise ConfigError(
                f"Expected {_name(database)} to let us in, found {reason}: correct DATABASE_URL"
            ) from error
        raise ServiceUnavailable(
            f"Expected to reach {_name(database)}, found {reason}: check that it runs, or DATABASE_URL"
        ) from error
    connection.autocommit = True
    return connection


def _kind(
    error: psycopg2.Error, database: Database, statement_timeout_s: int, *, is_lost: bool
) -> PipelineError | None:
    """Say what an error of a statement is, None if it is a bug."""
    where, code = _name(database), error.pgcode or ""
    reason = _without_address(str(error).strip().splitlines()[:1])
    if isinstance(error, QueryCanceled) and statement_timeout_s:
        return ServiceUnavailable(
            f"Expected an answer of {where} within {statement_timeout_s} s, found {reason}: look for who holds a lock, "
            "or what keeps it busy, in pg_stat_activity"
        )
    if code in _NO_RIGHT:
        return ConfigError(f"Expected {where} to let us use it, found {reason}: check DATABASE_URL and our rights")
    if code.startswith(_OTHER_TABLES) and code != _SYNTAX_ERROR:
        return SchemaError(f"Expected our tables in {where}, found {reason}: run `fingerprint migrate`")
    if code == _DISK_FULL:
        return ServiceUnavailable(
            f"Expected room for what is written to {where}, found {reason}: make room on its disk"
        )
    if is_lost or isinstance(error, psycopg2.OperationalError):
        return ServiceUnavailable(f"Expected to use {where}, found {reason}: check that it runs")
    return None


def _name(database: Database) -> str:
    return f"the PostgreSQL database {database.name!r} at {database.address} as user {database.user!r}"


def _without_address(lines: list[str]) -> str:
    """Leave out of what libpq or the server says the address, which the sentence names already."""
    return "".join(lines).rpartition(" failed: ")[2].removeprefix("FATAL:").strip() or "no reason given"
