"""What the venue's sequence numbers do from message to message, in arrival order."""

from __future__ import annotations

from typing import Final

import numpy as np

from udfs.features.feature import Feature, FeatureBlock, ratios
from udfs.features.phrase import Phrase, share_phrase
from udfs.schema import MISSING, Float64Array, Int64Array, Windows

ADVANCE, JUMP, BACKWARD, BETWEEN_WINDOWS = range(4)
"""Kinds of steps from one sequence number to the next."""

N_KINDS: Final = 4


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
    n_windows, size = seqs.shape
    positions = np.flatnonzero(seqs != MISSING)
    present, rows = np.take(seqs, positions), positions // size
    previous, current = present[:-1], present[1:]
    # MISSING is the least int64 and not among them, so `current - 1` cannot wrap.
    kinds = (current - 1 > previous) * np.int8(JUMP) + (current <= previous) * np.int8(BACKWARD)
    kinds[rows[1:] != rows[:-1]] = BETWEEN_WINDOWS
    counts = np.bincount(rows[1:] * N_KINDS + kinds, minlength=n_windows * N_KINDS).reshape(n_windows, N_KINDS)
    return ratios(counts[:, (JUMP, BACKWARD)], counts[:, :BETWEEN_WINDOWS].sum(axis=1, keepdims=True))


def sequence_features(windows: Windows) -> Float64Array:
    """Compute this module's columns, (n_windows, n_features) float64, in the order of `SEQUENCE.features`."""
    return sequence_step_shares(windows.seq)


def _steps(what_they_do: str) -> Phrase:
    return share_phrase(
        f"of the sequence steps {what_they_do}",
        absent="messages carry no sequence numbers to compare",
        undefined="no numbers",
    )


SEQUENCE: Final = FeatureBlock(
    name="sequence",
    features=(
        Feature("seq_jump_share", "share", _steps("leave numbers out")),
        Feature("seq_backward_share", "share", _steps("repeat a number or go back")),
    ),
    compute=sequence_features,
)
