"""Whether probabilities mean what they say, of windows and of connections."""

from __future__ import annotations

from typing import Any

import numpy as np

from model.evaluation.predictions import UNDECIDED, Opinion, last_windows
from model.evaluation.statistics import reliability
from model.training.boosting import window_weights
from model.training.dataset import Dataset


def confidence_figures(dataset: Dataset, opinion: Opinion) -> dict[str, Any]:
    """Compare probabilities with how often they come true.

    Of windows: the greatest probability, before refusal. In `windows` every class weighs the same, and in it every
    session, so that a class of one recording weighs as much as any; in `windows_by_session` every session does. Of
    connections: the probability of the verdict, without those that are undecided.
    """
    classes = np.array(opinion.classes, dtype=np.str_)
    named = classes[opinion.probabilities.argmax(axis=1)]
    counted = np.isin(dataset.labels, classes)
    rows = counted[dataset.session]
    confidences, right = opinion.probabilities.max(axis=1)[rows], (named == dataset.window_labels)[rows]
    last = last_windows(dataset)
    last = last[opinion.certainty[last] != UNDECIDED]
    verdicts_right = opinion.standing_names[last] == dataset.window_labels[last]
    sizes = np.bincount(dataset.session, minlength=len(dataset.sources))
    return {
        "windows": reliability(confidences, right, window_weights(dataset.take(counted))),
        "windows_by_session": reliability(confidences, right, 1 / sizes[dataset.session[rows]]),
        "connections": reliability(opinion.verdict_probabilities[dataset.session[last]], verdicts_right),
    }
