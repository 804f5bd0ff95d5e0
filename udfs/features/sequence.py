"""What the venue's sequence numbers do from message to message in arrival order, and what they are as a set."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from udfs.features.feature import Feature, FeatureBlock, present_values, ratios
from udfs.features.phrase import Phrase, count_phrase, messages_phrase, share_phrase
from udfs.schema import MISSING, Float64Array, Int64Array, Windows

ADVANCE, JUMP, BACKWARD, BETWEEN_WINDOWS = range(4)
"""Kinds of steps from one sequence number to the next."""

N_KINDS: Final = 4

COUNTERS_APART: Final = 1_000_000
"""Numbers of one counter in a window are nearer to each other than this, numbers of two seldom are."""

CLOCK_UNITS_NS: Final = np.array([1e9, 1e6, 1e3, 1.0])
CLOCK_TOLERANCE_NS: Final = 86_400_000_000_000

NO_STEP: Final = np.uint64(2)
"""Stands where there is no step: counted neither as 0, nor as 1, nor as long."""


def sequence_step_shares(seqs: Int64Array) -> Float64Array:
    """Measure how often the sequence number jumps, and how often it does not advance.

    Parameters
    ----------
    seqs : (n_windows, size) int64
        Sequence numbers in arrival order, C-contiguous, `MISSING` where a message carries none.

    Returns
    -------
    (n_windows, 2) float64
        Shares of the steps from each present number to the next present one, whatever lies between them: column 0 of
        those by more than +1 (a gap, or a venue that counts in other units), column 1 of those by 0 or less (a
        repeat or a step back); 0 to 1 together. NaN with less than two present numbers.

    Notes
    -----
    Source: ours. Numbers are compared, never subtracted, so there is no wrap at the ends of int64, and adding one
    amount to all numbers changes nothing.

    Examples
    --------
    The steps of 5 6 - 9 9 are +1, +3 and 0:

    >>> sequence_step_shares(np.array([[5, 6, MISSING, 9, 9], [MISSING, MISSING, 1, MISSING, MISSING]]))
    array([[0.33333333, 0.33333333],
           [       nan,        nan]])
    """
    n_windows = len(seqs)
    present, rows = present_values(seqs)
    previous, current = present[:-1], present[1:]
    # MISSING is the least int64 and not among them, so `current - 1` cannot wrap.
    kinds = (current - 1 > previous) * np.int8(JUMP) + (current <= previous) * np.int8(BACKWARD)
    kinds[rows[1:] != rows[:-1]] = BETWEEN_WINDOWS
    counts = np.bincount(rows[1:] * N_KINDS + kinds, minlength=n_windows * N_KINDS).reshape(n_windows, N_KINDS)
    return ratios(counts[:, (JUMP, BACKWARD)], counts[:, :BETWEEN_WINDOWS].sum(axis=1, keepdims=True))


def sequence_number_shares(sorted_seqs: Int64Array) -> Float64Array:
    """Measure how often messages are numbered, how often a number continues another, and how often one comes again.

    Parameters
    ----------
    sorted_seqs : (n_windows, size) int64
        Sequence numbers, ascending, `MISSING` (which is the least) first.

    Returns
    -------
    (n_windows, 3) float64
        Column 0: share of all messages that carry a number, 0 to 1, never NaN. Of the steps between neighbours in
        ascending order, column 1: share of those by 1, whose predecessor was seen; column 2: share of those by 0, 0 to
        1 together; NaN with less than two numbers.

    Notes
    -----
    Source: ours. The order of arrival is nothing to it, so streams with counters of their own that come interleaved
    are contiguous here, where `sequence_step_shares` sees jumps and steps back. One amount added to all numbers changes
    nothing.

    Examples
    --------
    Two counters, 7 8 9 and 101 102, of which 102 comes twice, and a message without a number:

    >>> sequence_number_shares(np.array([[MISSING, 7, 8, 9, 101, 102, 102]])).round(2)
    array([[0.86, 0.6 , 0.2 ]])
    """
    size = sorted_seqs.shape[1]
    n_steps, steps = _ascending_steps(sorted_seqs)
    shares = ratios(np.stack((_count(steps == 1), _count(steps == 0)), axis=1), n_steps[:, np.newaxis])
    return np.concatenate((_count(sorted_seqs != MISSING)[:, np.newaxis] / size, shares), axis=1)


def sequence_counters(sorted_seqs: Int64Array) -> Float64Array:
    """Estimate how many separate counters the messages are numbered by.

    Parameters
    ----------
    sorted_seqs : (n_windows, size) int64
        Sequence numbers, ascending, `MISSING` first.

    Returns
    -------
    (n_windows,) float64
        1 + the number of steps in ascending order that are longer than `COUNTERS_APART`; 1 to size. NaN without a
        number.

    Notes
    -----
    Source: ours. A counter for each instrument stands where that instrument's past has brought it, so two seldom meet:
    recorded, those of one connection to Binance lie 10^8 apart, and a counter of a whole venue runs 2 * 10^4 a second.

    Examples
    --------
    >>> sequence_counters(np.array([[5, 6, 9_000_000, 9_000_007], [MISSING, MISSING, MISSING, MISSING]]))
    array([ 2., nan])
    """
    _, steps = _ascending_steps(sorted_seqs)
    is_numbered = sorted_seqs[:, -1] != MISSING
    return np.where(is_numbered, 1.0 + _count(steps > COUNTERS_APART), np.nan)


def sequence_is_clock(sorted_seqs: Int64Array, first_ns: Int64Array) -> Float64Array:
    """Tell whether what stands for a number is a time.

    Parameters
    ----------
    sorted_seqs : (n_windows, size) int64
        Sequence numbers, ascending, `MISSING` first.
    first_ns : (n_windows,) int64
        Receive time of the first message, ns.

    Returns
    -------
    (n_windows,) float64
        1 if the median number (the upper one of two) is the receive time in seconds, milliseconds, microseconds or
        nanoseconds since the epoch to within `CLOCK_TOLERANCE_NS`, else 0. NaN without a number.

    Notes
    -----
    Source: ours. Some venues number by the clock: such numbers only grow, but say nothing of what is lost. A receiver's
    clock may be wrong by seconds, not by a day.

    Examples
    --------
    >>> sequence_is_clock(np.array([[5, 6, 7], [MISSING, 1_700_000_000_123, 1_700_000_000_456]]),
    ...     np.array([1_700_000_000_789_000_000, 1_700_000_000_789_000_000]))
    array([0., 1.])
    """
    n_windows, size = sorted_seqs.shape
    n_present = _count(sorted_seqs != MISSING)
    medians = sorted_seqs[np.arange(n_windows), np.minimum(size - n_present + n_present // 2, size - 1)]
    candidates_ns = medians[:, np.newaxis] * CLOCK_UNITS_NS
    is_clock = (np.abs(candidates_ns - first_ns[:, np.newaxis]) < CLOCK_TOLERANCE_NS).any(axis=1)
    return np.where(n_present > 0, is_clock, np.nan)


def _ascending_steps(sorted_seqs: Int64Array) -> tuple[Int64Array, NDArray[np.uint64]]:
    """Count the steps between numbers, (n_windows,), and measure them, (n_windows, size - 1): `NO_STEP` for none."""
    # The difference of two int64 fits an unsigned one, and wraps to it.
    steps = sorted_seqs[:, 1:].view(np.uint64) - sorted_seqs[:, :-1].view(np.uint64)
    is_step = sorted_seqs[:, :-1] != MISSING
    return _count(is_step), np.where(is_step, steps, NO_STEP)


def _count(flags: NDArray[np.bool_]) -> Int64Array:
    counts: Int64Array = np.count_nonzero(flags, axis=1)
    return counts


def sequence_features(windows: Windows) -> Float64Array:
    """Compute this module's columns, (n_windows, n_features) float64, in the order of `SEQUENCE.features`."""
    sorted_seqs = np.sort(windows.seq, axis=1)
    return np.concatenate(
        (
            sequence_step_shares(windows.seq),
            sequence_number_shares(sorted_seqs),
            sequence_counters(sorted_seqs)[:, np.newaxis],
            sequence_is_clock(sorted_seqs, windows.recv_ts_ns[:, 0])[:, np.newaxis],
        ),
        axis=1,
    )


_TOO_FEW: Final = "fewer than two messages carry a sequence number"
_UNNUMBERED: Final = "messages carry no sequence numbers"


def _steps(numbers: str, what_they_do: str) -> Phrase:
    return share_phrase(
        f"{numbers} {what_they_do} in {{}} of the steps",
        f"{numbers} never {what_they_do}",
        absent=_TOO_FEW,
        nothing="never",
        undefined="no sequence numbers",
    )


SEQUENCE: Final = FeatureBlock(
    name="sequence",
    features=(
        Feature("seq_jump_share", "share", _steps("sequence numbers", "skip")),
        Feature("seq_backward_share", "share", _steps("sequence numbers", "repeat or go back")),
        Feature("seq_share", "share", messages_phrase("carry a sequence number", "carries a sequence number")),
        Feature("seq_continued_share", "share", _steps("sequence numbers in ascending order", "go up by exactly one")),
        Feature("seq_repeat_share", "share", _steps("sequence numbers in ascending order", "repeat")),
        Feature(
            "seq_counters",
            "count",
            count_phrase(
                "the number of separate sequence counters is {}",
                absent=_UNNUMBERED,
                undefined="no sequence numbers",
            ),
        ),
        Feature(
            "seq_is_clock",
            "share",
            Phrase(
                words="the sequence number is {}",
                number=lambda is_clock: "a clock reading" if is_clock >= 0.5 else "a counter",
                absent=_UNNUMBERED,
                undefined="no sequence numbers",
            ),
        ),
    ),
    compute=sequence_features,
)
