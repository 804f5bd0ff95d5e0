"""Whether probabilities mean what they say, of windows and of connections."""

from __future__ import annotations

from typing import Any

import numpy as np

from model.boosting import window_weights
from model.dataset import Dataset
from model.evaluation.opinions import UNDECIDED, Opinion, last_windows
from model.evaluation.statistics import reliability


def confidence_figures(dataset: Dataset, opinion: Opinion) -> dict[str, Any]:
    """Compare probabilities with how often they come true.

    Of windows: the greatest probability, before refusal; every class weighs the same, and in it every session. Of
    connections: the probability of the verdict, without those that are undecided.
    """
    classes = np.array(opinion.classes, dtype=np.str_)
    named = classes[opinion.probabilities.argmax(axis=1)]
    counted = np.isin(dataset.labels, classes)
    rows = counted[dataset.session]
    last = last_windows(dataset)
    last = last[opinion.certainty[last] != UNDECIDED]
    right = opinion.standing_names[last] == dataset.window_labels[last]
    return {
        "windows": reliability(
            opinion.probabilities.max(axis=1)[rows],
            (named == dataset.window_labels)[rows],
            window_weights(dataset.take(counted)),
        ),
        "connections": reliability(opinion.verdict_probabilities[dataset.session[last]], right),
    }
