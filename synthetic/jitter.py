"""The same session over a worse network."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from udfs.errors import ConfigError
from udfs.schema import MISSING, SESSION_COLUMNS, Int64Array, MsgType, Session

JITTER_MEDIANS_S: Final = (0.0001, 0.001, 0.005)
"""Documented jitter: what networks may add, in steps from a rented host beside the venue to a poor line.

0.1 ms: within one data centre (assumed). 1 ms: a good line over the Internet (assumed), as much again as the upper
half of the sessions is generated with (medians of 0.02 to 3 ms in `synthetic.environment`). 5 ms: more than any is
generated with; with `JITTER_SIGMA` one message in a hundred takes more than 51 ms longer, about the 50 ms by which
delays may vary in ITU-T Y.1541's classes for interactive use (0 and 1, which allow it for one packet in a thousand).
Delays are log-normal as in generation: a line is never faster than its distance, and at times much slower.
"""

JITTER_SIGMA: Final = 1.0
"""Standard deviation of the logarithm of the delay, within the 0.4 to 1.2 that sessions are generated with."""

_NS_PER_S: Final = 1_000_000_000
_READ_NS: Final = 5_000


def add_jitter(session: Session, *, rng: np.random.Generator, median_s: float, sigma: float = JITTER_SIGMA) -> Session:
    """Delay each received message by a log-normal time, as a network does that keeps their order.

    TCP hands over nothing before what was sent first: a late message holds up those behind it, which then follow as
    fast as they can be read, 5 us apart or as close as they were before. So arrival i is

        max(recv_ts_ns[i] + delay[i], arrival[i - 1] + min(recv_ts_ns[i] - recv_ts_ns[i - 1], 5 us)).

    Requests, that is NEW with a request id, are sent by the host and stay where they are; so they may come to stand
    before messages that are later now. Of other messages a session does not say who sent them: they count as received.
    Nothing but places and receive times changes.

    Parameters
    ----------
    session : Session
        Generated or recorded, in order of `recv_ts_ns`.
    median_s : float
        Median of the delays, as in `JITTER_MEDIANS_S`.
    sigma : float
        Standard deviation of their logarithm.

    Raises
    ------
    ConfigError
        If `median_s` is not positive, or `sigma` is negative.
    """
    if median_s <= 0 or sigma < 0:
        raise ConfigError(
            f"Expected a positive median_s and no negative sigma, found {median_s} and {sigma}: correct them"
        )
    received = ~_is_request(session)
    delays_s = median_s * np.exp(sigma * rng.standard_normal(int(received.sum())))
    recv_ts_ns = session.recv_ts_ns.copy()
    recv_ts_ns[received] = _delayed(recv_ts_ns[received], np.rint(delays_s * _NS_PER_S).astype(np.int64))
    order = np.argsort(recv_ts_ns, kind="stable")
    columns = {name: getattr(session, name)[order] for name in SESSION_COLUMNS}
    return replace(session, **columns | {"recv_ts_ns": recv_ts_ns[order]})


def _is_request(session: Session) -> NDArray[np.bool_]:
    is_request: NDArray[np.bool_] = (session.msg_type == MsgType.NEW) & (session.request_id != MISSING)
    return is_request


def _delayed(recv_ts_ns: Int64Array, delays_ns: Int64Array) -> Int64Array:
    """Add delays and keep the order, without a loop: less the sum of the least gaps, it is a running maximum."""
    offsets = np.cumsum(np.clip(np.diff(recv_ts_ns, prepend=recv_ts_ns[:1]), 0, _READ_NS))
    arrivals_ns: Int64Array = np.maximum.accumulate(recv_ts_ns + delays_ns - offsets) + offsets
    return arrivals_ns
