"""The mix of message types and their order, by counts alone: no time, no rate."""

from __future__ import annotations

from typing import Final

import numpy as np

from udfs.features.feature import Feature, FeatureBlock
from udfs.schema import Float64Array, Int64Array, MsgType, Windows

FAMILY: Final = "ngrams"

PAIRED_TYPES: Final = (MsgType.NEW, MsgType.ACK, MsgType.NACK, MsgType.HEARTBEAT)
"""The types whose ordered pairs are counted; their codes are 0 to 3."""


def type_shares(msg_types: Int64Array) -> Float64Array:
    """Measure how often each type of message occurs.

    Parameters
    ----------
    msg_types : (n_windows, size) int64
        `MsgType` codes; any other number counts as OTHER.

    Returns
    -------
    (n_windows, 5) float64
        Shares of NEW, ACK, NACK, HEARTBEAT, OTHER among all messages; 0 to 1, the row sums to 1. Never NaN.

    Notes
    -----
    Source: relative frequencies of unigrams, Shannon, A Mathematical Theory of Communication (1948).

    Examples
    --------
    >>> type_shares(np.array([[0, 0, 1, 99]]))
    array([[0.5 , 0.25, 0.  , 0.  , 0.25]])
    """
    return _shares(_counts(_known_codes(msg_types), len(MsgType)), msg_types.shape[1])


def bigram_shares(msg_types: Int64Array) -> Float64Array:
    """Measure how often a message of one type directly follows one of another.

    Parameters
    ----------
    msg_types : (n_windows, size) int64
        `MsgType` codes; any other number counts as OTHER.

    Returns
    -------
    (n_windows, 16) float64
        Column ``4 * first + second`` is the share of that ordered pair among all size - 1 adjacent pairs, OTHER's
        included; 0 to 1, the row sums to 1 or, where OTHER occurs, to less. Never NaN.

    Notes
    -----
    Source: relative frequencies of bigrams, Shannon (1948). Joint, not conditional: a conditional share of a rare
    first type would be noise, and undefined without it.

    Examples
    --------
    Of NEW ACK NEW ACK OTHER, the 4 pairs are NEW ACK twice, ACK NEW once, and one that has no column:

    >>> bigram_shares(np.array([[0, 1, 0, 1, 4]]))[0, :5]
    array([0.  , 0.5 , 0.  , 0.  , 0.25])
    """
    codes = _known_codes(msg_types)
    counts = _counts(codes[:, :-1] * len(MsgType) + codes[:, 1:], len(MsgType) ** 2)
    n_paired = len(PAIRED_TYPES)
    paired = counts.reshape(-1, len(MsgType), len(MsgType))[:, :n_paired, :n_paired]
    return _shares(paired.reshape(-1, n_paired * n_paired), msg_types.shape[1] - 1)


def ngram_features(windows: Windows) -> Float64Array:
    """Compute this module's 21 columns, (n_windows, 21) float64, in the order of `NGRAMS.features`."""
    return np.concatenate((type_shares(windows.msg_type), bigram_shares(windows.msg_type)), axis=1)


def _known_codes(msg_types: Int64Array) -> Int64Array:
    # As unsigned numbers, the negative codes are the largest, so one minimum catches both sides.
    return np.minimum(msg_types.view(np.uint64), np.uint64(MsgType.OTHER)).view(np.int64)


def _counts(codes: Int64Array, n_codes: int) -> Int64Array:
    """Count each code 0 to n_codes - 1 in each row: (n_windows, n) to (n_windows, n_codes)."""
    n_windows = len(codes)
    first_bins = np.arange(n_windows)[:, np.newaxis] * n_codes
    return np.bincount((codes + first_bins).ravel(), minlength=n_windows * n_codes).reshape(n_windows, n_codes)


def _shares(counts: Int64Array, total: int) -> Float64Array:
    shares: Float64Array = counts / total
    return shares


NGRAMS: Final = FeatureBlock(
    name="n-grams",
    features=(
        *(Feature(f"type_{t.name.lower()}_share", FAMILY, "share", f"Share of {t.name} messages") for t in MsgType),
        *(
            Feature(
                f"bigram_{first.name.lower()}_{second.name.lower()}_share",
                FAMILY,
                "share",
                f"How often {second.name} directly follows {first.name}",
            )
            for first in PAIRED_TYPES
            for second in PAIRED_TYPES
        ),
    ),
    compute=ngram_features,
)
