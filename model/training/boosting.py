"""The trees: how they are grown, how much each session weighs, and many boosters at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
import xgboost as xgb

from model.training.calibration import raw_probabilities
from model.training.dataset import Dataset
from udfs.features import FEATURES
from udfs.schema import Float64Array, Int64Array

N_TREES: Final = 600

PARAMETERS: Final[dict[str, Any]] = {
    "objective": "multi:softprob",
    "max_depth": 5,
    "eta": 0.1,
    "subsample": 0.8,
    "colsample_bytree": 0.5,
    "min_child_weight": 1e-4,  # of a session's weight, which is spread over its windows
    "tree_method": "hist",
    # On two, sums that no prediction reads differ in their last bits, and with them the booster's hash.
    "nthread": 1,
}

RECORDING_WEIGHT: Final = 20.0
"""A recording weighs as much as so many synthetic sessions of its class: few as they are, they would drown otherwise,
and with a fixed share of the class a single one of an exchange would count for much of it."""

N_WORKERS: Final = 2
"""Boosters that grow at the same time, each on its thread: faster than one after the other on two."""

Progress = Callable[[str], None]
"""Told what is being done."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, eq=False)
class Grown:
    """A booster with what it needs to be asked.

    Attributes
    ----------
    booster : xgboost.Booster
    classes : tuple of str
        In the order of its outputs.
    columns : (n,) int64
        The features that it uses.
    """

    booster: xgb.Booster
    classes: tuple[str, ...]
    columns: Int64Array

    def predict(self, features: Float64Array) -> Float64Array:
        """Turn (n, n_features) into raw probabilities."""
        if not len(features):
            return np.empty((0, len(self.classes)))
        return raw_probabilities(self.booster, features[:, self.columns])


@dataclass(frozen=True, kw_only=True, eq=False)
class Recipe:
    """What to grow a booster from: sessions of the classes count, others are left out."""

    dataset: Dataset
    classes: tuple[str, ...]
    n_trees: int
    seed: int
    columns: tuple[int, ...] = tuple(range(len(FEATURES)))


def grow(recipe: Recipe) -> Grown:
    """Grow a booster; every class weighs the same."""
    dataset = recipe.dataset.take(np.isin(recipe.dataset.labels, recipe.classes))
    labels = np.array([recipe.classes.index(label) for label in dataset.labels], dtype=np.int64)[dataset.session]
    columns = np.array(recipe.columns, dtype=np.int64)
    matrix = xgb.DMatrix(
        dataset.features[:, columns],
        label=labels,
        weight=window_weights(dataset, recording_weight=RECORDING_WEIGHT),
        feature_names=[FEATURES[column].name for column in recipe.columns],
        nthread=1,
    )
    parameters = {**PARAMETERS, "num_class": len(recipe.classes), "seed": recipe.seed}
    booster = xgb.train(parameters, matrix, num_boost_round=recipe.n_trees // len(recipe.classes))
    return Grown(booster=booster, classes=recipe.classes, columns=columns)


def grow_all(recipes: Sequence[Recipe], what: str, progress: Progress) -> list[Grown]:
    """Grow boosters, `N_WORKERS` at a time, telling how far it is."""
    return counted(parallel(grow, recipes), len(recipes), what, progress)


def parallel(work: Callable[[Recipe], T], recipes: Iterable[Recipe]) -> Iterable[T]:
    """Do work that leaves Python's lock alone, `N_WORKERS` at a time, in order."""
    with ThreadPoolExecutor(N_WORKERS) as workers:
        yield from workers.map(work, recipes)


def counted(results: Iterable[T], n: int, what: str, progress: Progress) -> list[T]:
    """Collect results, telling before each how many there are."""
    collected: list[T] = []
    progress(f"{what}, 1 of {n}")
    for result in results:
        collected.append(result)
        progress(f"{what}, {min(len(collected) + 1, n)} of {n}")
    return collected


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
