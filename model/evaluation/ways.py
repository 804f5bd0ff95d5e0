"""Ways to refuse strangers: each turns windows into a score of strangeness and the name of a known exchange."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.evaluation.neighbours import FeatureSpace, LeafSpace
from model.training.boosting import window_weights
from model.training.cross_fitting import CrossFitted, Material
from model.training.dataset import Dataset, Source, concatenate
from udfs.features import BLOCKS
from udfs.schema import UNKNOWN, Float64Array, Int64Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """What a way says of the held-out windows.

    Attributes
    ----------
    fresh, left_out : (n_windows,) float64
        Scores of the fresh sessions and of the recordings; higher is stranger.
    fresh_names, left_out_names : (n_windows,) int64
        The likeliest known class.
    """

    fresh: Float64Array
    left_out: Float64Array
    fresh_names: Int64Array
    left_out_names: Int64Array


def by_maximum(fitted: CrossFitted) -> Scored:
    """Score by one less the greatest probability of the plain classifier."""
    return Scored(
        fresh=1 - fitted.raw_fresh.max(axis=1), left_out=1 - fitted.raw_left_out.max(axis=1), **_names(fitted)
    )


def by_unknown_class(fitted: CrossFitted) -> Scored:
    """Score by the probability of a class `unknown` that was trained with the others."""
    unknown = fitted.whole.classes.index(UNKNOWN)
    return Scored(fresh=fitted.raw_fresh[:, unknown], left_out=fitted.raw_left_out[:, unknown], **_names(fitted))


def by_leaves(fitted: CrossFitted, distances: tuple[Float64Array, Float64Array]) -> Scored:
    """Score by the distance to the class that is named, in the leaves of the plain classifier's trees."""
    names = _names(fitted)
    fresh, left_out = (
        columns[np.arange(len(columns)), named]
        for columns, named in zip(distances, (names["fresh_names"], names["left_out_names"]), strict=True)
    )
    return Scored(fresh=fresh, left_out=left_out, **names)


def by_features(fitted: CrossFitted, material: Material, seed: int) -> Scored:
    """Score by the distance to known exchanges in features without a scale."""
    classes = fitted.whole.classes
    spaces = [
        FeatureSpace.fitted(dataset, classes, np.random.default_rng(seed)) for dataset in _trained(fitted, material)
    ]
    fresh = spaces[0].distances(material.fresh.features)
    left_out = np.empty(len(material.recordings.features))
    for space, fold in zip(spaces[1:], fitted.folds, strict=True):
        rows = fold.tested[material.recordings.session]
        left_out[rows] = space.distances(material.recordings.features[rows])
    return Scored(fresh=fresh, left_out=left_out, **_names(fitted))


def by_conformal_p(fitted: CrossFitted, material: Material, distances: tuple[Float64Array, Float64Array]) -> Scored:
    """Score by one less the greatest conformal p-value of any class, of distances in leaf space.

    A class's p-value is the share of its own held-out windows, every session counting as any other, that are at least
    as far from it (Vovk et al. 2005). Fresh sessions calibrate, so that for themselves it is a rank among each other.
    """
    fresh, left_out = distances
    classes, labels = fitted.whole.classes, material.fresh.window_labels
    weights = window_weights(material.fresh)
    p_fresh, p_left_out = np.empty_like(fresh), np.empty_like(left_out)
    for column, name in enumerate(classes):
        own = labels == name
        for values, p_values in ((fresh, p_fresh), (left_out, p_left_out)):
            p_values[:, column] = conformal_p(fresh[own, column], weights[own], values[:, column])
    return Scored(fresh=1 - p_fresh.max(axis=1), left_out=1 - p_left_out.max(axis=1), **_names(fitted))


def conformal_p(calibration: Float64Array, weights: Float64Array, values: Float64Array) -> Float64Array:
    """Give the share of the calibration's weight at or above each value, one more of mean weight being above all.

    >>> conformal_p(np.array([1.0, 2.0, 3.0]), np.ones(3), np.array([0.5, 2.0, 9.0]))
    array([1.  , 0.75, 0.25])
    """
    order = np.argsort(calibration, kind="stable")
    above = np.concatenate([np.cumsum(weights[order][::-1])[::-1], [0.0]])
    extra = float(weights.mean())
    p_values: Float64Array = (above[np.searchsorted(calibration[order], values, side="left")] + extra) / (
        weights.sum() + extra
    )
    return p_values


def leaf_distances(fitted: CrossFitted, material: Material, seed: int) -> tuple[Float64Array, Float64Array]:
    """Measure the distances of fresh sessions' and of recordings' windows to each class."""
    grown = [fitted.whole, *fitted.parts]
    spaces = [
        LeafSpace.fitted(one, dataset, np.random.default_rng(seed))
        for one, dataset in zip(grown, _trained(fitted, material), strict=True)
    ]
    left_out = np.empty((len(material.recordings.features), len(fitted.whole.classes)))
    for space, fold in zip(spaces[1:], fitted.folds, strict=True):
        rows = fold.tested[material.recordings.session]
        left_out[rows] = space.distances(material.recordings.features[rows])
    return spaces[0].distances(material.fresh.features), left_out


def recombined(dataset: Dataset, n_sessions: int, n_windows: int, rng: np.random.Generator) -> Dataset:
    """Make strangers whose every family of features comes from another connection.

    Parameters
    ----------
    dataset : Dataset
        Sessions to draw from; a recombined session takes each family from one of them, window by window at random.
    n_sessions, n_windows : int
        Of sessions, and of windows in each.
    """
    rows_of = [
        rows for rows in (np.flatnonzero(dataset.session == i) for i in range(len(dataset.sources))) if len(rows)
    ]
    features = np.empty((n_sessions * n_windows, dataset.features.shape[1]))
    ends = np.cumsum([len(block.features) for block in BLOCKS]).tolist()
    for session in range(n_sessions):
        own = slice(session * n_windows, (session + 1) * n_windows)
        for block, end in zip(BLOCKS, ends, strict=True):
            columns = slice(end - len(block.features), end)
            rows = rng.choice(rows_of[int(rng.integers(len(rows_of)))], size=n_windows)
            features[own, columns] = dataset.features[rows, columns]
    sources: Sequence[Source] = [
        Source(
            name=f"recombined {i}", label=UNKNOWN, group=f"recombined {i}", family="recombined", real=False, sha256=""
        )
        for i in range(n_sessions)
    ]
    return Dataset(sources=sources, features=features, session=np.repeat(np.arange(n_sessions), n_windows))


def _trained(fitted: CrossFitted, material: Material) -> list[Dataset]:
    """List what each booster was trained on, besides synthetic sessions only those recordings that it saw."""
    kept = [np.ones(len(material.recordings.sources), dtype=np.bool_), *(fold.trained for fold in fitted.folds)]
    return [concatenate([material.synthetic, material.recordings.take(part)]) for part in kept]


def _names(fitted: CrossFitted) -> dict[str, Int64Array]:
    return {
        "fresh_names": _likeliest(fitted, fitted.raw_fresh),
        "left_out_names": _likeliest(fitted, fitted.raw_left_out),
    }


def _likeliest(fitted: CrossFitted, raw: Float64Array) -> Int64Array:
    known = raw.copy()
    if UNKNOWN in fitted.whole.classes:
        known[:, fitted.whole.classes.index(UNKNOWN)] = -1.0
    likeliest: Int64Array = known.argmax(axis=1).astype(np.int64)
    return likeliest
