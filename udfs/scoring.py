"""Windows to features to scores: the one computation that training, offline scoring and the job share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from udfs.features import compute_features
from udfs.schema import UNKNOWN, Float64Array, Windows
from udfs.verdicts import PROBABILITY_DECIMALS, DecisionRule


class Predictor(Protocol):
    """What scoring needs of a model."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes in the order of the probabilities' columns; `unknown` is one of them."""

    @property
    def model_version(self) -> str:
        """Names the artifact; goes into every row."""

    @property
    def refusal_thresholds(self) -> tuple[float, ...]:
        """For each class the largest unknown score at which a window is still called by its name."""

    @property
    def decision_rule(self) -> DecisionRule:
        """How much evidence a connection's verdict needs."""

    def predict(self, features: Float64Array) -> Float64Array:
        """Turn (n, n_features) into (n, n_classes) calibrated probabilities, the same bits for any batch."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """The answer for a batch of windows.

    Attributes
    ----------
    classes : n_classes names
    features : (n_windows, n_features) float64
        What it was computed from.
    probabilities : (n_windows, n_classes) float64
        Calibrated, rounded to `PROBABILITY_DECIMALS`.
    predicted_index : (n_windows,) intp
        The known class of the highest probability, on a tie the first in the order of `classes`; or `unknown`, where
        the unknown score is above that class's refusal threshold.
    predicted : (n_windows,) str objects
        Its name.
    confidence : (n_windows,) float64
        The probability of `predicted`.
    unknown_score : (n_windows,) float64
        How little the window fits any known exchange: the probability of `unknown`.
    """

    classes: tuple[str, ...]
    features: Float64Array
    probabilities: Float64Array
    predicted_index: NDArray[np.intp]
    predicted: NDArray[np.object_]
    confidence: Float64Array
    unknown_score: Float64Array


def score_windows(windows: Windows, predictor: Predictor) -> Scores:
    """Score a batch of windows; a row does not depend on the other rows of its batch."""
    features = compute_features(windows)
    probabilities = np.round(predictor.predict(features), PROBABILITY_DECIMALS)
    verdicts = window_verdicts(probabilities, predictor.classes, predictor.refusal_thresholds)
    return Scores(
        classes=predictor.classes,
        features=features,
        probabilities=probabilities,
        predicted_index=verdicts,
        predicted=np.array(predictor.classes, dtype=object)[verdicts],
        confidence=probabilities[np.arange(len(verdicts)), verdicts],
        unknown_score=probabilities[:, predictor.classes.index(UNKNOWN)],
    )


def window_verdicts(
    probabilities: Float64Array, classes: tuple[str, ...], refusal_thresholds: tuple[float, ...]
) -> NDArray[np.intp]:
    """Name each window: the index of the likeliest known class, or of `unknown` where that class refuses it.

    >>> window_verdicts(np.array([[0.5, 0.1, 0.4], [0.3, 0.1, 0.6]]), ("a", "b", "unknown"), (0.5, 0.5, np.inf))
    array([0, 2])
    """
    unknown = classes.index(UNKNOWN)
    known = probabilities.copy()
    known[:, unknown] = -1.0
    best = np.argmax(known, axis=1)
    refused = probabilities[:, unknown] > np.array(refusal_thresholds)[best]
    return np.where(refused, unknown, best)
