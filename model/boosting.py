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
    "nthread": 2,
}

REAL_SHARE: Final = 0.3
"""Weight of a class's recordings, where it has synthetic sessions too: without it the few recordings would drown."""


def fit(dataset: Dataset, classes: Sequence[str], seed: int) -> xgb.Booster:
    """Train a booster; every class weighs the same, and in it every recording, and every synthetic session."""
    labels = np.array([classes.index(label) for label in dataset.labels])[dataset.session]
    matrix = xgb.DMatrix(
        dataset.features,
        label=labels,
        weight=window_weights(dataset, real_share=REAL_SHARE),
        feature_names=[feature.name for feature in FEATURES],
    )
    parameters = {**PARAMETERS, "num_class": len(classes), "seed": seed}
    return xgb.train(parameters, matrix, num_boost_round=N_TREES // len(classes))


def raw_probabilities(booster: xgb.Booster, features: Float64Array) -> Float64Array:
    """Turn features into uncalibrated probabilities, (n, n_classes), the same bits for any batch."""
    return np.asarray(booster.inplace_predict(features), dtype=np.float64)


def window_weights(dataset: Dataset, *, real_share: float | None = None) -> Float64Array:
    """Weigh windows: every class alike, and in it every session alike.

    Parameters
    ----------
    dataset : Dataset
    real_share : float, optional
        Weight of a class's recordings, where it has synthetic sessions too; None weighs a recording as any session.

    Returns
    -------
    (n_windows,) float64
        1 in the mean.
    """
    labels = dataset.labels
    real = np.array([source.real for source in dataset.sources], dtype=np.bool_)
    windows = np.bincount(dataset.session, minlength=len(labels))
    weights = np.zeros(len(labels))
    for label in np.unique(labels[windows > 0]):
        own = (windows > 0) & (labels == label)
        shares = {True: real_share, False: None if real_share is None else 1 - real_share}
        for is_real, share in shares.items():
            part = own & (real == is_real)
            if part.any():
                mixed = share is not None and part.sum() < own.sum()
                weights[part] = share / part.sum() if mixed and share is not None else 1 / own.sum()
    by_window = (weights / np.maximum(windows, 1))[dataset.session]
    return np.asarray(by_window * len(by_window) / by_window.sum(), dtype=np.float64)
