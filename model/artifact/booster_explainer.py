"""What each feature contributed to a verdict, by exact Shapley values of the trees, and what is typical of a class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from model.training.weighted_quantiles import weighted_quantiles
from udfs.explanations import Typical, explanation_json, median_window
from udfs.features import FEATURES
from udfs.schema import Float64Array

TYPICAL_PROBABILITIES: Final = (0.1, 0.5, 0.9)

_TYPICAL_DECIMALS: Final = 6


class BoosterExplainer:
    """Explains a booster's output with TreeSHAP (Lundberg et al., Nature Machine Intelligence 2, 2020), which is exact.

    The margin is the booster's own, before calibration: the logarithm of how many times as probable the verdict was to
    it as the class it is told from. Explaining a window costs hundreds of predictions: explain what has changed only.

    Parameters
    ----------
    booster : xgboost.Booster
        With one output a class.
    classes : sequence of str
        In the order of the outputs.
    typical : mapping
        From class to feature to typical range, as `typical_ranges` gives it and the manifest holds it.
    """

    def __init__(self, booster: xgb.Booster, *, classes: Sequence[str], typical: Mapping[str, Typical]) -> None:
        self._booster = booster
        self._classes = {name: position for position, name in enumerate(classes)}
        self._typical = typical

    def explain(self, features: Float64Array, verdicts: Sequence[str], against: Sequence[str]) -> NDArray[np.object_]:
        """Explain each row of (n, n_features): why its verdict and not the class it is told from; n JSON texts."""
        contributions = margin_contributions(
            self._booster,
            features,
            np.array([self._classes[name] for name in verdicts], dtype=np.int64),
            np.array([self._classes[name] for name in against], dtype=np.int64),
        )
        texts = np.empty(len(features), dtype=object)
        for i, names in enumerate(zip(verdicts, against, strict=True)):
            texts[i] = self._write(features[i], contributions[i], *names)
        return texts

    def explain_together(self, features: Float64Array, verdict: str, against: str) -> str:
        """Explain several windows at once, of one window as `explain` does: the mean margin, and median values.

        Parameters
        ----------
        features : (n, n_features) float64
            At least one window.
        verdict, against : str
            The class that is named, and the one that it is told from.
        """
        contributions = margin_contributions(
            self._booster,
            features,
            np.full(len(features), self._classes[verdict]),
            np.full(len(features), self._classes[against]),
        )
        return self._write(median_window(features), contributions.mean(axis=0), verdict, against)

    def _write(self, values: Float64Array, contributions: Float64Array, verdict: str, against: str) -> str:
        bias = float(contributions[-1])
        return explanation_json(
            values, contributions[:-1], bias, verdict=verdict, against=against, typical=self._typical
        )


def margin_contributions(
    booster: xgb.Booster, features: Float64Array, verdicts: NDArray[np.int64], against: NDArray[np.int64]
) -> Float64Array:
    """Split the margin of one class over another into what each feature contributed.

    Parameters
    ----------
    booster : xgboost.Booster
        With one output a class.
    features : (n, n_features) float64
    verdicts, against : (n,) int64
        Positions of the classes.

    Returns
    -------
    (n, n_features + 1) float64
        The last column is the bias; a row adds up to the margin, but for single precision.
    """
    if len(features) == 0:
        return np.empty((0, len(FEATURES) + 1))
    matrix = xgb.DMatrix(features, feature_names=booster.feature_names, nthread=1)
    by_class = booster.predict(matrix, pred_contribs=True, strict_shape=True).astype(np.float64)
    rows = np.arange(len(features))
    contributions: Float64Array = by_class[rows, verdicts] - by_class[rows, against]
    return contributions


def typical_ranges(
    features: Float64Array,
    labels: NDArray[np.str_],
    classes: Sequence[str],
    weights: Float64Array | None = None,
) -> dict[str, dict[str, list[float] | None]]:
    """Measure what is typical of each class: the 10%, 50% and 90% quantiles of each feature's defined values.

    Parameters
    ----------
    features : (n, n_features) float64
    labels : (n,) str
        The class of each window.
    classes : sequence of str
    weights : (n,) float64, optional
        Of each window; give windows of one session less if it has many. Default: all alike.

    Returns
    -------
    dict
        Class to feature name to quantiles; None where no window of the class defines the feature. A quantile is the
        least value that has at least that share of the weight at or below it.

    Examples
    --------
    >>> rows = np.tile(np.arange(10.0)[:, np.newaxis], len(FEATURES))
    >>> typical_ranges(rows, np.array(["a"] * 10), ["a"])["a"]["inter_arrival_cv"]
    [0.0, 4.0, 8.0]
    """
    used = np.ones(len(features)) if weights is None else weights
    return {
        name: {
            feature.name: _range(features[labels == name, column], used[labels == name])
            for column, feature in enumerate(FEATURES)
        }
        for name in classes
    }


def _range(values: Float64Array, weights: Float64Array) -> list[float] | None:
    found: list[Any] = np.round(weighted_quantiles(values, weights, TYPICAL_PROBABILITIES), _TYPICAL_DECIMALS).tolist()
    return found or None
