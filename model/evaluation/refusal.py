"""Refusing strangers: requested and observed rates, ranking, and what an alert is worth where strangers are rare."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.evaluation.predictions import CERTAIN, Namer, Opinion, last_windows
from model.evaluation.statistics import (
    auroc,
    average_precision,
    connection_share,
    precision_at_base_rate,
    precision_recall,
    window_share,
)
from model.training.dataset import Dataset
from udfs.schema import EXCHANGES, UNKNOWN, Float64Array

RATES: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
BASE_RATES: Final = (10, 100, 1000)
"""Clean connections to each one that deserves the alert."""

_CURVE_POINTS: Final = 200
_DECIMALS: Final = 5


def requested_and_observed(dataset: Dataset, namer: Namer) -> list[dict[str, Any]]:
    """Ask for each rate, and count the windows of known exchanges called unknown and the strangers' refused."""
    labels, rows = dataset.window_labels, []
    known = labels != UNKNOWN
    for rate, refused in zip(RATES, namer.refuse(dataset, RATES), strict=True):
        by_class = {name: labels == name for name in EXCHANGES if (labels == name).any()}
        rows.append(
            {
                "requested": rate,
                "observed": window_share(refused[known], dataset.session[known]).to_json(),
                "observed_by_session": _mean_by_session(refused, known, dataset),
                "strangers_refused": window_share(refused[~known], dataset.session[~known]).to_json(),
                "by_class": {
                    name: window_share(refused[own], dataset.session[own]).to_json() for name, own in by_class.items()
                },
            }
        )
    return rows


def _mean_by_session(refused: NDArray[np.bool_], counted: NDArray[np.bool_], dataset: Dataset) -> float | None:
    """Average the sessions' shares: thresholds are chosen so, every session counting as any other."""
    if not counted.any():
        return None
    n = len(dataset.sources)
    hits = np.bincount(dataset.session[counted], weights=refused[counted], minlength=n)
    totals = np.bincount(dataset.session[counted], minlength=n)
    return round(float((hits[totals > 0] / totals[totals > 0]).mean()), _DECIMALS)


def known_versus_unknown(dataset: Dataset, opinion: Opinion) -> dict[str, Any]:
    """Measure how well scores tell strangers from known exchanges, whatever the threshold.

    Of windows, each session weighs the same.
    """
    stranger = dataset.window_labels == UNKNOWN
    sizes = np.bincount(dataset.session, minlength=len(dataset.sources))
    has_windows = sizes > 0
    return {
        "windows": _ranking(opinion.unknown_scores, stranger, 1 / sizes[dataset.session]),
        "connections": _ranking(
            opinion.connection_scores[has_windows],
            (dataset.labels == UNKNOWN)[has_windows],
            np.ones(int(has_windows.sum())),
        ),
    }


def _ranking(scores: Float64Array, stranger: NDArray[np.bool_], weights: Float64Array) -> dict[str, Any]:
    if not stranger.any() or stranger.all():
        return {"auroc": None, "average_precision": None, "base_rate": None, "precision": [], "recall": []}
    precision, recall = precision_recall(scores, stranger, weights)
    kept = np.unique(
        np.searchsorted(recall, np.linspace(0, float(recall[-1]), _CURVE_POINTS)).clip(max=len(recall) - 1)
    )
    return {
        "auroc": auroc(scores, stranger, weights),
        "average_precision": average_precision(scores, stranger, weights),
        "base_rate": round(float(weights[stranger].sum() / weights.sum()), _DECIMALS),
        "precision": precision[kept].round(_DECIMALS).tolist(),
        "recall": recall[kept].round(_DECIMALS).tolist(),
    }


def alert_precision(dataset: Dataset, opinion: Opinion) -> dict[str, Any]:
    """Say how precise a certain verdict's alerts are where what they warn of is rare.

    A `stranger` alert is a connection that ends certainly `unknown`: right for a stranger, false for a known exchange.
    A `mismatch` alert is one that ends certainly another known exchange than it declares: right if that is what it is
    behind its declaration, false if it is what it declares. `at_worst` takes those ends of both 95% intervals that
    are against it.
    """
    last = last_windows(dataset)
    truths, names = dataset.window_labels[last], opinion.standing_names[last]
    certain, known = opinion.certainty[last] == CERTAIN, truths != UNKNOWN
    refused = certain & (names == UNKNOWN)
    renamed = certain & (names != UNKNOWN) & (names != truths)
    return {
        "stranger": _alerts(refused[~known], refused[known]),
        "mismatch": _alerts((certain & (names == truths))[known], renamed[known]),
    }


def _alerts(detections: NDArray[np.bool_], false_alarms: NDArray[np.bool_]) -> dict[str, Any]:
    detected, false = connection_share(detections), connection_share(false_alarms)
    precision = {
        f"1:{n}": {
            "measured": precision_at_base_rate(detected.ratio or 0.0, false.ratio or 0.0, n),
            "at_worst": precision_at_base_rate(detected.low or 0.0, 1.0 if false.high is None else false.high, n),
        }
        for n in BASE_RATES
    }
    return {"detected": detected.to_json(), "false_alarms": false.to_json(), "precision": precision}
