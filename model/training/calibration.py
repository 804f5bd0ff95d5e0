"""From a booster's raw probabilities to numbers one can trust: calibrated ones, and refusal at a requested rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from udfs.elementary import exponential, natural_logarithm
from udfs.schema import UNKNOWN, Float64Array

FLOOR: Final = 1e-6
"""Raw probabilities below this carry no information in single precision."""

REQUESTED_RATES: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""False-unknown rates whose thresholds an artifact holds; between them, thresholds are interpolated in the rate's
logarithm."""

DEFAULT_RATE: Final = 0.01

ROUNDING: Final = 1e-9
"""Of a sum of weights."""


def raw_probabilities(booster: xgb.Booster, features: Float64Array) -> Float64Array:
    """Turn features into uncalibrated probabilities, (n, n_classes), the same bits for any batch and processor."""
    return softmax(np.asarray(booster.inplace_predict(features, predict_type="margin"), dtype=np.float64))


def softmax(logits: Float64Array) -> Float64Array:
    """Turn (n, n_classes) logits into probabilities."""
    powers = exponential(logits - logits.max(axis=1, keepdims=True))
    shares: Float64Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """Vector scaling: the softmax of ``slope * log(p) + bias``, a slope and a bias for each class.

    Source: Guo et al., On Calibration of Modern Neural Networks (2017), 4.2.
    """

    slopes: tuple[float, ...]
    biases: tuple[float, ...]

    def apply(self, raw: Float64Array) -> Float64Array:
        """Calibrate (n, n_classes) probabilities; a row does not depend on the others."""
        return softmax(natural_logarithm(np.maximum(raw, FLOOR)) * np.array(self.slopes) + np.array(self.biases))


def fit_scaling(raw: Float64Array, labels: NDArray[np.int64], weights: Float64Array) -> Scaling:
    """Find the scaling that gives the held-out labels the greatest weighted likelihood.

    A class without labels keeps slope 1 and bias 0, and the others are fitted as if it were not there: nothing would
    keep their biases from growing until it is never said.

    Parameters
    ----------
    raw : (n, n_classes) float64
        Raw probabilities of held-out windows.
    labels : (n,) int64
        True classes.
    weights : (n,) float64
    """
    from scipy.optimize import minimize  # takes a third of a second to import; only who fits waits for it

    present = np.unique(labels)
    logs, n_classes = np.ascontiguousarray(np.log(np.maximum(raw, FLOOR))[:, present]), len(present)
    shares = weights / weights.sum()
    truths = np.eye(n_classes)[np.searchsorted(present, labels)]

    def loss(parameters: Float64Array) -> tuple[float, Float64Array]:
        logits = logs * parameters[:n_classes] + parameters[n_classes:]
        logits = logits - logits.max(axis=1, keepdims=True)
        log_sums = np.log(np.exp(logits).sum(axis=1, keepdims=True))
        errors = (np.exp(logits - log_sums) - truths) * shares[:, np.newaxis]
        value = -float((((logits - log_sums) * truths).sum(axis=1) * shares).sum())
        return value, np.concatenate([(errors * logs).sum(axis=0), errors.sum(axis=0)])

    start = np.concatenate([np.ones(n_classes), np.zeros(n_classes)])
    found = minimize(loss, start, jac=True, method="L-BFGS-B").x
    slopes, biases = np.ones(raw.shape[1]), np.zeros(raw.shape[1])
    slopes[present], biases[present] = found[:n_classes], found[n_classes:]
    return Scaling(slopes=tuple(slopes.tolist()), biases=tuple(biases.tolist()))


def refusal_quantiles(unknown_scores: Float64Array, weights: Float64Array) -> list[float]:
    """Find the unknown scores above which the requested shares of a class's own windows lie.

    Parameters
    ----------
    unknown_scores, weights : (n,) float64
        Of held-out windows of one class.

    Returns
    -------
    list of float
        In the order of `REQUESTED_RATES`.
    """
    order = np.argsort(unknown_scores, kind="stable")
    at_or_below = np.cumsum(weights[order]) / weights.sum()
    positions = np.searchsorted(at_or_below, 1 - np.array(REQUESTED_RATES) - ROUNDING)
    return [float(score) for score in unknown_scores[order][positions]]


def refusal_thresholds(refusal: Mapping[str, list[float]], classes: Sequence[str], rate: float) -> tuple[float, ...]:
    """Give each class its threshold at a rate, in the order of the classes; `unknown` refuses nothing."""
    return tuple(np.inf if name == UNKNOWN else threshold_at(refusal[name], rate) for name in classes)


def threshold_at(thresholds: list[float], rate: float) -> float:
    """Interpolate a class's threshold for any rate between the ends of `REQUESTED_RATES`.

    >>> threshold_at([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2], 0.01)
    0.6
    """
    return float(np.interp(np.log(rate), np.log(REQUESTED_RATES), thresholds))
