"""Boosters for everything and, for recordings, boosters that saw neither their day nor, for a stranger, its family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.training.boosting import Grown, Progress, Recipe, grow_all
from model.training.dataset import Dataset, concatenate
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


@dataclass(frozen=True, kw_only=True)
class Division:
    """What one fold leaves out.

    Attributes
    ----------
    groups : tuple of str
        Recorders and UTC days, as `Source.group` names them.
    families : tuple of str
        Of strangers.
    """

    groups: tuple[str, ...]
    families: tuple[str, ...]


def divisions_of(recordings: Dataset) -> list[Division]:
    """Divide recordings: known exchanges by recorder and UTC day, strangers by family; every fold has some of both."""
    groups, families = _known_groups(recordings), _stranger_families(recordings)
    n_folds = min(MOST_FOLDS, max(len(groups), len(families)))
    return [Division(groups=groups[i::n_folds], families=families[i::n_folds]) for i in range(n_folds)]


def extend_divisions(divisions: Sequence[Division], recordings: Dataset) -> list[Division]:
    """Divide also what these divisions lack, and leave what they have where it is.

    Two models whose recordings differ are compared by what each says of those that both know, left out together with
    the same others. A new group goes where no other of its exchange is, so that something of it stays in every fold.
    """
    extended = list(divisions)
    for group in _known_groups(recordings):
        if not any(group in division.groups for division in extended):
            labels = {source.label for source in recordings.sources if source.group == group} - {UNKNOWN}
            _add(extended, _groups_with(recordings, labels), groups=(group,))
    for family in _stranger_families(recordings):
        if not any(family in division.families for division in extended):
            _add(extended, frozenset(), families=(family,))
    return extended


def _add(
    divisions: list[Division],
    apart_from: frozenset[str],
    *,
    groups: tuple[str, ...] = (),
    families: tuple[str, ...] = (),
) -> None:
    """Add to the division with the fewest of the groups that these have to be apart from, else with the least."""
    if not divisions or (len(divisions) < MOST_FOLDS and all(apart_from & {*d.groups} for d in divisions)):
        divisions.append(Division(groups=(), families=()))
    counts = [(len(apart_from & {*d.groups}), len(d.groups) + len(d.families)) for d in divisions]
    i = counts.index(min(counts))
    old = divisions[i]
    divisions[i] = Division(groups=(*old.groups, *groups), families=(*old.families, *families))


def _known_groups(recordings: Dataset) -> tuple[str, ...]:
    return tuple(sorted({source.group for source in recordings.sources if source.label != UNKNOWN}))


def _stranger_families(recordings: Dataset) -> tuple[str, ...]:
    return tuple(sorted({source.family for source in recordings.sources if source.label == UNKNOWN}))


def _groups_with(recordings: Dataset, labels: set[str]) -> frozenset[str]:
    return frozenset(source.group for source in recordings.sources if source.label in labels)


def left_out_whole(recordings: Dataset, divisions: Sequence[Division]) -> list[str]:
    """List the exchanges all of whose recordings one fold would leave out."""
    return [
        label
        for label in sorted({source.label for source in recordings.sources} - {UNKNOWN})
        if any(_groups_with(recordings, {label}) <= {*division.groups} for division in divisions)
    ]


def make_folds(recordings: Dataset, divisions: Sequence[Division] | None = None) -> list[Fold]:
    """Make the folds of these divisions, by default of `divisions_of`; one that tests nothing is left away."""
    known = recordings.labels != UNKNOWN
    groups = np.array([source.group for source in recordings.sources], dtype=np.str_)
    families = np.array([source.family for source in recordings.sources], dtype=np.str_)
    folds = []
    for division in divisions_of(recordings) if divisions is None else divisions:
        in_groups, in_families = np.isin(groups, division.groups), ~known & np.isin(families, division.families)
        folds.append(Fold(tested=(known & in_groups) | in_families, trained=~(in_groups | in_families)))
    return [fold for fold in folds if fold.tested.any()]


def divide(recordings: Dataset, most: int, divisions: Sequence[Division] | None = None) -> list[Fold]:
    """Divide recordings as `make_folds` does, putting folds together where there are more than `most`.

    What is tested together is left out together: of a merged fold, nothing related to any of its sessions is trained
    on.
    """
    folds = make_folds(recordings, divisions)
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
    synthetic : Dataset
        Trained on in every fold: synthetic sessions, and recordings that cannot be left out.
    recordings : Dataset
        Trained on, and left out in turn.
    fresh : Dataset
        Synthetic sessions for what is fitted on held-out ones.
    divisions : sequence of Division, optional
        How the recordings are left out; by default `divisions_of` them.
    """

    synthetic: Dataset
    recordings: Dataset
    fresh: Dataset
    divisions: Sequence[Division] | None = None

    def without(self, exchange: str) -> Material:
        """Leave out an exchange, everywhere."""
        parts = (self.synthetic, self.recordings, self.fresh)
        synthetic, recordings, fresh = (part.take(part.labels != exchange) for part in parts)
        return replace(self, synthetic=synthetic, recordings=recordings, fresh=fresh)


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
    folds = divide(material.recordings, most_folds, material.divisions)
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
