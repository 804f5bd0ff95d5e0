"""How well sessions are named: per window and per connection, known exchanges and strangers apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.training.calibrator import Judgements
from model.training.dataset import Dataset
from udfs.schema import UNKNOWN


def session_metrics(dataset: Dataset, judgements: Judgements, classes: Sequence[str]) -> dict[str, Any]:
    """Count what was said of each true label, by windows and by connections that have a window.

    Returns
    -------
    dict
        `windows` and `connections`: true label -> verdict -> count; and the shares that follow from them.
    """
    has_windows = np.array([verdict.windows > 0 for verdict in judgements.connections])
    verdicts = np.array([verdict.exchange for verdict in judgements.connections], dtype=np.str_)
    return {
        "windows": _summary(dataset.window_labels, np.array(classes)[judgements.windows]),
        "connections": _summary(dataset.labels[has_windows], verdicts[has_windows]),
    }


def _summary(truths: NDArray[np.str_], verdicts: NDArray[np.str_]) -> dict[str, Any]:
    known = truths != UNKNOWN
    confusion = {label: dict(Counter(verdicts[truths == label].tolist())) for label in np.unique(truths).tolist()}
    return {
        "known_right_ratio": _share(verdicts[known] == truths[known]),
        "known_unknown_ratio": _share(verdicts[known] == UNKNOWN),
        "strangers_refused_ratio": _share(verdicts[~known] == UNKNOWN),
        "confusion": confusion,
    }


def _share(hits: NDArray[np.bool_]) -> float | None:
    return round(float(hits.mean()), 4) if len(hits) else None
