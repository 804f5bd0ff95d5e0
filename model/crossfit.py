"""Boosters for everything and, for recordings, boosters that saw neither their day nor, for a stranger, its family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.boosting import Grown, Progress, Recipe, grow_all
from model.dataset import Dataset, concatenate
from udfs.schema import UNKNOWN, Float64Array

MOST_FOLDS: Final = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class Fold:
    """One division of the recordings, a bool a session.

    Attributes
    ----------
    tested : (n_sessions,) bool
        Predicted in this fold; each session is tested in exactly one.
    trained : (n_sessions,) bool
        Trained on: of another recorder or UTC day than every tested known session, and of another family than every
        tested stranger.
    """

    tested: NDArray[np.bool_]
    trained: NDArray[np.bool_]


def make_folds(recordings: Dataset) -> list[Fold]:
    """Divide recordings: known exchanges by recorder and UTC day, strangers by family; every fold has some of both."""
    labels = recordings.labels
    groups = np.array([source.group for source in recordings.sources], dtype=np.str_)
    families = np.array([source.family for source in recordings.sources], dtype=np.str_)
    known = labels != UNKNOWN
    known_groups, stranger_families = np.unique(groups[known]), np.unique(families[~known])
    n_folds = min(MOST_FOLDS, max(len(known_groups), len(stranger_families)))
    folds = []
    for i in range(n_folds):
        left_out_groups, left_out_families = known_groups[i::n_folds], stranger_families[i::n_folds]
        tested = (known & np.isin(groups, left_out_groups)) | (~known & np.isin(families, left_out_families))
        related = np.isin(groups, left_out_groups) | (~known & np.isin(families, left_out_families))
        folds.append(Fold(tested=tested, trained=~related))
    return folds


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """What contestants are made of.

    Attributes
    ----------
    synthetic, recordings : Dataset
        Trained on.
    fresh : Dataset
        Synthetic sessions for what is fitted on held-out ones.
    """

    synthetic: Dataset
    recordings: Dataset
    fresh: Dataset

    def without(self, exchange: str) -> Material:
        """Leave out an exchange, everywhere."""
        parts = (self.synthetic, self.recordings, self.fresh)
        synthetic, recordings, fresh = (part.take(part.labels != exchange) for part in parts)
        return Material(synthetic=synthetic, recordings=recordings, fresh=fresh)


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossFitted:
    """A booster of everything and one for each fold, with what they say of sessions they were not trained on."""

    folds: Sequence[Fold]
    whole: Grown
    parts: Sequence[Grown]
    raw_fresh: Float64Array
    raw_left_out: Float64Array


def cross_fit(
    material: Material, classes: Sequence[str], *, n_trees: int, most_folds: int, seed: int, progress: Progress
) -> CrossFitted:
    """Grow the booster of everything and those of the folds."""
    folds = divide(material.recordings, most_folds)
    kept = [np.ones(len(material.recordings.sources), dtype=np.bool_), *(fold.trained for fold in folds)]
    recipes = [
        Recipe(
            dataset=concatenate([material.synthetic, material.recordings.take(part)]),
            classes=tuple(classes),
            n_trees=n_trees,
            seed=seed,
        )
        for part in kept
    ]
    whole, *parts = grow_all(recipes, f"growing {n_trees} trees for {', '.join(classes)}", progress)
    return CrossFitted(
        folds=folds,
        whole=whole,
        parts=parts,
        raw_fresh=whole.predict(material.fresh.features),
        raw_left_out=predict_folds(parts, folds, material.recordings, len(classes)),
    )


def predict_folds(grown: Sequence[Grown], folds: Sequence[Fold], recordings: Dataset, n_classes: int) -> Float64Array:
    """Let each fold's booster predict the windows that it was not trained on; all have the same classes."""
    raw = np.empty((len(recordings.features), n_classes))
    for one, fold in zip(grown, folds, strict=True):
        rows = fold.tested[recordings.session]
        raw[rows] = one.predict(recordings.features[rows])
    return raw
