"""A distribution as a model's manifest keeps it: deciles, the shares between them, and how certain these are.

Shares are counted, not taken for a tenth each: many features have frequent values, at which several deciles coincide.
Windows of one session are alike, so shares are not as certain as the number of windows suggests.
"""

from __future__ import annotations

from typing import Any, Final, TypedDict

import numpy as np
from numpy.typing import NDArray

from model.training.weighted_quantiles import weighted_quantiles
from udfs.rows import FEATURE_DECIMALS
from udfs.schema import Float64Array, Int64Array

DECILES: Final = tuple(i / 10 for i in range(1, 10))

N_BINS: Final = len(DECILES) + 2
"""Up to the first decile, between each two, above the last, and undefined."""

_DECIMALS: Final = 6


class Distribution(TypedDict):
    """One measure of one class, as the view `model_reference` describes it."""

    deciles: list[float]
    shares: list[float]
    missing_share: float
    likeness: float
    likeness_square: float
    effective_windows: float


Reference = dict[str, dict[str, Distribution]]
"""Class to measure to distribution."""


def distribution(values: NDArray[np.float32], sessions: Int64Array, weights: Float64Array) -> Distribution:
    """Describe the distribution of one measure.

    Parameters
    ----------
    values : (n,) float32
        Of each window, as the table of windows stores it; NaN where undefined.
    sessions : (n,) int64
        Which session it is of.
    weights : (n,) float64
        Of each window; those of a session are the same.

    Returns
    -------
    Distribution
        `likeness` is the correlation by which a chi-square statistic of these shares grows when m windows come from
        one session, on average ``1 + (m - 1) * likeness`` times, and `likeness_square` the mean square of what it is
        the mean of, over the ways in which shares can vary: first and second order of Rao & Scott, The Annals of
        Statistics 12 (1984). Without two windows of a session both are taken for 1.
    """
    if not len(values):
        return Distribution(
            deciles=[],
            shares=[0.0] * (N_BINS - 1),
            missing_share=1.0,
            likeness=1.0,
            likeness_square=1.0,
            effective_windows=0.0,
        )
    edges = weighted_quantiles(values, weights, DECILES)
    bins = np.searchsorted(edges, values, side="left") if len(edges) else np.zeros(len(values), dtype=np.int64)
    bins[np.isnan(values)] = N_BINS - 1
    shares = np.bincount(bins, weights=weights, minlength=N_BINS) / weights.sum()
    likeness, square, effective = _likeness(bins, sessions, weights, shares)
    return Distribution(
        deciles=np.round(edges.astype(np.float64), FEATURE_DECIMALS).tolist(),
        shares=np.round(shares[:-1], _DECIMALS).tolist(),
        missing_share=round(float(shares[-1]), _DECIMALS),
        likeness=round(likeness, _DECIMALS),
        likeness_square=round(square, _DECIMALS),
        effective_windows=round(effective, 1),
    )


def _likeness(
    bins: NDArray[Any], sessions: Int64Array, weights: Float64Array, shares: Float64Array
) -> tuple[float, float, float]:
    """Say how alike the windows of a session are, its square, and how many independent windows would say as much."""
    numbers, session = np.unique(sessions, return_inverse=True)
    counts = np.zeros((len(numbers), N_BINS))
    np.add.at(counts, (session, bins), 1)
    sizes = counts.sum(axis=1)
    session_weights = np.bincount(session, weights=weights) / weights.sum()
    used, paired = shares > 0, sizes > 1
    likeness = square = 1.0
    if paired.any() and used.sum() > 1:
        # How often, of two different windows of a session, the first is in one bin and the second in the other.
        of_pair = (session_weights / (sizes * (sizes - 1) + ~paired))[paired] / session_weights[paired].sum()
        weighted = counts[paired][:, used] * of_pair[:, np.newaxis]
        both = weighted.T @ counts[paired][:, used] - np.diag(weighted.sum(axis=0))
        expected = np.outer(shares[used], shares[used])
        excess = (both - expected) / np.sqrt(expected)
        freedoms = used.sum() - 1
        likeness = float(np.clip(np.trace(excess) / freedoms, 0, 1))
        square = float(np.clip((excess**2).sum() / freedoms, likeness**2, 1))
    variance = (session_weights**2 * (likeness + (1 - likeness) / sizes)).sum()
    return likeness, square, float(1 / variance)
