"""Explains what stands for a connection in the tables, by its windows there and the registered model."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from jobs.reference.connection_explanation import ConnectionExplanation, LastWindows, Standing, explain_connection
from model.registry.database import Connection
from model.registry.registered_models import load_registered
from udfs.errors import ConfigError
from udfs.features import FEATURES
from udfs.schema import Float64Array
from udfs.verdicts import HISTORY

_STANDING: Final = tuple(Standing.__annotations__)
_SIMILAR_AT_MOST: Final = 1000
"""Ids among which a similar one is looked for: those seen last."""


def explain_stored(database: Connection, connection_id: str) -> ConnectionExplanation:
    """Explain what stands for a connection in the tables.

    Raises
    ------
    ConfigError
        If there is no such connection, or its windows are kept no longer.
    ArtifactError
        If this version of the software does not load the model that scored it.
    """
    columns = (*_STANDING, "model_version", "kafka_partition", "since_offset")
    query = f"SELECT {', '.join(columns)} FROM connection_verdicts WHERE connection_id = %s"  # noqa: S608  # our names
    with database.cursor() as cursor:
        cursor.execute(query, (connection_id,))
        row = cursor.fetchone()
    if row is None:
        raise _missing(database, connection_id)
    found = dict(zip(columns, row, strict=True))
    standing = Standing(**{name: found[name] for name in _STANDING})
    predictor = load_registered(database, found["model_version"], is_tried=True)
    rows = _last_rows(database, found)
    if not rows:
        raise ConfigError(
            f"Expected windows of the connection {connection_id} with their features, found none: they are dropped "
            "with the month that they are of, so replay its recording, or explain that"
        )
    last = LastWindows(
        features=_to_features([features for features, *_ in rows]),
        probabilities=np.array([[of_window[name] for name in predictor.classes] for _, of_window, *_ in rows]),
        first_offset=rows[0][2],
        last_offset=rows[-1][3],
    )
    return explain_connection(standing, last, predictor)


def _last_rows(database: Connection, found: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Read the windows that explain a verdict, the newest last: none of before it began, nor of another model."""
    with database.cursor() as cursor:
        cursor.execute(
            """
            SELECT features, probabilities, first_offset, last_offset FROM window_scores
            WHERE connection_id = %s AND model_version = %s AND kafka_partition = %s AND first_offset >= %s
              AND features IS NOT NULL
            ORDER BY last_offset DESC LIMIT %s
            """,
            (
                *(found[name] for name in ("connection_id", "model_version", "kafka_partition")),
                found["since_offset"] or 0,
                min(HISTORY, found["windows"]),
            ),
        )
        return list(reversed(cursor.fetchall()))


def _to_features(rows: Sequence[Sequence[float | None]]) -> Float64Array:
    """Take features for what they were stored as: single precision, NULL for NaN."""
    values = np.array([[np.nan if value is None else value for value in row] for row in rows], dtype=np.float32)
    return values.astype(np.float64).reshape(len(rows), len(FEATURES))


def _missing(database: Connection, connection_id: str) -> ConfigError:
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT connection_id FROM connection_verdicts ORDER BY last_window_end_at DESC LIMIT %s",
            (_SIMILAR_AT_MOST,),
        )
        similar = difflib.get_close_matches(connection_id, [name for (name,) in cursor.fetchall()], n=1)
    remedy = f"did you mean {similar[0]}" if similar else "`fingerprint watch` lists connections"
    return ConfigError(
        f"Expected a recording's file or a connection with a complete window of 50 messages, found neither under "
        f"{connection_id}: {remedy}"
    )
