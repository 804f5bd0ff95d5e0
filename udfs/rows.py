"""Scores as rows of `window_scores`: the columns that the UDF returns to Flink and that offline scoring prints.

Timestamps and probabilities are text here, in the form that PostgreSQL reads into timestamptz and jsonb, because
Flink's JDBC sink has neither type. Everything is done for a whole batch at a time.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from udfs.schema import Float64Array, Int64Array, Windows
from udfs.scoring import Scores

ROW_COLUMNS: Final = {
    "first_offset": "BIGINT",
    "window_start_at": "STRING",
    "window_end_at": "STRING",
    "predicted_exchange": "STRING",
    "confidence": "DOUBLE",
    "probabilities": "STRING",
    "unknown_score": "DOUBLE",
    "model_version": "STRING",
}
"""Column names and Flink SQL types of what is computed for a window, in order."""


def score_rows(windows: Windows, offsets: Int64Array, scores: Scores, model_version: str) -> pd.DataFrame:
    """Lay out a scored batch as rows, one a window, with the columns of `ROW_COLUMNS`.

    Parameters
    ----------
    windows : Windows
        The batch.
    offsets : (n_windows, WINDOW_SIZE) int64
        Kafka offset of each message.
    scores : Scores
        What `score_windows` said of the batch.
    model_version : str
        Goes into every row.
    """
    return pd.DataFrame(
        {
            "first_offset": offsets[:, 0],
            "window_start_at": iso_timestamps(windows.recv_ts_ns.min(axis=1)),
            "window_end_at": iso_timestamps(windows.recv_ts_ns.max(axis=1)),
            "predicted_exchange": scores.predicted,
            "confidence": scores.confidence,
            "probabilities": json_objects(scores.classes, scores.probabilities),
            "unknown_score": scores.unknown_score,
            "model_version": model_version,
        },
        columns=list(ROW_COLUMNS),
    )


def iso_timestamps(ts_ns: Int64Array) -> NDArray[np.object_]:
    """Write ns since the epoch as ISO 8601 text in UTC, cut to microseconds (PostgreSQL's resolution).

    >>> iso_timestamps(np.array([1_617_574_000_123_456_789]))
    array(['2021-04-04T22:06:40.123456Z'], dtype=object)
    """
    text: NDArray[np.object_] = np.datetime_as_string((ts_ns // 1000).view("datetime64[us]")).astype(object)
    zoned: NDArray[np.object_] = text + "Z"
    return zoned


def json_objects(names: tuple[str, ...], values: Float64Array) -> NDArray[np.object_]:
    """Write each row as a JSON object with the names as keys.

    >>> json_objects(("a", "b"), np.array([[0.25, 1.0]]))
    array(['{"a":0.25,"b":1.0}'], dtype=object)
    """
    objects: NDArray[np.object_] = np.full(len(values), "{", dtype=object)
    for i, name in enumerate(names):
        numbers = orjson.dumps(values[:, i].tolist()).decode()[1:-1].split(",") if len(values) else []
        key = orjson.dumps(name).decode()
        objects = objects + f"{',' if i else ''}{key}:" + np.array(numbers, dtype=object)
    closed: NDArray[np.object_] = objects + "}"
    return closed
