"""What a model knows of each class's windows, so that what it sees later can be told from them."""

from __future__ import annotations

import numpy as np

from model.training.boosting import window_weights
from model.training.calibration import DEFAULT_RATE, refusal_thresholds
from model.training.calibrator import Judge
from model.training.dataset import Dataset
from model.training.distributions import Distribution, Reference, distribution
from udfs.features import FEATURES
from udfs.rows import as_stored
from udfs.schema import Float64Array, Int64Array
from udfs.scoring import window_verdicts
from udfs.verdicts import PROBABILITY_DECIMALS


def build_reference(
    trained_on: Dataset, held_out: Dataset, raw: Float64Array, by: Judge, classes: list[str]
) -> Reference:
    """Lay out each class's distributions of features, and of `confidence` and `margin`.

    Parameters
    ----------
    trained_on : Dataset
        Gives the features, by label.
    held_out : Dataset
        Gives confidence and margin, by what a window was called: those of windows that the booster was trained on
        would flatter it.
    raw : (n_windows, n_classes) float64
        What a booster that was not trained on them said of the held-out windows.
    by : Judge
        Calibrates.
    classes : list of str
    """
    labels, weights = trained_on.window_labels, window_weights(trained_on)
    probabilities = np.round(by.scaling.apply(raw), PROBABILITY_DECIMALS)
    called = window_verdicts(probabilities, by.classes, refusal_thresholds(by.refusal, by.classes, DEFAULT_RATE))
    ascending = np.sort(probabilities, axis=1)
    confidences = probabilities[np.arange(len(called)), called]
    decided = np.stack([confidences, ascending[:, -1] - ascending[:, -2]], axis=1)
    found: Reference = {}
    for i, name in enumerate(classes):
        own, of_class = labels == name, called == i
        features = _distributions(trained_on.features[own], trained_on.session[own], weights[own])
        certainty = _distributions(decided[of_class], held_out.session[of_class], window_weights(held_out)[of_class])
        names = [*(feature.name for feature in FEATURES), "confidence", "margin"]
        found[name] = dict(zip(names, [*features, *certainty], strict=True))
    return found


def _distributions(values: Float64Array, sessions: Int64Array, weights: Float64Array) -> list[Distribution]:
    return [distribution(column, sessions, weights) for column in as_stored(values).T]
