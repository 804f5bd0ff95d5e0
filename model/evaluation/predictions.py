"""What is said of sessions, window by window, by whoever says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from model.training.cross_fitting import Fold
from model.training.dataset import Dataset
from udfs.schema import UNKNOWN, Float64Array, Int64Array

T = TypeVar("T", bound=np.generic)

UNDECIDED: Final = 0
LIKELY: Final = 1
CERTAIN: Final = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Opinion:
    """What is said of a dataset.

    Attributes
    ----------
    classes : tuple of str
        With `unknown` among them.
    probabilities : (n_windows, n_classes) float64
        Of each window.
    windows : (n_windows,) int64
        Verdict of each window, an index of the classes.
    unknown_scores : (n_windows,) float64
        How little a window looks like any known exchange; only their order counts.
    standing : (n_windows,) int64
        What stands for the connection after each of its windows; `unknown` where nothing does.
    certainty : (n_windows,) int64
        `UNDECIDED`, `LIKELY` or `CERTAIN`, after each window.
    since : (n_windows,) int64
        Where a certain verdict changes: number of the window, in its connection, with which that began, as far as is
        said. Else -1.
    verdict_probabilities : (n_sessions,) float64
        That what stands after the last window is right; NaN without windows.
    connection_scores : (n_sessions,) float64
        How little a connection looks like any known exchange, after its last window; NaN without windows.
    """

    classes: tuple[str, ...]
    probabilities: Float64Array
    windows: Int64Array
    unknown_scores: Float64Array
    standing: Int64Array
    certainty: Int64Array
    since: Int64Array
    verdict_probabilities: Float64Array
    connection_scores: Float64Array

    @property
    def unknown(self) -> int:
        """The index of `unknown`."""
        return self.classes.index(UNKNOWN)

    @property
    def window_names(self) -> NDArray[np.str_]:
        """The verdict of each window in words."""
        return np.array(self.classes, dtype=np.str_)[self.windows]

    @property
    def standing_names(self) -> NDArray[np.str_]:
        """What stands after each window in words."""
        return np.array(self.classes, dtype=np.str_)[self.standing]


class Namer(Protocol):
    """Whoever names windows and connections."""

    def opine(self, dataset: Dataset, false_unknown_rate: float) -> Opinion:
        """Name everything, so that so many of the windows of known exchanges are called unknown."""

    def refuse(self, dataset: Dataset, rates: Sequence[float]) -> NDArray[np.bool_]:
        """Say which windows are called unknown at each false-unknown rate: (n_rates, n_windows)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LeftOut:
    """Names each recording by a namer that did not see its day, nor a stranger's family.

    Attributes
    ----------
    folds, namers
        One namer a fold.
    """

    folds: Sequence[Fold]
    namers: Sequence[Namer]

    def opine(self, dataset: Dataset, false_unknown_rate: float) -> Opinion:
        """Name recordings, the very ones that were divided or the same ones changed, session by session."""
        opinions = [
            namer.opine(dataset.take(fold.tested), false_unknown_rate)
            for fold, namer in zip(self.folds, self.namers, strict=True)
        ]
        rows = self._rows(dataset)
        sessions = np.concatenate([np.flatnonzero(fold.tested) for fold in self.folds])
        return Opinion(
            classes=opinions[0].classes,
            probabilities=_scattered([o.probabilities for o in opinions], rows),
            windows=_scattered([o.windows for o in opinions], rows),
            unknown_scores=_scattered([o.unknown_scores for o in opinions], rows),
            standing=_scattered([o.standing for o in opinions], rows),
            certainty=_scattered([o.certainty for o in opinions], rows),
            since=_scattered([o.since for o in opinions], rows),
            verdict_probabilities=_scattered([o.verdict_probabilities for o in opinions], sessions),
            connection_scores=_scattered([o.connection_scores for o in opinions], sessions),
        )

    def refuse(self, dataset: Dataset, rates: Sequence[float]) -> NDArray[np.bool_]:
        """Say which windows are called unknown at each rate."""
        pairs = zip(self.folds, self.namers, strict=True)
        refused = [namer.refuse(dataset.take(fold.tested), rates).T for fold, namer in pairs]
        return _scattered(refused, self._rows(dataset)).T

    def _rows(self, dataset: Dataset) -> NDArray[np.intp]:
        return np.concatenate([np.flatnonzero(fold.tested[dataset.session]) for fold in self.folds])


def _scattered(parts: Sequence[NDArray[T]], places: NDArray[np.intp]) -> NDArray[T]:
    values = np.concatenate(parts)
    placed = np.empty_like(values)
    placed[places] = values
    return placed


def last_windows(dataset: Dataset) -> NDArray[np.intp]:
    """Find the row of the last window of each session that has any; sessions' windows are contiguous."""
    return np.flatnonzero(np.diff(dataset.session, append=-1) != 0)


def window_numbers(dataset: Dataset) -> Int64Array:
    """Count the windows that come before each one in its session."""
    counts = np.bincount(dataset.session, minlength=len(dataset.sources))
    starts = np.cumsum(counts) - counts
    return np.arange(len(dataset.session)) - starts[dataset.session]
