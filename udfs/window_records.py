"""A scored window as numbers: what Python hands back to Flink, one record a window, and the model that it is of.

A record is little-endian and of a fixed length for a model of so many classes:

    features f8[F] | probabilities i4[C], in millionths | evidence i2[C] | traits i2[T] | predicted i2

Texts are made of it where they are needed, in Flink's JVM, which reads the model's names and decision rule from one
text that is the same in every row.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from udfs.arrow_bundles import bytes_column, repeated_text
from udfs.errors import SchemaError
from udfs.features import FEATURES
from udfs.schema import Int64Array
from udfs.scoring import Predictor, Scores
from udfs.signatures import N_TRAITS, traits
from udfs.verdicts import PROBABILITY_DECIMALS, evidence_millinats

RECORD_COLUMNS: Final = {"record": "BYTES", "model": "STRING"}
"""Column names and Flink SQL types of what Flink gets of a window."""

_INT16: Final = np.iinfo(np.int16)


def record_dtype(n_classes: int) -> np.dtype[np.void]:
    """Lay out the record of a window that a model of so many classes has scored."""
    return np.dtype(
        [
            ("features", "<f8", (len(FEATURES),)),
            ("probabilities", "<i4", (n_classes,)),
            ("evidence", "<i2", (n_classes,)),
            ("traits", "<i2", (N_TRAITS,)),
            ("predicted", "<i2"),
        ]
    )


def window_records(scores: Scores) -> NDArray[np.void]:
    """Write each window of a scored batch as a record: (n_windows,) of `record_dtype`.

    Raises
    ------
    SchemaError
        If evidence or a trait does not fit 16 bits.
    """
    records = np.zeros(len(scores.features), dtype=record_dtype(len(scores.classes)))
    records["features"] = scores.features
    records["probabilities"] = np.rint(scores.probabilities * 10**PROBABILITY_DECIMALS)
    records["evidence"] = _as_int16("evidence", evidence_millinats(scores.probabilities))
    records["traits"] = _as_int16("traits", traits(scores.features))
    records["predicted"] = scores.predicted_index
    return records


def model_text(predictor: Predictor) -> str:
    """Write down what makes verdicts of a model's records: its name, its classes and its decision rule, as JSON."""
    rule = predictor.decision_rule
    return orjson.dumps(
        {
            "model_version": predictor.model_version,
            "classes": predictor.classes,
            "bounds_millinats": rule.bounds_millinats,
            "unknown": rule.unknown,
            "intercept": rule.intercept,
            "slope_per_nat": rule.slope_per_nat,
        }
    ).decode()


def record_rows(scores: Scores, predictor: Predictor) -> pd.DataFrame:
    """Lay out a scored batch, one row a window: the columns of `RECORD_COLUMNS` first, then what is counted of it."""
    return pd.DataFrame(
        {
            "record": bytes_column(window_records(scores)),
            "model": repeated_text(model_text(predictor), len(scores.features)),
            "predicted_exchange": scores.predicted,
            "model_version": predictor.model_version,
        }
    )


def _as_int16(name: str, values: Int64Array) -> Int64Array:
    if values.size and not (values.min() >= _INT16.min and values.max() <= _INT16.max):
        raise SchemaError(
            f"Expected {name} from {_INT16.min} to {_INT16.max}, found {values.min()} to {values.max()}: "
            "train the model anew"
        )
    return values
