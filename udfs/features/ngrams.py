"""The mix of message types, and the order of what the messages carry, by counts alone: no time, no rate."""

from __future__ import annotations

from typing import Final

import numpy as np

from udfs.features.feature import Feature, FeatureBlock
from udfs.features.phrase import Phrase, messages_phrase, share_phrase
from udfs.schema import MISSING, Float64Array, Int64Array, MsgType, Windows

PAIRED_KINDS: Final = ("numbered", "timed", "plain", "answer")
"""The kinds whose ordered pairs are counted: a message with a sequence number, one with the venue's own time but no
number, one with neither, and any ACK or NACK. Almost every message of market data is a NEW; which fields it carries is
a venue's custom, and tells one stream of a connection from another, and one venue's heartbeats from another's."""

_NUMBERED, _TIMED, _PLAIN, _ANSWER = range(len(PAIRED_KINDS))


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


def message_kinds(windows: Windows) -> Int64Array:
    """Tell of each message which of `PAIRED_KINDS` it is, as an index.

    >>> column = np.array([[5, MISSING, MISSING, 9, 9]])
    >>> message_kinds(Windows(recv_ts_ns=column, exchange_ts_ns=np.array([[1, 1, MISSING, 1, 1]]), seq=column,
    ...     request_id=column, msg_type=np.array([[0, 0, 0, 2, 3]]), payload_bytes=column))
    array([[0, 1, 2, 3, 0]])
    """
    carried = np.where(windows.exchange_ts_ns != MISSING, _TIMED, _PLAIN)
    is_answer = (windows.msg_type == MsgType.ACK) | (windows.msg_type == MsgType.NACK)
    return np.where(is_answer, _ANSWER, np.where(windows.seq != MISSING, _NUMBERED, carried))


def bigram_shares(kinds: Int64Array) -> Float64Array:
    """Measure how often a message of one kind directly follows one of another.

    Parameters
    ----------
    kinds : (n_windows, size) int64
        From `message_kinds`.

    Returns
    -------
    (n_windows, 16) float64
        Column ``4 * first + second`` is the share of that ordered pair of `PAIRED_KINDS` among all size - 1 adjacent
        pairs; 0 to 1, the row sums to 1. Never NaN.

    Notes
    -----
    Source: relative frequencies of bigrams, Shannon (1948). Joint, not conditional: a conditional share of a rare
    first kind would be noise, and undefined without it. Pairs of types alone, which stood here before, are all NEW NEW
    on market data (docs/decisions, 0014).

    Examples
    --------
    Of numbered, answer, numbered, answer, timed, the 4 pairs are numbered answer twice, answer numbered and answer
    timed once:

    >>> bigram_shares(np.array([[0, 3, 0, 3, 1]]))[0, [3, 12, 13]]
    array([0.5 , 0.25, 0.25])
    """
    n_kinds = len(PAIRED_KINDS)
    return _shares(_counts(kinds[:, :-1] * n_kinds + kinds[:, 1:], n_kinds**2), kinds.shape[1] - 1)


def ngram_features(windows: Windows) -> Float64Array:
    """Compute this module's columns, (n_windows, n_features) float64, in the order of `NGRAMS.features`."""
    return np.concatenate((type_shares(windows.msg_type), bigram_shares(message_kinds(windows))), axis=1)


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


def _pair(first: str, second: str) -> Phrase:
    next_one = "another" if first == second else _KIND_WORDS[second]
    return share_phrase(
        f"in {{}} of the pairs of consecutive messages, {_KIND_WORDS[first]} is followed by {next_one}",
        f"{_KIND_WORDS[first]} is never followed by {next_one}",
        nothing="never",
    )


_TYPE_WORDS: Final = {
    MsgType.NEW: ("are orders or market data", "is an order or market data"),
    MsgType.ACK: ("acknowledge a request", "acknowledges a request"),
    MsgType.NACK: ("reject a request", "rejects a request"),
    MsgType.HEARTBEAT: ("are heartbeats", "is a heartbeat"),
    MsgType.OTHER: ("are of an unknown type", "is of an unknown type"),
}
_KIND_WORDS: Final = {
    "numbered": "an event with a sequence number",
    "timed": "an event with a timestamp but no sequence number",
    "plain": "an event without timestamp and sequence number",
    "answer": "an answer to a request",
}

NGRAMS: Final = FeatureBlock(
    name="n-grams",
    features=(
        *(Feature(f"type_{t.name.lower()}_share", "share", messages_phrase(*_TYPE_WORDS[t])) for t in MsgType),
        *(
            Feature(f"bigram_{first}_{second}_share", "share", _pair(first, second))
            for first in PAIRED_KINDS
            for second in PAIRED_KINDS
        ),
    ),
    compute=ngram_features,
)
