"""Boosters by the dozen: each on one thread, two at a time, which is faster than one after the other on two."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import xgboost as xgb

from model.boosting import PARAMETERS, RECORDING_WEIGHT, window_weights
from model.calibration import raw_probabilities
from model.crossfit import Fold, make_folds
from model.dataset import Dataset
from model.train import Progress
from udfs.features import FEATURES
from udfs.schema import Float64Array, Int64Array

N_WORKERS: Final = 2

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
        """Turn (n, 56) features into raw probabilities."""
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
    """Grow a booster as `model.boosting.fit` does, and with all features and as many trees the same one.

    On one thread: with two, sums that no prediction reads differ in their last bits, and with them the booster's hash.
    """
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
    parameters = {**PARAMETERS, "nthread": 1, "num_class": len(recipe.classes), "seed": recipe.seed}
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


def divide(recordings: Dataset, most: int) -> list[Fold]:
    """Divide recordings as `make_folds` does, putting folds together where there are more than `most`.

    What is tested together is left out together: of a merged fold, nothing related to any of its sessions is trained
    on.
    """
    folds = make_folds(recordings)
    parts = [folds[i::most] for i in range(min(most, len(folds)))]
    return [
        Fold(
            tested=np.logical_or.reduce([fold.tested for fold in part]),
            trained=np.logical_and.reduce([fold.trained for fold in part]),
        )
        for part in parts
    ]


def predict_folds(grown: Sequence[Grown], folds: Sequence[Fold], recordings: Dataset) -> Float64Array:
    """Let each fold's booster predict the windows that it was not trained on; all classes must be the same."""
    raw = np.empty((len(recordings.features), len(grown[0].classes) if grown else 0))
    for one, fold in zip(grown, folds, strict=True):
        rows = fold.tested[recordings.session]
        raw[rows] = one.predict(recordings.features[rows])
    return raw
