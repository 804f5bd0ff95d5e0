"""How fast, how evenly and how often requests are answered, by request id."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from udfs.features.feature import Feature, FeatureBlock, log10_us, ratios
from udfs.features.phrase import duration_phrase, ratio_phrase, share_phrase
from udfs.schema import MISSING, Float64Array, Int64Array, MsgType, Windows


class Answers(NamedTuple):
    """Answered requests of a batch, one entry each; inside a window they are ordered by request id.

    Attributes
    ----------
    groups : (n_answers,) int64
        2 * the window's row, + 1 for a NACK.
    latencies_ns : (n_answers,) int64
        From request to answer, ns; 0 where the clock was set back.
    counts : (n_windows, 2) int64
        How many of them are ACKs, and how many NACKs.
    n_requests : (n_windows,) int64
        NEW messages with a `request_id`, answered or not.
    """

    groups: Int64Array
    latencies_ns: Int64Array
    counts: Int64Array
    n_requests: Int64Array

    def means(self, values: Int64Array | Float64Array) -> Float64Array:
        """Average one value an answer: (n_windows, 2) float64, over ACKs and NACKs, NaN without any."""
        totals = np.bincount(self.groups, weights=values, minlength=self.counts.size)
        return ratios(totals.reshape(self.counts.shape), self.counts)


def match_answers(windows: Windows) -> Answers:
    """Find the answers whose request is in the same window.

    An ACK or NACK answers a NEW if, among the NEW, ACK and NACK messages of the same `request_id` in the window, that
    NEW is the one directly before it in arrival order. So the latest of repeated NEWs is the one answered, each NEW is
    answered at most once, and no request is found for a second answer, for an answer whose request lies before the
    window, and for one that overtook its request. Messages without a `request_id` take no part.

    Parameters
    ----------
    windows : Windows
        Columns (n_windows, size) int64, C-contiguous.

    Returns
    -------
    Answers
        Of all windows.

    Notes
    -----
    Source: ours. The values of the ids say nothing, only which are equal.

    Examples
    --------
    A NEW at 10, another at 20 with the same id, the ACK at 50, and a second ACK at 90:

    >>> match_answers(Windows(
    ...     recv_ts_ns=np.array([[10, 20, 50, 90]]), exchange_ts_ns=np.array([[1, 2, 3, 4]]),
    ...     msg_type=np.array([[0, 0, 1, 1]]), request_id=np.array([[7, 7, 7, 7]]), seq=np.array([[1, 2, 3, 4]]),
    ...     payload_bytes=np.array([[1, 2, 3, 4]])))
    Answers(groups=array([0]), latencies_ns=array([30]), counts=array([[1, 0]]), n_requests=array([2]))
    """
    n_windows, size = windows.msg_type.shape
    is_linked = windows.request_id != MISSING
    is_request = is_linked & (windows.msg_type == MsgType.NEW)
    is_answer = is_linked & ((windows.msg_type == MsgType.ACK) | (windows.msg_type == MsgType.NACK))
    ids = np.where(is_request | is_answer, windows.request_id, MISSING)
    rows = np.flatnonzero(is_answer.any(axis=1))
    # Positions in the flattened columns; the stable sort keeps arrival order inside each id.
    by_id = np.argsort(ids[rows], axis=1, kind="stable") + (rows * size)[:, np.newaxis]
    sorted_ids = np.take(ids, by_id)
    is_match = np.take(is_answer, by_id)
    is_match[:, 0] = False
    is_match[:, 1:] &= (sorted_ids[:, 1:] == sorted_ids[:, :-1]) & np.take(is_request, by_id)[:, :-1]
    after = np.flatnonzero(is_match)
    answers, requests = np.take(by_id, after), np.take(by_id, after - 1)
    latencies_ns = np.maximum(np.take(windows.recv_ts_ns, answers) - np.take(windows.recv_ts_ns, requests), 0)
    groups = answers // size * 2 + (np.take(windows.msg_type, answers) == MsgType.NACK)
    counts = np.bincount(groups, minlength=n_windows * 2).reshape(n_windows, 2)
    return Answers(groups, latencies_ns, counts, is_request.sum(axis=1))


def latency_log10_mean_us(answers: Answers) -> Float64Array:
    """Measure how long answers take.

    Parameters
    ----------
    answers : Answers

    Returns
    -------
    (n_windows, 2) float64
        log10(mean latency / 1 us) of ACKs and of NACKs. NaN without an answered request, or where the mean is 0.

    Notes
    -----
    Source: ours. The logarithm, because latencies spread over decades.

    Examples
    --------
    ACKs after 50 us and 150 us, 100 us on average, and no NACK:

    >>> latency_log10_mean_us(Answers(np.array([0, 0]), np.array([50_000, 150_000]), np.array([[2, 0]]), np.array([2])))
    array([[ 2., nan]])
    """
    return log10_us(answers.means(answers.latencies_ns))


def latency_cv(answers: Answers) -> Float64Array:
    """Measure how uneven the answers' latencies are, whatever their level.

    Parameters
    ----------
    answers : Answers

    Returns
    -------
    (n_windows, 2) float64
        Coefficient of variation, standard deviation (``ddof=0``) / mean, of ACKs and of NACKs; 0 to sqrt(number of
        answers - 1). NaN with less than two answered requests, or where the mean is 0.

    Notes
    -----
    Source: as `udfs.features.inter_arrival.inter_arrival_cv`.

    Examples
    --------
    ACKs with mean 100 and deviations -50 and 50; one NACK alone has no spread:

    >>> latency_cv(Answers(np.array([0, 0, 1]), np.array([50, 150, 70]), np.array([[2, 1]]), np.array([3])))
    array([[0.5, nan]])
    """
    means_ns = answers.means(answers.latencies_ns)
    deviations_ns = answers.latencies_ns - np.take(means_ns, answers.groups)
    spreads = ratios(np.sqrt(answers.means(deviations_ns * deviations_ns)), means_ns)
    return np.where(answers.counts > 1, spreads, np.nan)


def answered_share(answers: Answers) -> Float64Array:
    """Measure how many requests are confirmed, and how many rejected, inside the window.

    Parameters
    ----------
    answers : Answers

    Returns
    -------
    (n_windows, 2) float64
        Requests answered by an ACK, and by a NACK, as shares of all requests; 0 to 1 together. NaN without requests.
        The answer to a request near the end may lie beyond the window, so a slow venue's shares are lower, alike in
        training and service.

    Notes
    -----
    Source: ours.

    Examples
    --------
    Four requests, one confirmed and two rejected:

    >>> answered_share(Answers(np.array([0, 1, 1]), np.array([30, 40, 50]), np.array([[1, 2]]), np.array([4])))
    array([[0.25, 0.5 ]])
    """
    return ratios(answers.counts, answers.n_requests[:, np.newaxis])


def latency_features(windows: Windows) -> Float64Array:
    """Compute this module's columns, (n_windows, n_features) float64, in the order of `LATENCY.features`."""
    answers = match_answers(windows)
    return np.concatenate((latency_log10_mean_us(answers), latency_cv(answers), answered_share(answers)), axis=1)


_UNACKNOWLEDGED: Final = "no request is acknowledged within the window"
_UNREJECTED: Final = "no request is rejected within the window"
_NO_REQUESTS: Final = "no request is sent"

LATENCY: Final = FeatureBlock(
    name="latency",
    features=(
        Feature(
            "ack_latency_log10_mean_us",
            "log10(us)",
            duration_phrase("requests are acknowledged after {} on average", absent=_UNACKNOWLEDGED),
        ),
        Feature(
            "nack_latency_log10_mean_us",
            "log10(us)",
            duration_phrase("requests are rejected after {} on average", absent=_UNREJECTED),
        ),
        Feature(
            "ack_latency_cv",
            "ratio",
            ratio_phrase(
                "the standard deviation of the times to an acknowledgement is {} times their mean",
                absent=_UNACKNOWLEDGED,
            ),
        ),
        Feature(
            "nack_latency_cv",
            "ratio",
            ratio_phrase(
                "the standard deviation of the times to a rejection is {} times their mean", absent=_UNREJECTED
            ),
        ),
        Feature(
            "request_ack_share",
            "share",
            share_phrase("{} of the requests are acknowledged", _UNACKNOWLEDGED, absent=_NO_REQUESTS),
        ),
        Feature(
            "request_nack_share",
            "share",
            share_phrase("{} of the requests are rejected", _UNREJECTED, absent=_NO_REQUESTS),
        ),
    ),
    compute=latency_features,
)
