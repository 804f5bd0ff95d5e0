"""What the venue writes for its own time: how often, how finely, and whether it moves on from message to message."""

from __future__ import annotations

from typing import Final

import numpy as np

from udfs.features.feature import Feature, FeatureBlock, present_values, ratios
from udfs.features.phrase import Phrase, messages_phrase, share_phrase
from udfs.schema import Float64Array, Int64Array, Windows

RESOLUTIONS_NS: Final = (1_000, 1_000_000, 1_000_000_000)
"""From fine to coarse; each is a multiple of the one before, so a time whole in one is whole in those before."""

_N_CLASSES: Final = len(RESOLUTIONS_NS) + 1

ADVANCE, REPEAT, BACKWARD, BETWEEN_WINDOWS = range(4)
"""Kinds of steps from one time to the next."""

_N_KINDS: Final = 4


def venue_time_resolution_shares(exchange_ts_ns: Int64Array) -> Float64Array:
    """Measure how often messages carry the venue's time, and how coarse that time is.

    Parameters
    ----------
    exchange_ts_ns : (n_windows, size) int64
        The venue's times, ns, C-contiguous, `MISSING` where a message carries none.

    Returns
    -------
    (n_windows, 4) float64
        Column 0: share of all messages that carry a time, 0 to 1, never NaN. Columns 1 to 3: of the times, the shares
        that are whole microseconds, whole milliseconds and whole seconds; 0 to 1, none above the one before; NaN
        without a time.

    Notes
    -----
    Source: ours. A venue writes its clock with as many digits as its interface states; of times with milliseconds, one
    of a thousand is a whole second by chance. Whole seconds added to all times change nothing.

    Examples
    --------
    A time in seconds, one in milliseconds, one in nanoseconds, and none:

    >>> from udfs.schema import MISSING
    >>> venue_time_resolution_shares(np.array([[3_000_000_000, 3_001_000_000, 3_001_000_001, MISSING]])).round(2)
    array([[0.75, 0.67, 0.67, 0.33]])
    """
    n_windows, size = exchange_ts_ns.shape
    times_ns, rows = present_values(exchange_ts_ns)
    coarseness = np.zeros(len(times_ns), dtype=np.int8)
    wholes, previous_ns = times_ns, 1
    for resolution_ns in RESOLUTIONS_NS:
        # By the quotient of the finer one: NumPy divides by one number with SIMD instructions, but has none for `%`.
        wholes, previous_ns = wholes // (resolution_ns // previous_ns), resolution_ns
        coarseness += wholes * resolution_ns == times_ns
    counts = np.bincount(rows * _N_CLASSES + coarseness, minlength=n_windows * _N_CLASSES)
    at_least = np.cumsum(counts.reshape(n_windows, _N_CLASSES)[:, ::-1], axis=1)[:, ::-1]
    return np.concatenate((at_least[:, :1] / size, ratios(at_least[:, 1:], at_least[:, :1])), axis=1)


def venue_time_step_shares(exchange_ts_ns: Int64Array) -> Float64Array:
    """Measure how often the venue's time stands still from one message to the next, and how often it goes back.

    Parameters
    ----------
    exchange_ts_ns : (n_windows, size) int64
        The venue's times in arrival order, ns, C-contiguous, `MISSING` where a message carries none.

    Returns
    -------
    (n_windows, 2) float64
        Shares of the steps from each present time to the next present one, whatever lies between them: column 0 of
        those by 0, column 1 of those back; 0 to 1 together. NaN with less than two present times.

    Notes
    -----
    Source: ours. One event told in several messages repeats its time; times of events that different hosts of a venue
    stamp go back. Times are compared, never subtracted.

    Examples
    --------
    The steps of 5 5 - 9 8 are 0, +4 and -1:

    >>> from udfs.schema import MISSING
    >>> venue_time_step_shares(np.array([[5, 5, MISSING, 9, 8], [MISSING, MISSING, 1, MISSING, MISSING]])).round(2)
    array([[0.33, 0.33],
           [ nan,  nan]])
    """
    n_windows = len(exchange_ts_ns)
    times_ns, rows = present_values(exchange_ts_ns)
    previous, current = times_ns[:-1], times_ns[1:]
    kinds = (current == previous) * np.int8(REPEAT) + (current < previous) * np.int8(BACKWARD)
    kinds[rows[1:] != rows[:-1]] = BETWEEN_WINDOWS
    counts = np.bincount(rows[1:] * _N_KINDS + kinds, minlength=n_windows * _N_KINDS).reshape(n_windows, _N_KINDS)
    return ratios(counts[:, (REPEAT, BACKWARD)], counts[:, :BETWEEN_WINDOWS].sum(axis=1, keepdims=True))


def venue_time_features(windows: Windows) -> Float64Array:
    """Compute this module's 6 columns, (n_windows, 6) float64, in the order of `VENUE_TIME.features`."""
    return np.concatenate(
        (
            venue_time_resolution_shares(windows.exchange_ts_ns),
            venue_time_step_shares(windows.exchange_ts_ns),
        ),
        axis=1,
    )


def _times(what_they_do: str, what_none_does: str) -> Phrase:
    return share_phrase(
        f"{{}} of the venue's timestamps {what_they_do}",
        f"no timestamp of the venue {what_none_does}",
        absent="messages carry no timestamp of the venue",
        undefined="no timestamps",
    )


VENUE_TIME: Final = FeatureBlock(
    name="venue time",
    features=(
        Feature(
            "venue_time_share", "share", messages_phrase("carry the venue's timestamp", "carries the venue's timestamp")
        ),
        Feature("venue_time_whole_us_share", "share", _times("are whole microseconds", "is a whole microsecond")),
        Feature("venue_time_whole_ms_share", "share", _times("are whole milliseconds", "is a whole millisecond")),
        Feature("venue_time_whole_s_share", "share", _times("are whole seconds", "is a whole second")),
        Feature("venue_time_repeat_share", "share", _times("repeat the one before", "repeats the one before")),
        Feature("venue_time_backward_share", "share", _times("go back", "goes back")),
    ),
    compute=venue_time_features,
)
