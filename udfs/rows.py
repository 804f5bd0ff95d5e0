"""Results as rows: what the job writes, as offline scoring and the reference compute it. The job's own are Java.

Timestamps, probabilities and features are text here, in the form that PostgreSQL reads into timestamptz, jsonb and
real[]. Everything is done for a whole batch at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from udfs.explanations import Explainer, contrasted_classes
from udfs.history import History
from udfs.schema import UNKNOWN, Float64Array, Int64Array, Windows
from udfs.scoring import Predictor, Scores
from udfs.signatures import pool, signatures, traits
from udfs.verdicts import HISTORY, PROBABILITY_DECIMALS, DecisionRule, decide

SCORE_COLUMNS: Final = {
    "first_offset": "BIGINT",
    "window_start_at": "STRING",
    "window_end_at": "STRING",
    "predicted_exchange": "STRING",
    "confidence": "DOUBLE",
    "probabilities": "STRING",
    "unknown_score": "DOUBLE",
    "signature": "STRING",
    "features": "ARRAY<FLOAT NOT NULL>",
    "model_version": "STRING",
}
"""Column names and Flink SQL types of what `window_scores` holds of a window, in order; NaN of a feature is NULL."""

FEATURE_DECIMALS: Final = 6
"""Of the features that are stored: what a single-precision number has of digits."""

DECISION_COLUMNS: Final = {
    "decisive": "STRING",
    "overturns": "BOOLEAN",
    "leaning": "STRING",
    "strength_nats": "DOUBLE",
    "suffix_windows": "BIGINT",
    "probability": "DOUBLE",
    "since_at": "STRING",
    "since_offset": "BIGINT",
    "pooled_signature": "STRING",
}
"""The same of what is decided of a connection at a window, from its last windows."""


def score_rows(windows: Windows, offsets: Int64Array, scores: Scores, model_version: str) -> pd.DataFrame:
    """Lay out a scored batch as rows, one a window, with the columns of `SCORE_COLUMNS`.

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
            "signature": signatures(traits(scores.features)),
            "features": array_literals(scores.features),
            "model_version": model_version,
        },
        columns=list(SCORE_COLUMNS),
    )


def decision_rows(history: History, classes: tuple[str, ...], rule: DecisionRule) -> pd.DataFrame:
    """Decide on a batch of connections, one row each, with the columns of `DECISION_COLUMNS`.

    `since_at` and `since_offset` are where the windows began that made the decision; the newest window's where there is
    none.
    """
    decisions = decide(history.evidence, history.n_windows, rule)
    names = np.array([*classes, None], dtype=object)
    began = np.arange(len(decisions.decisive)), HISTORY - np.maximum(decisions.suffix_windows, 1)
    return pd.DataFrame(
        {
            "decisive": names[decisions.decisive],
            "overturns": decisions.overturns,
            "leaning": names[decisions.leaning],
            "strength_nats": decisions.strength_millinats / 1000,
            "suffix_windows": decisions.suffix_windows,
            "probability": decisions.probability,
            "since_at": iso_timestamps(history.window_start_ns[began]),
            "since_offset": history.first_offset[began],
            "pooled_signature": signatures(pool(history.traits, history.n_windows)),
        },
        columns=list(DECISION_COLUMNS),
    )


def explanations(
    features: Float64Array,
    verdicts: Sequence[str],
    declared: Sequence[str | None],
    predictor: Predictor,
    explainer: Explainer,
) -> NDArray[np.object_]:
    """Say of each alert why its connection's verdict is this one and not the declared exchange, or the runner-up.

    Explaining takes milliseconds. A known exchange that declares itself, or nothing, is no alert and gets None.
    """
    pairs = zip(verdicts, declared, strict=True)
    alerts = np.array([v == UNKNOWN or d not in (None, v) for v, d in pairs], dtype=np.bool_)
    texts = np.full(len(verdicts), None, dtype=object)
    if alerts.any():
        wanted = [verdict for verdict, alert in zip(verdicts, alerts, strict=True) if alert]
        claims = [name for name, alert in zip(declared, alerts, strict=True) if alert]
        probabilities = np.round(predictor.predict(features[alerts]), PROBABILITY_DECIMALS)
        against = contrasted_classes(predictor.classes, probabilities, wanted, claims)
        texts[alerts] = explainer.explain(features[alerts], wanted, against)
    return texts


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


def array_literals(values: Float64Array) -> NDArray[np.object_]:
    """Write each row as PostgreSQL reads an array of real numbers; NaN becomes null.

    >>> array_literals(np.array([[0.25, np.nan], [1 / 3, -0.0]]))
    array(['{0.25,null}', '{0.333333,0.0}'], dtype=object)
    """
    if not len(values):
        return np.empty(0, dtype=object)
    rows = orjson.dumps(as_stored(values), option=orjson.OPT_SERIALIZE_NUMPY).decode()
    return np.array(("{" + rows[2:-2].replace("],[", "}\n{") + "}").split("\n"), dtype=object)


def as_stored(values: Float64Array) -> NDArray[np.float32]:
    """Round to `FEATURE_DECIMALS` and to the precision of PostgreSQL's real; no zero has a sign."""
    return np.round(values, FEATURE_DECIMALS).astype(np.float32) + np.float32(0.0)


def read_array_literal(text: str) -> list[float | None]:
    """Read what `array_literals` wrote.

    >>> read_array_literal("{0.25,null}")
    [0.25, None]
    """
    numbers: list[float | None] = orjson.loads(f"[{text[1:-1]}]")
    return numbers
