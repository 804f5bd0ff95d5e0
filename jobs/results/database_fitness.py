"""Whether a database can hold results at all: a job that finds out later tries again for ever."""

from __future__ import annotations

from model.registry.database import Connection, Cursor, connect
from model.registry.database_url import Database, parse_database_url
from udfs.errors import ConfigError

_STATE = (
    "SELECT current_setting('server_encoding'), pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'"
)


def check_fitness(database_url: str) -> None:
    """Check that a database can hold every id, and takes results.

    Raises
    ------
    ConfigError
        If its encoding is not UTF8, or it is a standby or read-only; or as `connect`.
    """
    database = parse_database_url(database_url)
    with connect(database_url) as connection, connection.cursor() as cursor:
        require_fitness(cursor, database)


def require_fitness(cursor: Cursor, database: Database) -> None:
    """Check it through a connection that there is; raise as `check_fitness`."""
    cursor.execute(_STATE)
    encoding, is_standby, is_read_only = cursor.fetchone() or ("", False, False)
    where = f"the database {database.name!r} at {database.address}"
    if encoding != "UTF8":
        raise ConfigError(
            f"Expected {where} to have the encoding UTF8, found {encoding}, which cannot hold every id: make another "
            "with CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C', and name it in "
            "DATABASE_URL"
        )
    if is_standby:
        raise ConfigError(
            f"Expected {where} to take results, found a standby, which copies another server: name that one in "
            "DATABASE_URL, or several hosts and target_session_attrs=read-write"
        )
    if is_read_only:
        raise ConfigError(
            f"Expected {where} to take results, found that default_transaction_read_only is on for the user "
            f"{database.user!r}: switch it off with ALTER DATABASE or ALTER ROLE, or name another user in DATABASE_URL"
        )


def require_direct(connection: Connection, cursor: Cursor, database: Database) -> None:
    """Refuse a pooler in between: what is locked or set for a session may be another's a moment later.

    Raises
    ------
    ConfigError
        If there is one.
    """
    if is_pooled(connection, cursor):
        raise ConfigError(
            f"Expected a direct connection to the database {database.name!r}, found a pooler such as PgBouncer at "
            f"{database.address}: name PostgreSQL's own address for this command"
        )


def is_pooled(connection: Connection, cursor: Cursor) -> bool:
    """Tell whether a pooler is in between.

    A server says at the beginning which process of its serves; a pooler says something else, for it may be another each
    time.
    """
    cursor.execute("SELECT pg_backend_pid()")
    return cursor.fetchone() != (connection.info.backend_pid,)


def find_pooler(database_url: str) -> bool:
    """Tell whether an address is that of a pooler; it raises as `connect`."""
    with connect(database_url) as connection, connection.cursor() as cursor:
        return is_pooled(connection, cursor)
