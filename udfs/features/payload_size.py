"""How large the messages are, and how many sizes there are: formats are a venue's own, whatever the rate."""

from __future__ import annotations

from typing import Final

import numpy as np

from udfs.elementary import decimal_logarithm
from udfs.features.feature import Feature, FeatureBlock
from udfs.features.phrase import Phrase, share_phrase, size_phrase, to_percent
from udfs.schema import Float64Array, Int64Array, Windows

PROBABILITIES: Final = (0.1, 0.5, 0.9)


def payload_log10_quantiles_bytes(sorted_bytes: Int64Array) -> Float64Array:
    """Measure small, typical and large messages.

    Parameters
    ----------
    sorted_bytes : (n_windows, size) int64
        Sizes of the messages, bytes, ascending.

    Returns
    -------
    (n_windows, 3) float64
        log10 of the 10%, 50% and 90% quantiles in bytes, nearest-rank; from 0 (1 byte). NaN where a quantile is not
        positive, as a missing size is.

    Notes
    -----
    Source: ours. The logarithm, because a snapshot is a thousand times a heartbeat.

    Examples
    --------
    >>> payload_log10_quantiles_bytes(np.array([[10, 100, 100, 100, 1000], [0, 0, 0, 0, 0]]))
    array([[ 1.,  2.,  3.],
           [nan, nan, nan]])
    """
    last = sorted_bytes.shape[1] - 1
    quantiles = sorted_bytes[:, [round(probability * last) for probability in PROBABILITIES]]
    return decimal_logarithm(np.where(quantiles > 0, quantiles, np.nan))


def payload_size_shares(sorted_bytes: Int64Array) -> Float64Array:
    """Measure how many sizes there are, and how often the commonest one comes.

    Parameters
    ----------
    sorted_bytes : (n_windows, size) int64
        Sizes of the messages, bytes, ascending.

    Returns
    -------
    (n_windows, 2) float64
        Column 0: distinct sizes / messages; column 1: messages of the commonest size / messages; both 1 / size to 1.
        Never NaN: missing sizes count as one size.

    Notes
    -----
    Source: ours. Fixed fields and padded numbers give few sizes, books of changing depth give many. One amount added
    to all sizes, as by a longer name of the symbol, changes nothing.

    Examples
    --------
    Of five messages three are of one size, and there are three sizes:

    >>> payload_size_shares(np.array([[10, 100, 100, 100, 1000]]))
    array([[0.6, 0.6]])
    """
    n_windows, size = sorted_bytes.shape
    is_first = np.ones((n_windows, size), dtype=np.bool_)
    np.not_equal(sorted_bytes[:, 1:], sorted_bytes[:, :-1], out=is_first[:, 1:])
    firsts = np.flatnonzero(is_first)
    run_lengths = np.diff(firsts, append=n_windows * size)
    bounds = np.searchsorted(firsts, np.arange(n_windows + 1) * size)
    longest = np.maximum.reduceat(run_lengths, bounds[:-1]) if n_windows else run_lengths
    shares: Float64Array = np.stack((np.diff(bounds), longest), axis=1) / size
    return shares


def payload_size_features(windows: Windows) -> Float64Array:
    """Compute this module's 5 columns, (n_windows, 5) float64, in the order of `PAYLOAD_SIZE.features`."""
    sorted_bytes = np.sort(windows.payload_bytes, axis=1)
    return np.concatenate((payload_log10_quantiles_bytes(sorted_bytes), payload_size_shares(sorted_bytes)), axis=1)


def _size(which: str) -> Phrase:
    return size_phrase(f"the {which} of the message sizes is {{}}", absent="messages have no size")


PAYLOAD_SIZE: Final = FeatureBlock(
    name="payload size",
    features=(
        Feature("payload_log10_p10_bytes", "log10(bytes)", _size("10th percentile")),
        Feature("payload_log10_p50_bytes", "log10(bytes)", _size("median")),
        Feature("payload_log10_p90_bytes", "log10(bytes)", _size("90th percentile")),
        Feature(
            "payload_distinct_share",
            "share",
            Phrase(
                words="the number of different message sizes is {} of the number of messages",
                number=to_percent,
                absent="",
            ),
        ),
        Feature("payload_mode_share", "share", share_phrase("{} of the messages have the most frequent size", "")),
    ),
    compute=payload_size_features,
)
