"""Reads results back from PostgreSQL: what some models say, and what needs none, as it is at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import orjson

from jobs.reference.result_rows import OF_MODELS, TABLES, Chunk
from model.registry.database import SQL, Connection, Identifier, connect, register_default_jsonb
from model.registry.model_registry import read_state
from udfs.errors import ConfigError

_CHUNK_ROWS: Final = 5_000


def versions_of(database_url: str, topic: str) -> tuple[str, ...]:
    """List the models that score a topic.

    Raises
    ------
    ConfigError
        If there is none.
    """
    with connect(database_url) as database:
        schedule = read_state(database, topic).schedule
    if schedule is None:
        raise ConfigError(
            f"Expected results of the topic {topic}, found that no model scores it: name another with --topic, or "
            "whose rows count with --model-version"
        )
    return tuple(sorted({activation.model_version for activation in schedule.activations}))


def read_results(database_url: str, *model_versions: str) -> Iterator[Chunk]:
    """Yield the rows of all tables, of those of models only what these made, as one snapshot sees them, in no order."""
    with connect(database_url) as database:
        database.set_session(isolation_level="REPEATABLE READ", readonly=True, autocommit=False)
        register_default_jsonb(database, loads=orjson.loads)
        for table in TABLES:
            yield from _read(database, table, model_versions)


def _read(database: Connection, table: str, model_versions: tuple[str, ...]) -> Iterator[Chunk]:
    with database.cursor(name=f"results_of_{table}") as cursor:  # on the server: the rows need not fit here
        cursor.itersize = _CHUNK_ROWS
        of_models = SQL("WHERE model_version IN %s" if table in OF_MODELS else "")
        cursor.execute(SQL("SELECT * FROM {} {}").format(Identifier(table), of_models), (model_versions,))
        while rows := cursor.fetchmany(_CHUNK_ROWS):
            names = [column.name for column in cursor.description or ()]
            yield table, dict(zip(names, zip(*rows, strict=True), strict=True))
