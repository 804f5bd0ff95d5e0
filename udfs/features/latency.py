"""How fast, how evenly and how often requests are answered, by request id."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from udfs.features.feature import Feature, FeatureBlock, log10_us, ratios
from udfs.schema import MISSING, Float64Array, Int64Array, MsgType, Windows

FAMILY: Final = "latency"

BoolArray = NDArray[np.bool_]


class Answers(NamedTuple):
    """Answered requests of a batch, one entry each; the entries of a window are ordered by request id.

    Attributes
    ----------
    rows : (n_answers,) int64
        Which window the answer is in.
    msg_types : (n_answers,) int64
        ACK or NACK.
    latencies_ns : (n_answers,) int64
        From request to answer, ns; 0 where the clock was set back.
    """

    rows: Int64Array
    msg_types: Int64Array
    latencies_ns: Int64Array

    def only(self, msg_type: MsgType) -> Answers:
        """Keep the answers of one type."""
        kept = self.msg_types == msg_type
        return Answers(self.rows[kept], self.msg_types[kept], self.latencies_ns[kept])


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
    ...     recv_ts_ns=np.array([[10, 20, 50, 90]]), msg_type=np.array([[0, 0, 1, 1]]),
    ...     request_id=np.array([[7, 7, 7, 7]]), seq=np.array([[1, 2, 3, 4]])))
    Answers(rows=array([0]), msg_types=array([1]), latencies_ns=array([30]))
    """
    size = windows.msg_type.shape[1]
    is_request, is_answer = linked_requests(windows), _linked_answers(windows)
    rows = np.flatnonzero(is_answer.any(axis=1))
    ids = np.where(is_request[rows] | is_answer[rows], windows.request_id[rows], MISSING)
    # Positions in the flattened columns; the stable sort keeps arrival order inside each id.
    by_id = np.argsort(ids, axis=1, kind="stable")
    is_same_id = np.diff(np.take_along_axis(ids, by_id, axis=1), axis=1) == 0
    by_id += (rows * size)[:, np.newaxis]
    before, after = by_id[:, :-1][is_same_id], by_id[:, 1:][is_same_id]
    is_match = np.take(is_request, before) & np.take(is_answer, after)
    requests, answers = before[is_match], after[is_match]
    elapsed_ns = np.take(windows.recv_ts_ns, answers) - np.take(windows.recv_ts_ns, requests)
    return Answers(answers // size, np.take(windows.msg_type, answers), np.maximum(elapsed_ns, 0))


def linked_requests(windows: Windows) -> BoolArray:
    """Mark the NEW messages that carry a `request_id`: (n_windows, size) bool."""
    marks: BoolArray = (windows.msg_type == MsgType.NEW) & (windows.request_id != MISSING)
    return marks


def latency_log10_mean_us(answers: Answers, n_windows: int) -> Float64Array:
    """Measure how long answers take.

    Parameters
    ----------
    answers : Answers
        Of one type.
    n_windows : int
        Windows in the batch.

    Returns
    -------
    (n_windows,) float64
        log10(mean latency / 1 us). NaN without an answered request, or where the mean is 0.

    Notes
    -----
    Source: ours. The logarithm, because latencies spread over decades.

    Examples
    --------
    The mean of 50 us and 150 us is 100 us; the second window has no answer:

    >>> acks = Answers(np.array([0, 0]), np.array([1, 1]), np.array([50_000, 150_000]))
    >>> latency_log10_mean_us(acks, 2)
    array([ 2., nan])
    """
    return log10_us(_means(answers.rows, answers.latencies_ns, n_windows))


def latency_cv(answers: Answers, n_windows: int) -> Float64Array:
    """Measure how uneven the answers' latencies are, whatever their level.

    Parameters
    ----------
    answers : Answers
        Of one type.
    n_windows : int
        Windows in the batch.

    Returns
    -------
    (n_windows,) float64
        Coefficient of variation, standard deviation (``ddof=0``) / mean; 0 to sqrt(number of answers - 1). NaN with
        less than two answered requests, or where the mean is 0.

    Notes
    -----
    Source: as `udfs.features.inter_arrival.inter_arrival_cv`.

    Examples
    --------
    Mean 100, deviations -50 and 50; one answer alone has no spread:

    >>> latency_cv(Answers(np.array([0, 0, 1]), np.array([1, 1, 1]), np.array([50, 150, 70])), 2)
    array([0.5, nan])
    """
    means_ns = _means(answers.rows, answers.latencies_ns, n_windows)
    deviations_ns = answers.latencies_ns - means_ns[answers.rows]
    spreads = ratios(np.sqrt(_means(answers.rows, deviations_ns * deviations_ns, n_windows)), means_ns)
    return np.where(np.bincount(answers.rows, minlength=n_windows) > 1, spreads, np.nan)


def answered_share(answers: Answers, n_requests: Int64Array) -> Float64Array:
    """Measure how many requests got this type of answer inside the window.

    Parameters
    ----------
    answers : Answers
        Of one type.
    n_requests : (n_windows,) int64
        NEW messages that carry a `request_id`.

    Returns
    -------
    (n_windows,) float64
        Answered requests / requests; 0 to 1. NaN without requests. The answer to a request near the end may lie beyond
        the window, so a slow venue's share is lower, alike in training and service.

    Notes
    -----
    Source: ours.

    Examples
    --------
    Two requests, one answered:

    >>> answered_share(Answers(np.array([0]), np.array([1]), np.array([30])), np.array([2]))
    array([0.5])
    """
    return ratios(np.bincount(answers.rows, minlength=len(n_requests)), n_requests)


def latency_features(windows: Windows) -> Float64Array:
    """Compute this module's 6 columns, (n_windows, 6) float64, in the order of `LATENCY.features`."""
    answers, n_windows = match_answers(windows), len(windows)
    acks, nacks = answers.only(MsgType.ACK), answers.only(MsgType.NACK)
    n_requests = linked_requests(windows).sum(axis=1)
    return np.stack(
        (
            latency_log10_mean_us(acks, n_windows),
            latency_cv(acks, n_windows),
            latency_log10_mean_us(nacks, n_windows),
            latency_cv(nacks, n_windows),
            answered_share(acks, n_requests),
            answered_share(nacks, n_requests),
        ),
        axis=1,
    )


def _linked_answers(windows: Windows) -> BoolArray:
    is_answer = (windows.msg_type == MsgType.ACK) | (windows.msg_type == MsgType.NACK)
    marks: BoolArray = is_answer & (windows.request_id != MISSING)
    return marks


def _means(rows: Int64Array, values: Int64Array | Float64Array, n_windows: int) -> Float64Array:
    totals = np.bincount(rows, weights=values, minlength=n_windows)
    return ratios(totals, np.bincount(rows, minlength=n_windows))


LATENCY: Final = FeatureBlock(
    name="latency",
    features=(
        Feature("ack_latency_log10_mean_us", FAMILY, "log10(us)", "How long confirmations of requests take"),
        Feature("ack_latency_cv", FAMILY, "ratio", "How uneven the delay of confirmations is"),
        Feature("nack_latency_log10_mean_us", FAMILY, "log10(us)", "How long rejections of requests take"),
        Feature("nack_latency_cv", FAMILY, "ratio", "How uneven the delay of rejections is"),
        Feature("request_ack_share", FAMILY, "share", "Share of requests confirmed inside the window"),
        Feature("request_nack_share", FAMILY, "share", "Share of requests rejected inside the window"),
    ),
    compute=latency_features,
)
