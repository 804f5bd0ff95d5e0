"""The intervals of arrivals: one level, and six shapes of it, of which all but one do not change with the rate.

All are functions of the sorted intervals between neighbouring messages, so the order of the intervals is nothing to
them. Every value is the same, bit for bit, when all times of a window move by the same amount.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from udfs.features.feature import Feature, FeatureBlock, log10_us, ratios
from udfs.features.phrase import duration_phrase, messages_phrase, ratio_phrase, share_phrase
from udfs.schema import Float64Array, Int64Array, Windows

BURSTS_PER_MEAN: Final = 10
"""An interval is part of a burst if the window's mean interval is longer than this many of it."""

INSTANT_NS: Final = 100_000
"""Recorded bursts have gaps of 1 to 100 us."""


def inter_arrival_ns(recv_ts_ns: Int64Array) -> Float64Array:
    """Measure the time from each message to the next, in arrival order.

    Parameters
    ----------
    recv_ts_ns : (n_windows, size) int64
        Receive times, ns.

    Returns
    -------
    (n_windows, size - 1) float64
        Intervals, ns, exact up to 2**53 (104 days); never negative: 0 where the clock was set back.

    Examples
    --------
    >>> inter_arrival_ns(np.array([[100, 130, 120, 180]]))
    array([[30.,  0., 60.]])
    """
    return np.maximum(recv_ts_ns[:, 1:] - recv_ts_ns[:, :-1], 0).astype(np.float64)


def inter_arrival_log10_median_us(sorted_intervals_ns: Float64Array) -> Float64Array:
    """Measure the typical interval: the one feature of this family that is a level and follows the rate.

    Parameters
    ----------
    sorted_intervals_ns : (n_windows, n) float64
        Ascending, ns.

    Returns
    -------
    (n_windows,) float64
        log10(median / 1 us); the median is the middle interval (nearest-rank quantile, see `quantile_ns`). From -3
        (1 ns). NaN where the median is 0.

    Notes
    -----
    Source: ours. The median, because stalls and bursts move a mean; the logarithm, because rates spread over decades.

    Examples
    --------
    >>> inter_arrival_log10_median_us(np.array([[0.0, 1_000_000.0, 7_000_000.0], [0.0, 0.0, 9.0]]))
    array([ 3., nan])
    """
    return log10_us(quantile_ns(sorted_intervals_ns, 0.5))


def inter_arrival_cv(sorted_intervals_ns: Float64Array) -> Float64Array:
    """Measure the spread of the intervals: 0 for a metronome, near 1 for a Poisson process, above 1 for bursts.

    Parameters
    ----------
    sorted_intervals_ns : (n_windows, n) float64
        Ascending, ns.

    Returns
    -------
    (n_windows,) float64
        Coefficient of variation, standard deviation (``ddof=0``) / mean; 0 to sqrt(n - 1). NaN where the mean is 0.

    Notes
    -----
    Source: Cox & Lewis, The Statistical Analysis of Series of Events (1966), whose test of a Poisson process it serves.

    Examples
    --------
    Mean 2, deviations -1 and 1:

    >>> inter_arrival_cv(np.array([[1.0, 3.0], [5.0, 5.0], [0.0, 0.0]]))
    array([0.5, 0. , nan])
    """
    n = sorted_intervals_ns.shape[1]
    means_ns = sorted_intervals_ns.sum(axis=1) / n
    deviations_ns = sorted_intervals_ns - means_ns[:, np.newaxis]
    return ratios(np.sqrt((deviations_ns * deviations_ns).sum(axis=1) / n), means_ns)


def inter_arrival_p10_p50_ratio(sorted_intervals_ns: Float64Array) -> Float64Array:
    """Measure the lower half of the intervals' distribution: 0 where messages come in clumps, 1 where evenly.

    Parameters
    ----------
    sorted_intervals_ns : (n_windows, n) float64
        Ascending, ns.

    Returns
    -------
    (n_windows,) float64
        10% quantile / median (see `quantile_ns`), 0 to 1. NaN where the median is 0.

    Notes
    -----
    Source: ours. A ratio, not its logarithm: trees see the same order in both, and the ratio stays finite at 0.

    Examples
    --------
    >>> inter_arrival_p10_p50_ratio(np.array([[2.0, 3.0, 4.0, 5.0, 8.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0]]))
    array([0.33333333])
    """
    return ratios(quantile_ns(sorted_intervals_ns, 0.1), quantile_ns(sorted_intervals_ns, 0.5))


def inter_arrival_p50_p90_ratio(sorted_intervals_ns: Float64Array) -> Float64Array:
    """Measure the upper half of the intervals' distribution: near 0 where long silences part the messages.

    Parameters
    ----------
    sorted_intervals_ns : (n_windows, n) float64
        Ascending, ns.

    Returns
    -------
    (n_windows,) float64
        Median / 90% quantile (see `quantile_ns`), 0 to 1. NaN where the 90% quantile is 0.

    Notes
    -----
    Source: ours; for the form see `inter_arrival_p10_p50_ratio`.

    Examples
    --------
    >>> inter_arrival_p50_p90_ratio(np.array([[1.0, 1.0, 1.0, 1.0, 1.0, 3.0, 4.0, 4.0, 4.0, 12.0, 99.0]]))
    array([0.25])
    """
    return ratios(quantile_ns(sorted_intervals_ns, 0.5), quantile_ns(sorted_intervals_ns, 0.9))


def inter_arrival_burst_share(sorted_intervals_ns: Float64Array) -> Float64Array:
    """Measure how many messages follow their predecessor at once, by the window's own standard.

    Parameters
    ----------
    sorted_intervals_ns : (n_windows, n) float64
        Ascending, ns.

    Returns
    -------
    (n_windows,) float64
        Share of intervals shorter than 1 / `BURSTS_PER_MEAN` of the window's mean interval, 0 to (n - 1) / n. NaN where
        the mean is 0, for then there is no standard.

    Notes
    -----
    Source: ours. A limit in microseconds would measure the rate. A Poisson process has 1 - exp(-0.1) = 0.095.

    Examples
    --------
    The mean is 25, and 2 of 4 intervals are shorter than 2.5:

    >>> inter_arrival_burst_share(np.array([[1.0, 2.0, 3.0, 94.0]]))
    array([0.5])
    """
    n = sorted_intervals_ns.shape[1]
    totals_ns = sorted_intervals_ns.sum(axis=1)
    # Multiplied out: whole numbers below 2**53 compare exactly, quotients would be rounded.
    is_burst = sorted_intervals_ns * (n * BURSTS_PER_MEAN) < totals_ns[:, np.newaxis]
    return np.where(totals_ns > 0, is_burst.sum(axis=1) / n, np.nan)


def inter_arrival_instant_share(sorted_intervals_ns: Float64Array) -> Float64Array:
    """Measure how many messages follow their predecessor within what a receiver needs to read one.

    Parameters
    ----------
    sorted_intervals_ns : (n_windows, n) float64
        Ascending, ns.

    Returns
    -------
    (n_windows,) float64
        Share of intervals shorter than `INSTANT_NS`, 0 to 1. Never NaN.

    Notes
    -----
    Source: ours. Unlike `inter_arrival_burst_share` it has a limit in time, because it asks whether a venue sends
    several frames for one event, and those come as fast as the host reads them, whatever the market's rate.

    Examples
    --------
    >>> inter_arrival_instant_share(np.array([[0.0, 99_999.0, 100_000.0, 5e9]]))
    array([0.5])
    """
    shares: Float64Array = (sorted_intervals_ns < INSTANT_NS).sum(axis=1) / sorted_intervals_ns.shape[1]
    return shares


def inter_arrival_p25_p75_ratio(sorted_intervals_ns: Float64Array) -> Float64Array:
    """Measure the middle half of the intervals' distribution.

    Parameters
    ----------
    sorted_intervals_ns : (n_windows, n) float64
        Ascending, ns.

    Returns
    -------
    (n_windows,) float64
        25% quantile / 75% quantile (see `quantile_ns`), 0 to 1. NaN where the 75% quantile is 0.

    Notes
    -----
    Source: ours; for the form see `inter_arrival_p10_p50_ratio`.

    Examples
    --------
    >>> inter_arrival_p25_p75_ratio(np.array([[1.0, 2.0, 3.0, 8.0, 9.0]]))
    array([0.25])
    """
    return ratios(quantile_ns(sorted_intervals_ns, 0.25), quantile_ns(sorted_intervals_ns, 0.75))


def quantile_ns(sorted_intervals_ns: Float64Array, probability: float) -> Float64Array:
    """Take the interval whose rank is nearest to ``probability * (n - 1)``: NumPy's quantile method ``nearest``.

    An interval that was measured, not an interpolated one. Of 49 intervals the 10%, 50% and 90%
    quantiles are the 6th, the 25th and the 44th, which lie symmetrically.

    >>> quantile_ns(np.array([[10.0, 20.0, 30.0, 40.0, 50.0]]), 0.9)
    array([50.])
    """
    return sorted_intervals_ns[:, round(probability * (sorted_intervals_ns.shape[1] - 1))]


def inter_arrival_features(windows: Windows) -> Float64Array:
    """Compute this module's columns, (n_windows, n_features) float64, in the order of `INTER_ARRIVAL.features`."""
    sorted_intervals_ns = np.sort(inter_arrival_ns(windows.recv_ts_ns), axis=1)
    return np.stack(
        (
            inter_arrival_log10_median_us(sorted_intervals_ns),
            inter_arrival_cv(sorted_intervals_ns),
            inter_arrival_p10_p50_ratio(sorted_intervals_ns),
            inter_arrival_p50_p90_ratio(sorted_intervals_ns),
            inter_arrival_burst_share(sorted_intervals_ns),
            inter_arrival_instant_share(sorted_intervals_ns),
            inter_arrival_p25_p75_ratio(sorted_intervals_ns),
        ),
        axis=1,
    )


_NO_GAPS: Final = "all messages came at the same time"
_FEW_GAPS: Final = "most messages came at the same time as the one before"

INTER_ARRIVAL: Final = FeatureBlock(
    name="inter-arrival",
    features=(
        Feature(
            "inter_arrival_log10_median_us",
            "log10(us)",
            duration_phrase("the median gap between messages is {}", absent=_FEW_GAPS),
        ),
        Feature(
            "inter_arrival_cv",
            "ratio",
            ratio_phrase("the standard deviation of the gaps is {} times their mean", absent=_NO_GAPS),
        ),
        Feature(
            "inter_arrival_p10_p50_ratio",
            "ratio",
            ratio_phrase("the 10th percentile of the gaps is {} times their median", absent=_FEW_GAPS),
        ),
        Feature(
            "inter_arrival_p50_p90_ratio",
            "ratio",
            ratio_phrase("the median gap is {} times the 90th percentile of the gaps", absent=_FEW_GAPS),
        ),
        Feature(
            "inter_arrival_burst_share",
            "share",
            share_phrase(
                "{} of the gaps are below a tenth of the mean gap",
                "no gap is below a tenth of the mean gap",
                absent=_NO_GAPS,
            ),
        ),
        Feature(
            "inter_arrival_instant_share",
            "share",
            messages_phrase("come within 0.1 ms of the one before", "comes within 0.1 ms of the one before"),
        ),
        Feature(
            "inter_arrival_p25_p75_ratio",
            "ratio",
            ratio_phrase("the 25th percentile of the gaps is {} times their 75th", absent=_FEW_GAPS),
        ),
    ),
    compute=inter_arrival_features,
)
