"""The rhythm of arrivals: one level, and six shapes of it that do not change with the rate or with the time of day.

All but the two tick alignments are functions of the sorted intervals between neighbouring messages, so the order of the
intervals is nothing to them. Every value is the same, bit for bit, when all times of a window move by the same amount.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from udfs.features.feature import Feature, FeatureBlock, log10_us, ratios
from udfs.schema import Float64Array, Int64Array, Windows

FAMILY: Final = "inter_arrival"

BURSTS_PER_MEAN: Final = 10
"""An interval is part of a burst if the window's mean interval is longer than this many of it."""

MIN_TICKS: Final = 2
"""Tick alignment needs a window this many ticks long; in a shorter one it would measure the rate."""

TICKS_NS: Final = (50_000_000, 1_000_000_000)
"""50 ms divides every batching interval that exchanges document (50, 100, 250, 500 ms); 1 s is the heartbeats'."""


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


def arrival_tick_alignment(recv_ts_ns: Int64Array, tick_ns: int) -> Float64Array:
    """Measure how strictly the arrivals keep one phase of a clock that ticks every `tick_ns`.

    Parameters
    ----------
    recv_ts_ns : (n_windows, size) int64
        Receive times, ns.
    tick_ns : int
        The clock's period, ns.

    Returns
    -------
    (n_windows,) float64
        Resultant length of the phases, ``R = |mean(exp(2 pi i t / tick_ns))|``: 1 if all arrivals have the same phase
        (whichever it is), about 0.13 for 50 random ones; 0 to 1 but for rounding. NaN where the last message came less
        than `MIN_TICKS` ticks after the first.

    Notes
    -----
    Source: Rayleigh's test for a common direction, Mardia & Jupp, Directional Statistics (2000), 6.3. Phases are taken
    by integer modulo from the first arrival, so nanoseconds stay exact and a shift of all times changes nothing. Sine
    and cosine are in single precision, an error of R below 1e-6, because they are 15 times faster so.
    The NaN rule: evenly spread arrivals of duration x ticks have R = |sin(pi x) / (pi x)|, which at x >= 2 is below
    0.13, that is, within the chance of 50 random phases; below it R says how short the window is.

    Examples
    --------
    Phases 0, 0, 1/2 and 1/2 of a tick cancel out; arrivals at whole ticks do not; the last window is too short:

    >>> arrival_tick_alignment(np.array([[7, 17, 22, 32], [7, 17, 27, 37], [7, 8, 9, 10]]), 10).round(6)
    array([ 0.,  1., nan])
    """
    elapsed_ns = recv_ts_ns - recv_ts_ns[:, :1]
    # The remainder by hand: NumPy divides by one number with SIMD instructions, but has none for `%`.
    beyond_tick_ns = elapsed_ns - elapsed_ns // tick_ns * tick_ns
    phases = beyond_tick_ns.astype(np.float32) * np.float32(2 * np.pi / tick_ns)
    cosines = np.cos(phases).sum(axis=1).astype(np.float64)
    sines = np.sin(phases).sum(axis=1).astype(np.float64)
    lengths = np.sqrt(cosines * cosines + sines * sines) / recv_ts_ns.shape[1]
    return np.where(elapsed_ns[:, -1] >= MIN_TICKS * tick_ns, lengths, np.nan)


def quantile_ns(sorted_intervals_ns: Float64Array, probability: float) -> Float64Array:
    """Take the interval whose rank is nearest to ``probability * (n - 1)``: NumPy's quantile method ``nearest``.

    An interval that was measured, not an interpolated one. Of 49 intervals the 10%, 50% and 90%
    quantiles are the 6th, the 25th and the 44th, which lie symmetrically.

    >>> quantile_ns(np.array([[10.0, 20.0, 30.0, 40.0, 50.0]]), 0.9)
    array([50.])
    """
    return sorted_intervals_ns[:, round(probability * (sorted_intervals_ns.shape[1] - 1))]


def inter_arrival_features(windows: Windows) -> Float64Array:
    """Compute this module's 7 columns, (n_windows, 7) float64, in the order of `INTER_ARRIVAL.features`."""
    sorted_intervals_ns = np.sort(inter_arrival_ns(windows.recv_ts_ns), axis=1)
    return np.stack(
        (
            inter_arrival_log10_median_us(sorted_intervals_ns),
            inter_arrival_cv(sorted_intervals_ns),
            inter_arrival_p10_p50_ratio(sorted_intervals_ns),
            inter_arrival_p50_p90_ratio(sorted_intervals_ns),
            inter_arrival_burst_share(sorted_intervals_ns),
            *(arrival_tick_alignment(windows.recv_ts_ns, tick_ns) for tick_ns in TICKS_NS),
        ),
        axis=1,
    )


INTER_ARRIVAL: Final = FeatureBlock(
    name="inter-arrival",
    features=(
        Feature("inter_arrival_log10_median_us", FAMILY, "log10(us)", "Typical time between two messages"),
        Feature("inter_arrival_cv", FAMILY, "ratio", "Irregularity of the time between messages, 0 for a metronome"),
        Feature("inter_arrival_p10_p50_ratio", FAMILY, "ratio", "Short intervals compared with the typical one"),
        Feature("inter_arrival_p50_p90_ratio", FAMILY, "ratio", "The typical interval compared with long ones"),
        Feature("inter_arrival_burst_share", FAMILY, "share", "Share of messages that follow the one before at once"),
        Feature("arrival_tick_alignment_50ms", FAMILY, "ratio", "How strictly messages keep to a clock of 50 ms"),
        Feature("arrival_tick_alignment_1s", FAMILY, "ratio", "How strictly messages keep to a clock of one second"),
    ),
    compute=inter_arrival_features,
)
