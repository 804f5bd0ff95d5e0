"""The trees: how they are grown, and how much each session weighs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import xgboost as xgb

from model.dataset import Dataset
from udfs.features import FEATURES
from udfs.schema import Float64Array

N_TREES: Final = 900

PARAMETERS: Final[dict[str, Any]] = {
    "objective": "multi:softprob",
    "max_depth": 5,
    "eta": 0.1,
    "subsample": 0.8,
    "colsample_bytree": 0.5,
    "min_child_weight": 1e-4,  # of a session's weight, which is spread over its windows
    "tree_method": "hist",
    "nthread": 1,  # two threads give the same trees in other bytes, and far slower where the cores are shared
}

RECORDING_WEIGHT: Final = 20.0
"""A recording weighs as much as so many synthetic sessions of its class: few as they are, they would drown otherwise,
and with a fixed share of the class a single one of an exchange would count for much of it."""


def fit(dataset: Dataset, classes: Sequence[str], seed: int) -> xgb.Booster:
    """Train a booster; every class weighs the same."""
    labels = np.array([classes.index(label) for label in dataset.labels])[dataset.session]
    matrix = xgb.DMatrix(
        dataset.features,
        label=labels,
        weight=window_weights(dataset, recording_weight=RECORDING_WEIGHT),
        feature_names=[feature.name for feature in FEATURES],
    )
    parameters = {**PARAMETERS, "num_class": len(classes), "seed": seed}
    return xgb.train(parameters, matrix, num_boost_round=N_TREES // len(classes))


def window_weights(dataset: Dataset, *, recording_weight: float = 1.0) -> Float64Array:
    """Weigh windows: every class alike, and in it every session alike, but for recordings.

    Parameters
    ----------
    dataset : Dataset
    recording_weight : float
        How many synthetic sessions of its class a recording weighs as much as.

    Returns
    -------
    (n_windows,) float64
        1 in the mean.
    """
    labels = dataset.labels
    windows = np.bincount(dataset.session, minlength=len(labels))
    weights = np.array([recording_weight if source.real else 1.0 for source in dataset.sources]) * (windows > 0)
    for label in np.unique(labels[windows > 0]):
        weights[labels == label] /= weights[labels == label].sum()
    by_window = (weights / np.maximum(windows, 1))[dataset.session]
    return np.asarray(by_window * len(by_window) / by_window.sum(), dtype=np.float64)
