"""Predictions for recordings by boosters that saw neither their day nor, for a stranger, its family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.boosting import fit
from model.calibration import raw_probabilities
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


def predict_left_out(
    recordings: Dataset, always: Dataset, classes: list[str], seed: int, progress: Callable[[str], None]
) -> Float64Array:
    """Predict every recording's windows by boosters that were trained on `always` and on the other folds' recordings.

    Returns
    -------
    (n_windows, n_classes) float64
        Raw probabilities.
    """
    predictions = np.empty((len(recordings.features), len(classes)))
    folds = make_folds(recordings)
    for number, fold in enumerate(folds, start=1):
        progress(f"recordings left out, part {number} of {len(folds)}")
        trained = concatenate([always, recordings.take(fold.trained)])
        booster = fit(trained.take(np.isin(trained.labels, classes)), classes, seed)
        rows = fold.tested[recordings.session]
        predictions[rows] = raw_probabilities(booster, recordings.features[rows])
    return predictions
