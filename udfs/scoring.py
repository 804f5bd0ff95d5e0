"""Windows to features to scores: the one computation that training, offline scoring and the job share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from udfs.features import compute_features
from udfs.schema import UNKNOWN, Float64Array, Windows

PROBABILITY_DECIMALS = 6
"""Probabilities are float32; six decimals are all they hold, and a rounded number is the same everywhere it is read."""


class Predictor(Protocol):
    """What scoring needs of a model."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes in the order of the probabilities' columns."""

    @property
    def model_version(self) -> str:
        """Names the artifact; goes into every row."""

    def predict(self, features: Float64Array) -> NDArray[np.float32]:
        """Turn (n, 56) features into (n, n_classes) probabilities, the same bits for any batch."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """The answer for a batch of windows.

    Attributes
    ----------
    classes : n_classes names
    probabilities : (n_windows, n_classes) float64
        Rounded to `PROBABILITY_DECIMALS`.
    predicted : (n_windows,) str objects
        The class of the highest probability; on a tie the first in the order of `classes`.
    confidence : (n_windows,) float64
        That probability.
    unknown_score : (n_windows,) float64
        How little the window fits any known exchange: the probability of `unknown`.
    """

    classes: tuple[str, ...]
    probabilities: Float64Array
    predicted: NDArray[np.object_]
    confidence: Float64Array
    unknown_score: Float64Array


def score_windows(windows: Windows, predictor: Predictor) -> Scores:
    """Score a batch of windows; a row does not depend on the other rows of its batch."""
    raw = predictor.predict(compute_features(windows)).astype(np.float64)
    probabilities = np.round(raw, PROBABILITY_DECIMALS)
    best = np.argmax(probabilities, axis=1)
    return Scores(
        classes=predictor.classes,
        probabilities=probabilities,
        predicted=np.array(predictor.classes, dtype=object)[best],
        confidence=probabilities[np.arange(len(best)), best],
        unknown_score=probabilities[:, predictor.classes.index(UNKNOWN)],
    )


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a connection's windows say together."""

    exchange: str
    probability: float
    windows_by_class: dict[str, int]


def connection_verdict(scores: Scores) -> Verdict | None:
    """Add up a connection's windows: the class of the highest mean probability, ties in alphabetical order.

    The view `connection_status` computes the same in SQL. None if there is no complete window.
    """
    n_windows = len(scores.predicted)
    if n_windows == 0:
        return None
    # Whole millionths add up exactly in any order, so that Python and PostgreSQL cannot disagree on a tie.
    millionths = np.rint(scores.probabilities * 10**PROBABILITY_DECIMALS).astype(np.int64).sum(axis=0)
    totals = dict(zip(scores.classes, millionths.tolist(), strict=True))
    exchange = min(totals, key=lambda name: (-totals[name], name))
    probability = round(totals[exchange] / n_windows / 10**PROBABILITY_DECIMALS, PROBABILITY_DECIMALS)
    by_class = {name: int(np.count_nonzero(scores.predicted == name)) for name in scores.classes}
    return Verdict(exchange=exchange, probability=probability, windows_by_class=by_class)
