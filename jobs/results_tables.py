"""Reads results back from PostgreSQL: all of one model version, as they are at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import orjson
from psycopg2.extensions import connection as Connection
from psycopg2.extras import register_default_jsonb
from psycopg2.sql import SQL, Identifier

from jobs.database import connect
from jobs.results import TABLES, Chunk
from udfs.errors import ConfigError

_CHUNK_ROWS: Final = 5_000


def model_version_of(database_url: str) -> str:
    """Find the only model version that there are results of.

    Raises
    ------
    ConfigError
        If there are several, or none.
    """
    found: set[str] = set()
    with connect(database_url) as database, database.cursor() as cursor:
        for table in TABLES:
            cursor.execute(SQL("SELECT DISTINCT model_version FROM {}").format(Identifier(table)))
            found |= {version for (version,) in cursor.fetchall()}
    if len(found) != 1:
        raise ConfigError(
            f"Expected the results of one model version, found those of {', '.join(sorted(found)) or 'none'}: "
            "choose one with --model-version"
        )
    return found.pop()


def read_results(database_url: str, model_version: str) -> Iterator[Chunk]:
    """Yield the rows of all tables, as one snapshot sees them, in no order."""
    with connect(database_url) as database:
        database.set_session(isolation_level="REPEATABLE READ", readonly=True, autocommit=False)
        register_default_jsonb(database, loads=orjson.loads)
        for table in TABLES:
            yield from _read(database, table, model_version)


def _read(database: Connection, table: str, model_version: str) -> Iterator[Chunk]:
    with database.cursor(name=f"results_of_{table}") as cursor:  # on the server: the rows need not fit here
        cursor.itersize = _CHUNK_ROWS
        cursor.execute(SQL("SELECT * FROM {} WHERE model_version = %s").format(Identifier(table)), (model_version,))
        while rows := cursor.fetchmany(_CHUNK_ROWS):
            names = [column.name for column in cursor.description or ()]
            yield table, dict(zip(names, zip(*rows, strict=True), strict=True))
