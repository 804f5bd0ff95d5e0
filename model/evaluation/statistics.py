"""Shares with their uncertainty, and measures of ranking and of calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, chi2

from udfs.schema import Float64Array

CONFIDENCE: Final = 0.95
N_RESAMPLES: Final = 2000
N_BINS: Final = 15

_RATIO_DECIMALS: Final = 5


@dataclass(frozen=True, kw_only=True)
class Share:
    """A share with its 95% confidence interval; every number but `hits` and `of` is None where `of` is 0.

    Attributes
    ----------
    hits, of : int
        Counts.
    ratio, low, high : float or None
        The share, and the ends of the interval.
    """

    hits: int
    of: int
    ratio: float | None
    low: float | None
    high: float | None

    def to_json(self) -> dict[str, Any]:
        """Lay out for the report."""
        return dict(vars(self))


def connection_share(hits: NDArray[np.bool_]) -> Share:
    """Count hits among connections, with Wilson's interval: connections are independent of each other."""
    n_hits, n = int(hits.sum()), len(hits)
    low, high = wilson_interval(n_hits, n)
    return _share(n_hits, n, low, high)


def window_share(hits: NDArray[np.bool_], sessions: NDArray[np.int64], *, seed: int = 0) -> Share:
    """Count hits among windows, with an interval by sessions: windows of one session depend on each other.

    Where no window or every one is a hit, drawing sessions anew cannot show what else might be: Wilson's interval, as
    if each session were one trial. A single session tells nothing of others: 0 to 1.

    Parameters
    ----------
    hits : (n_windows,) bool
    sessions : (n_windows,) int64
        The session of each window.
    """
    _, rows = np.unique(sessions, return_inverse=True)
    by_session = np.bincount(rows, weights=hits).astype(np.float64), np.bincount(rows).astype(np.float64)
    n_hits, n_sessions = int(hits.sum()), len(by_session[0])
    if n_sessions == 1:
        return _share(n_hits, len(hits), 0.0, 1.0)
    if n_hits in (0, len(hits)):
        return _share(n_hits, len(hits), *wilson_interval(n_sessions if n_hits else 0, n_sessions))
    return _share(n_hits, len(hits), *cluster_bootstrap_interval(*by_session, seed=seed))


def _share(hits: int, of: int, low: float, high: float) -> Share:
    if of == 0:
        return Share(hits=0, of=0, ratio=None, low=None, high=None)
    ratio, low, high = (round(value, _RATIO_DECIMALS) for value in (hits / of, low, high))
    return Share(hits=hits, of=of, ratio=ratio, low=low, high=high)


def wilson_interval(hits: int, n: int) -> tuple[float, float]:
    """Bound a proportion by Wilson's score interval, from 0 to 1 for n = 0."""
    if n == 0:
        return 0.0, 1.0
    interval = binomtest(hits, n).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def cluster_bootstrap_interval(hits: Float64Array, totals: Float64Array, *, seed: int = 0) -> tuple[float, float]:
    """Bound sum(hits) / sum(totals) by drawing whole sessions with replacement: the percentile bootstrap.

    Parameters
    ----------
    hits, totals : (n_sessions,) float64
        Of each session.
    seed : int

    >>> cluster_bootstrap_interval(np.array([3.0, 3.0]), np.array([4.0, 4.0]))
    (0.75, 0.75)
    """
    n = len(totals)
    if n == 0:
        return 0.0, 1.0
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES).astype(np.float64)
    ratios = (drawn @ hits) / (drawn @ totals)
    low, high = np.quantile(ratios, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def poisson_interval(events: int) -> tuple[float, float]:
    """Bound the expected number of independent events, having seen so many (Garwood, Biometrika 28, 1936).

    >>> low, high = poisson_interval(0)
    >>> low, round(high, 3)
    (0.0, 3.689)
    """
    tail = (1 - CONFIDENCE) / 2
    low = float(chi2.ppf(tail, 2 * events)) / 2 if events else 0.0
    return low, float(chi2.ppf(1 - tail, 2 * events + 2)) / 2


def auroc(scores: Float64Array, positive: NDArray[np.bool_], weights: Float64Array | None = None) -> float | None:
    """Measure how probably a positive's score is above a negative's, a tie counting half; None without both.

    >>> auroc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, False, True, True]))
    0.875
    """
    used = np.ones(len(scores)) if weights is None else weights
    _, ranks = np.unique(scores, return_inverse=True)
    pos = np.bincount(ranks, weights=used * positive)
    neg = np.bincount(ranks, weights=used * ~positive)
    if not (pos.sum() > 0 and neg.sum() > 0):
        return None
    below = np.cumsum(neg) - neg
    return round(float((pos * (below + neg / 2)).sum() / (pos.sum() * neg.sum())), _RATIO_DECIMALS)


def precision_recall(
    scores: Float64Array, positive: NDArray[np.bool_], weights: Float64Array | None = None
) -> tuple[Float64Array, Float64Array]:
    """Trace precision and recall of calling positive what scores at least s, for s from the highest down.

    >>> precision, recall = precision_recall(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]))
    >>> precision.round(3).tolist(), recall.tolist()
    ([1.0, 0.5, 0.667], [0.5, 0.5, 1.0])
    """
    used = np.ones(len(scores)) if weights is None else weights
    _, ranks = np.unique(-scores, return_inverse=True)
    hits = np.cumsum(np.bincount(ranks, weights=used * positive))
    called = np.cumsum(np.bincount(ranks, weights=used))
    return hits / called, hits / max(float(hits[-1]), 1e-300)


def average_precision(
    scores: Float64Array, positive: NDArray[np.bool_], weights: Float64Array | None = None
) -> float | None:
    """Average precision over recall: the sum of precision times each step of recall; None without a positive."""
    if not positive.any():
        return None
    precision, recall = precision_recall(scores, positive, weights)
    return round(float((precision * np.diff(recall, prepend=0.0)).sum()), _RATIO_DECIMALS)


def precision_at_base_rate(detected: float, false_alarms: float, negatives_per_positive: float) -> float | None:
    """Turn detection and false-alarm rates into an alert's precision by Bayes' rule; None if nothing is alerted.

    >>> precision_at_base_rate(0.9, 0.01, 90)
    0.5
    """
    alerts = detected + false_alarms * negatives_per_positive
    return round(detected / alerts, _RATIO_DECIMALS) if alerts > 0 else None


def reliability(
    confidences: Float64Array, right: NDArray[np.bool_], weights: Float64Array | None = None
) -> dict[str, Any]:
    """Compare how sure something is with how often it is right, in `N_BINS` bins of equal width.

    Returns
    -------
    dict
        `ece`, the expected calibration error: the mean distance of the two, weighted (Guo et al. 2017); and `bins`
        with `confidence`, `accuracy` and `share` of those that are not empty.
    """
    used = np.ones(len(confidences)) if weights is None else weights
    # Shares the ends of bins upwards, as Guo et al. do: (0, 1/15], (1/15, 2/15], ...
    places = np.clip(np.ceil(confidences * N_BINS).astype(np.int64) - 1, 0, N_BINS - 1)
    total = np.bincount(places, weights=used, minlength=N_BINS)
    filled = total > 0
    confidence = np.bincount(places, weights=used * confidences, minlength=N_BINS)[filled] / total[filled]
    accuracy = np.bincount(places, weights=used * right, minlength=N_BINS)[filled] / total[filled]
    share = total[filled] / max(float(total.sum()), 1e-300)
    columns = {"confidence": confidence, "accuracy": accuracy, "share": share}
    return {
        "ece": round(float((share * np.abs(confidence - accuracy)).sum()), _RATIO_DECIMALS) if len(used) else None,
        "bins": {name: column.round(_RATIO_DECIMALS).tolist() for name, column in columns.items()},
    }


def quantiles(values: Float64Array) -> dict[str, float | None]:
    """Give the median and the 95% quantile, None of nothing."""
    if not len(values):
        return {"median": None, "p95": None}
    return {"median": float(np.median(values)), "p95": float(np.quantile(values, 0.95))}
