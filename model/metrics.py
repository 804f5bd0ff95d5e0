"""How well sessions are named: per window and per connection, known exchanges and strangers apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from model.dataset import Dataset
from udfs.schema import UNKNOWN, Float64Array


def session_metrics(dataset: Dataset, probabilities: Float64Array, classes: Sequence[str]) -> dict[str, Any]:
    """Count what was said of each true label, by windows and by connections.

    Parameters
    ----------
    dataset : Dataset
        Sessions that the predicting booster was not trained on.
    probabilities : (n_windows, n_classes)
        What was predicted for each window.
    classes : n_classes names

    Returns
    -------
    dict
        `windows` and `connections`: true label -> verdict -> count; and the shares that follow from them. A
        connection's verdict is the class of the highest mean probability.
    """
    window_verdicts = np.array(classes)[probabilities.argmax(axis=1)]
    truths, verdicts = [], []
    for i, source in enumerate(dataset.sources):
        rows = probabilities[dataset.session == i]
        if len(rows):
            truths.append(source.label)
            verdicts.append(classes[int(rows.mean(axis=0).argmax())])
    return {
        "windows": _summary(dataset.window_labels, window_verdicts),
        "connections": _summary(np.array(truths), np.array(verdicts)),
    }


def _summary(truths: np.ndarray[Any, Any], verdicts: np.ndarray[Any, Any]) -> dict[str, Any]:
    known = truths != UNKNOWN
    confusion = {label: dict(Counter(verdicts[truths == label].tolist())) for label in np.unique(truths).tolist()}
    return {
        "known_right_ratio": _share(verdicts[known] == truths[known]),
        "known_unknown_ratio": _share(verdicts[known] == UNKNOWN),
        "strangers_refused_ratio": _share(verdicts[~known] == UNKNOWN),
        "confusion": confusion,
    }


def _share(hits: np.ndarray[Any, Any]) -> float | None:
    return round(float(hits.mean()), 4) if len(hits) else None
