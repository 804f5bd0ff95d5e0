"""A connection's behaviour in a short string for tickets and chat.

``xf1-NT-t100-h0-sm`` reads: version 1; messages with a sequence number, and others with only the venue's time; sent
in batches every 100 ms; no heartbeats; sequence numbers jump, and step back as those of several counters do.

| part | value | meaning |
|---|---|---|
| version | ``xf1`` | any change of a meaning or limit below counts it up |
| kinds, one letter or more | ``N`` | messages with a sequence number, answers apart, more than 1% of all |
| | ``T`` | with the venue's own time but no number, more than 1% |
| | ``P`` | with neither, more than 5%: heartbeats often |
| | ``A`` | answers to requests, more than 10%: more than subscribing brings |
| | ``O`` | alone: nothing was seen |
| tick | ``t100`` | arrivals keep to a clock of so many ms: the longest one of 10, 20, 25, 50, 100 |
| | ``t0`` | to none of these |
| heartbeats | ``h1s`` | every 2.5 s or more often |
| | ``h10s`` | every 2.5 to 25 s |
| | ``h100s`` | more seldom |
| | ``h0`` | none; or slower than 2.5 s and at most 1% of messages, which 16 windows often miss |
| sequence | ``sc`` | contiguous: at most 10% of the steps leave numbers out, at most 5% do not advance |
| | ``sj`` | jumps: more than 10% of the steps leave numbers out |
| | ``si`` | interleaved: more than 5% of the steps repeat a number or go back |
| | ``sm`` | mixed: both |
| | ``s0`` | no numbers |

A window's string is that of its own `traits`; a connection's is that of the `pool` of its last windows. Arrivals keep
to a clock if their alignment to it exceeds, by 0.3, the mean of that to two others nearby, which are no harmonics of
it: a burst is aligned to every clock, a grid to its own and to that one's harmonics.

The string holds what a venue decides and leaves out what circumstances do: no rate, no latency, and no degree of
clumping, which says how lively the market is. (With a class of clumping, as many sessions are told apart and fewer keep
their string; so it is with ticks from 200 ms on, of which 50 messages see too few.) The heartbeats' interval follows
from their share and an estimate of the window's duration, hence the coarse classes. Limits were chosen on synthetic
sessions only. The idea of one readable string is JA4's (FoxIO 2023), the format is not.
"""

from __future__ import annotations

from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from udfs.features import FEATURES
from udfs.features.ngrams import PAIRED_KINDS
from udfs.features.spectrum import FUNDAMENTAL_NS, HARMONICS, MIN_TICKS
from udfs.schema import WINDOW_SIZE, Float64Array, Int64Array

VERSION: Final = "xf1"

UNDEFINED: Final = -1
"""A trait that its window does not define."""

PER_SHARE: Final = 10_000
"""Shares in traits are in units of 0.0001."""

_PER_ALIGNMENT: Final = 1_000
_DURATION_UNIT_S: Final = 0.01
_MAX_TRAIT: Final = 32_767

_TICKS: Final = (
    (10, "8ms", "16_67ms"),
    (20, "16_67ms", "25ms"),
    (25, "20ms", "33_33ms"),
    (50, "40ms", "62_5ms"),
    (100, "83_33ms", "125ms"),
)
"""Periods in ms, and the two nearby with which each is compared."""

CONTRAST_LEAST: Final = _PER_ALIGNMENT + 300
KINDS_LEAST: Final = (100, 100, 500, 1_000)
BEATS_LEAST: Final = 100
FAST_BEATS_S: Final = 2.5
SLOW_BEATS_S: Final = 25.0
JUMPS_LEAST: Final = 1_000
BACKWARDS_LEAST: Final = 500

BEAT_INTERVAL_S: Final = _DURATION_UNIT_S * PER_SHARE / WINDOW_SIZE
"""The interval of heartbeats in a window whose traits of duration and of heartbeats' share are equal."""

TICKS_MS: Final = tuple(tick_ms for tick_ms, *_ in _TICKS)

_KIND_TRAITS: Final = slice(0, 4)
_BEATS, _DURATION, _JUMPS, _BACKWARDS = range(4, 8)
_TICK_TRAITS: Final = slice(8, 8 + len(_TICKS))

N_TRAITS: Final = 8 + len(_TICKS)
"""Four shares of kinds, the share of heartbeats, the duration in units of 10 ms, two shares of sequence steps, and for
each tick by how much alignment to it exceeds that to its neighbours, in thousandths and plus 1000."""

_SCALES: Final = np.array(
    [*[PER_SHARE] * 5, 1 / _DURATION_UNIT_S, *[PER_SHARE] * 2, *[_PER_ALIGNMENT] * len(_TICKS)], dtype=np.float64
)

_COLUMN: Final = {feature.name: position for position, feature in enumerate(FEATURES)}
_PERIODS_S: Final = FUNDAMENTAL_NS / 1e9 / np.array(HARMONICS)
_ALIGNMENTS: Final = [name for name in _COLUMN if name.startswith("arrival_tick_alignment_")]

KIND_LETTERS: Final = ("N", "T", "P", "A")
BEAT_NAMES: Final = ("h0", "h1s", "h10s", "h100s")
SEQUENCE_NAMES: Final = ("s0", "sc", "sj", "si", "sm")
_NO_NUMBERS: Final = 0


def traits(features: Float64Array) -> Int64Array:
    """Measure of each window what its signature is made of, in small integers that pool exactly.

    Parameters
    ----------
    features : (n_windows, n_features) float64
        From `udfs.features.compute_features`.

    Returns
    -------
    (n_windows, N_TRAITS) int64
        0 to 32767, or `UNDEFINED`; a row depends on its own window alone.
    """
    columns = [
        *_kind_shares(features),
        _column(features, "type_heartbeat_share"),
        _duration_s(features),
        _column(features, "seq_jump_share"),
        _column(features, "seq_backward_share"),
        *(1 + _contrast(features, *tick) for tick in _TICKS),
    ]
    return _scaled(np.stack(columns, axis=1) * _SCALES)


def pool(window_traits: Int64Array, n_windows: Int64Array) -> Int64Array:
    """Take the mean of each trait over a connection's last windows, rounded down, for a batch of connections.

    Parameters
    ----------
    window_traits : (n, n_history, N_TRAITS) int64
        Newest window last.
    n_windows : (n,) int64
        How many of them, the newest ones, belong to the connection.

    Returns
    -------
    (n, N_TRAITS) int64
        `UNDEFINED` where no window defines the trait.

    Examples
    --------
    Of three windows the first is not the connection's, and the second does not define the trait:

    >>> pool(np.array([[[9], [-1], [4]]]), np.array([2]))
    array([[4]])
    """
    n_history = window_traits.shape[1]
    is_own = np.arange(n_history) >= n_history - n_windows[:, np.newaxis]
    counted = is_own[:, :, np.newaxis] & (window_traits != UNDEFINED)
    counts = counted.sum(axis=1)
    sums = np.where(counted, window_traits, 0).sum(axis=1)
    return np.where(counts > 0, sums // np.maximum(counts, 1), UNDEFINED)


def signatures(pooled_traits: Int64Array) -> NDArray[np.object_]:
    """Write down each row of traits, of a window or pooled: (n, N_TRAITS) int64 to (n,) str objects.

    >>> market_data = [9000, 800, 0, 0, 0, 100, 5000, 1200, 1000, 1000, 1000, 1000, 1600]
    >>> signatures(np.array([market_data, [0] * 4 + [10_000, 5000] + [UNDEFINED] * 7])).tolist()
    ['xf1-NT-t100-h0-sm', 'xf1-O-t0-h1s-s0']
    """
    kinds = (pooled_traits[:, _KIND_TRAITS] > np.array(KINDS_LEAST)) @ (1 << np.arange(len(KIND_LETTERS)))
    keeps = np.where(pooled_traits[:, _TICK_TRAITS] > CONTRAST_LEAST, np.arange(1, len(_TICKS) + 1), 0)
    codes = (kinds, keeps.max(axis=1), _beat_codes(pooled_traits), _sequence_codes(pooled_traits))
    written: NDArray[np.object_] = _STRINGS[np.ravel_multi_index(codes, _N_CODES)]
    return written


def _beat_codes(pooled_traits: Int64Array) -> Int64Array:
    beats, durations = pooled_traits[:, _BEATS], pooled_traits[:, _DURATION]
    intervals_s = durations * BEAT_INTERVAL_S / np.maximum(beats, 1)
    classes = 1 + (intervals_s > FAST_BEATS_S) + (intervals_s > SLOW_BEATS_S)
    is_told = (beats > 0) & ((classes == 1) | (beats > BEATS_LEAST))
    return np.where(is_told, classes, 0)


def _sequence_codes(pooled_traits: Int64Array) -> Int64Array:
    jumps, backwards = pooled_traits[:, _JUMPS], pooled_traits[:, _BACKWARDS]
    codes = 1 + (jumps > JUMPS_LEAST) + 2 * (backwards > BACKWARDS_LEAST)
    return np.where(jumps == UNDEFINED, _NO_NUMBERS, codes)


def _kind_shares(features: Float64Array) -> list[Float64Array]:
    """Estimate each kind's share of the messages by its share of the pairs' first or second places."""
    columns = [[_column(features, f"bigram_{a}_{b}_share") for b in PAIRED_KINDS] for a in PAIRED_KINDS]
    pairs = np.array(columns)
    return list(np.maximum(_sum(pairs), _sum(pairs.swapaxes(0, 1))))


def _sum(pairs: Float64Array) -> Float64Array:
    """Add up the second places of (first, second, n_windows), always in the same order."""
    total: Float64Array = pairs[:, 0] + pairs[:, 1] + pairs[:, 2] + pairs[:, 3]
    return total


def _duration_s(features: Float64Array) -> Float64Array:
    """Estimate a window's duration, which is no feature, from its intervals' distribution and its undefined alignments.

    The mean interval is that of the log-normal distribution with this median and variation, or 0.3 of the 90% quantile
    if that is more, as in bursts; an alignment is undefined in a window of less than two ticks. Of the estimates for
    the exchanges' synthetic windows, 90% are within a factor of 1.8.
    """
    medians_s = 10 ** _column(features, "inter_arrival_log10_median_us") / 1e6
    log_normal_s = medians_s * np.sqrt(1 + _column(features, "inter_arrival_cv") ** 2)
    ratios = _column(features, "inter_arrival_p50_p90_ratio")
    means_s = np.fmax(log_normal_s, 0.3 * medians_s / np.where(ratios > 0, ratios, np.nan))
    is_defined = ~np.isnan(features[:, [_COLUMN[name] for name in _ALIGNMENTS]])
    least_s = np.where(is_defined, MIN_TICKS * _PERIODS_S, 0.0).max(axis=1)
    most_s = np.where(is_defined, np.inf, MIN_TICKS * _PERIODS_S).min(axis=1)
    durations_s: Float64Array = np.clip(np.nan_to_num((WINDOW_SIZE - 1) * means_s), least_s, most_s)
    return durations_s


def _contrast(features: Float64Array, tick_ms: int, below: str, above: str) -> Float64Array:
    own, *others = (_column(features, f"arrival_tick_alignment_{period}") for period in (f"{tick_ms}ms", below, above))
    return own - (others[0] + others[1]) / 2


def _column(features: Float64Array, name: str) -> Float64Array:
    return features[:, _COLUMN[name]]


def _scaled(values: Float64Array) -> Int64Array:
    scaled = np.clip(np.rint(values), 0, _MAX_TRAIT)
    return np.where(np.isnan(scaled), UNDEFINED, scaled).astype(np.int64)


def _all_strings() -> NDArray[np.object_]:
    """Write every signature there is, in the order of the codes."""
    kinds = (
        "".join(letter for bit, letter in enumerate(KIND_LETTERS) if code >> bit & 1) or "O"
        for code in range(2 ** len(KIND_LETTERS))
    )
    ticks = ["t0", *(f"t{tick_ms}" for tick_ms in TICKS_MS)]
    parts = product(kinds, ticks, BEAT_NAMES, SEQUENCE_NAMES)
    return np.array(["-".join((VERSION, *part)) for part in parts], dtype=object)


_N_CODES: Final = (2 ** len(KIND_LETTERS), len(_TICKS) + 1, len(BEAT_NAMES), len(SEQUENCE_NAMES))
_STRINGS: Final = _all_strings()
