"""How far windows are from those that were trained on: in the leaves of trees, or in features without a scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import xgboost as xgb

from model.training.boosting import Grown
from model.training.dataset import Dataset
from udfs.features import FEATURES
from udfs.schema import Float64Array, Int64Array

N_NEIGHBOURS: Final = 5
N_REFERENCES: Final = 800
"""Windows of each class that others are compared with, spread over its sessions."""

_N_ROUNDS: Final = 30
_ROWS_AT_A_TIME: Final = 1000
_SCALE_FREE: Final = np.array([not feature.unit.startswith("log10") for feature in FEATURES])


def choose_references(dataset: Dataset, classes: tuple[str, ...], rng: np.random.Generator) -> list[Float64Array]:
    """Draw windows of each class, every session as probably as any other: their features."""
    chosen = []
    sizes = np.bincount(dataset.session, minlength=len(dataset.sources))
    for name in classes:
        rows = np.flatnonzero(dataset.window_labels == name)
        shares = 1 / sizes[dataset.session[rows]]
        picked = rng.choice(rows, size=min(N_REFERENCES, len(rows)), replace=False, p=shares / shares.sum())
        chosen.append(dataset.features[picked])
    return chosen


@dataclass(frozen=True, kw_only=True, eq=False)
class LeafSpace:
    """Distance is the share of a booster's first trees in which two windows end in different leaves.

    Attributes
    ----------
    grown : Grown
        The plain classifier.
    references : list of (n, n_trees) int64
        Leaves of each class's references.
    """

    grown: Grown
    references: list[Int64Array]

    @classmethod
    def fitted(cls, grown: Grown, trained: Dataset, rng: np.random.Generator) -> LeafSpace:
        """Choose references among the known sessions that the booster was trained on."""
        drawn = choose_references(trained, grown.classes, rng)
        return cls(grown=grown, references=[_leaves(grown, features) for features in drawn])

    def distances(self, features: Float64Array) -> Float64Array:
        """Measure each window's distance to the `N_NEIGHBOURS`-th nearest of each class: (n, n_classes)."""
        leaves = _leaves(self.grown, features)
        distances = np.empty((len(features), len(self.references)))
        for column, references in enumerate(self.references):
            for start in range(0, len(leaves), _ROWS_AT_A_TIME):
                rows = slice(start, start + _ROWS_AT_A_TIME)
                distances[rows, column] = _nearest(_differing(leaves[rows], references))
        return distances


def _leaves(grown: Grown, features: Float64Array) -> Int64Array:
    names = [FEATURES[column].name for column in grown.columns]
    matrix = xgb.DMatrix(features[:, grown.columns], feature_names=names, nthread=1)
    n_rounds = min(_N_ROUNDS, grown.booster.num_boosted_rounds())
    found = grown.booster.predict(matrix, pred_leaf=True, iteration_range=(0, n_rounds))
    leaves: Int64Array = np.asarray(found).reshape(len(features), -1).astype(np.int64)
    return leaves


def _differing(leaves: Int64Array, references: Int64Array) -> Float64Array:
    """Compare every row with every reference, tree by tree: (n, n_references), the share of trees that differ."""
    small, others = leaves.astype(np.uint8), references.astype(np.uint8)
    same = np.zeros((len(small), len(others)), dtype=np.uint8)
    for tree in range(small.shape[1]):
        same += small[:, tree, None] == others[None, :, tree]
    differing: Float64Array = 1 - same / small.shape[1]
    return differing


def _nearest(distances: Float64Array) -> Float64Array:
    k = min(N_NEIGHBOURS, distances.shape[1]) - 1
    kth: Float64Array = np.partition(distances, k, axis=1)[:, k]
    return kth


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureSpace:
    """Distance is Euclid's over features without a scale, each in its own standard deviations.

    What is undefined stands at the mean, with a column beside it that says so.
    """

    means: Float64Array
    deviations: Float64Array
    references: Float64Array

    @classmethod
    def fitted(cls, trained: Dataset, classes: tuple[str, ...], rng: np.random.Generator) -> FeatureSpace:
        """Choose references among the known sessions trained on."""
        drawn = np.concatenate(choose_references(trained, classes, rng))[:, _SCALE_FREE]
        known = np.isfinite(drawn)
        counts = np.maximum(known.sum(axis=0), 1)
        means = np.where(known, drawn, 0).sum(axis=0) / counts
        deviations = np.sqrt(np.where(known, (drawn - means) ** 2, 0).sum(axis=0) / counts)
        deviations = np.where(deviations > 0, deviations, 1.0)
        return cls(means=means, deviations=deviations, references=_standardized(drawn, means, deviations))

    def distances(self, features: Float64Array) -> Float64Array:
        """Measure each window's distance to the `N_NEIGHBOURS`-th nearest reference of any class: (n,)."""
        rows = _standardized(features[:, _SCALE_FREE], self.means, self.deviations)
        squares = (self.references**2).sum(axis=1)
        distances = np.empty(len(rows))
        for start in range(0, len(rows), _ROWS_AT_A_TIME):
            part = rows[start : start + _ROWS_AT_A_TIME]
            squared = (part**2).sum(axis=1)[:, None] + squares - 2 * part @ self.references.T
            distances[start : start + len(part)] = np.sqrt(np.maximum(_nearest(squared), 0))
        return distances


def _standardized(features: Float64Array, means: Float64Array, deviations: Float64Array) -> Float64Array:
    known = np.isfinite(features)
    scaled = np.where(known, (features - means) / deviations, 0.0)
    return np.concatenate([np.clip(scaled, -10, 10), (~known).astype(np.float64)], axis=1)
