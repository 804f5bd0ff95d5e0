"""Frames on their way from the venue to the session's columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthetic.environment import Circumstances
from udfs.schema import MISSING, Float64Array, Int64Array, MsgType, Session

NS_PER_S: Final = 1_000_000_000
_ANSWER_DELAY_S: Final = 0.00005


@dataclass(frozen=True, kw_only=True, eq=False)
class Frames:
    """Frames in any order, one array a column.

    Attributes
    ----------
    times_s : (n,) float64
        Seconds since the session's start: when a received frame leaves the venue, when a sent one leaves the host.
    outgoing : (n,) bool
        True for the frames that the host sends.
    counted : (n,) bool
        True for the frames that the connection's own counter numbers; their `seq` is set on arrival.
    answered : (n,) bool
        True for the frames that the host answers at once with the like.
    event_times_s : (n,) float64
        The venue's own time in the frame, NaN where it carries none.
    event_step_ns : (n,) int64
        Resolution of that time.
    """

    times_s: Float64Array
    outgoing: NDArray[np.bool_]
    counted: NDArray[np.bool_]
    answered: NDArray[np.bool_]
    msg_type: Int64Array
    seq: Int64Array
    request_id: Int64Array
    payload_bytes: Int64Array
    event_times_s: Float64Array
    event_step_ns: Int64Array

    def __len__(self) -> int:
        return len(self.times_s)

    def take(self, index: NDArray[np.int64]) -> Frames:
        """Select and order frames by their positions."""
        return Frames(**{f.name: getattr(self, f.name)[index] for f in fields(self)})


def make_frames(
    rng: np.random.Generator,
    times_s: Float64Array,
    *,
    msg_type: MsgType | Int64Array,
    payload_bytes: float | Float64Array,
    spread_bytes: float | Float64Array = 0.0,
    outgoing: bool = False,
    counted: bool = False,
    answered: bool = False,
    seq: int | Int64Array = MISSING,
    request_id: int | Int64Array = MISSING,
    event_times_s: Float64Array | None = None,
    event_step_ns: int | None = None,
) -> Frames:
    """Build frames; what is one number holds for all of them. Sizes vary around `payload_bytes` by their digits."""
    n = len(times_s)
    sizes = payload_bytes + spread_bytes * rng.standard_normal(n)
    timed = event_step_ns is not None
    return Frames(
        times_s=times_s,
        outgoing=np.full(n, outgoing),
        counted=np.full(n, counted),
        answered=np.full(n, answered),
        msg_type=_column(n, msg_type),
        seq=_column(n, seq),
        request_id=_column(n, request_id),
        payload_bytes=np.maximum(np.rint(sizes), 2).astype(np.int64),
        event_times_s=(times_s if event_times_s is None else event_times_s) if timed else np.full(n, np.nan),
        event_step_ns=_column(n, event_step_ns or 1),
    )


def join(parts: Sequence[Frames]) -> Frames:
    """Put frames together."""
    return Frames(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Frames)})


def deliver(
    rng: np.random.Generator, frames: Frames, circumstances: Circumstances, *, frame_spacing_s: float
) -> tuple[Frames, Float64Array]:
    """Bring the frames to the host, in the order that it sees and with the connection's counter set.

    Returns
    -------
    Frames
        In order of arrival; a sent frame counts as arriving when it leaves.
    (n,) float64
        Arrivals, seconds since the session's start.
    """
    frames = frames.take(np.argsort(frames.times_s, kind="stable"))
    arrivals_s = _arrivals(rng, frames, circumstances, frame_spacing_s=frame_spacing_s)
    asked = np.flatnonzero(frames.answered)
    answers = replace(frames.take(asked), outgoing=np.full(len(asked), True))
    frames, arrivals_s = join([frames, answers]), np.concatenate([arrivals_s, arrivals_s[asked] + _ANSWER_DELAY_S])
    order = np.argsort(arrivals_s, kind="stable")
    return _count(frames.take(order), first=int(rng.integers(0, 2))), arrivals_s[order]


def _arrivals(
    rng: np.random.Generator, frames: Frames, circumstances: Circumstances, *, frame_spacing_s: float
) -> Float64Array:
    """Add distance and jitter, and keep the order that TCP keeps and the time that each frame takes to read."""
    incoming = ~frames.outgoing
    jitter = circumstances.jitter_s * np.exp(circumstances.jitter_sigma * rng.standard_normal(int(incoming.sum())))
    spacings = circumstances.read_s * (0.5 + 0.5 * rng.standard_exponential(len(jitter))) + frame_spacing_s
    arrivals_s = frames.times_s.copy()
    # arrival[i] = max(direct[i], arrival[i - 1] + spacing[i]), without a loop
    offsets = np.cumsum(spacings)
    direct = frames.times_s[incoming] + circumstances.distance_s + jitter
    arrivals_s[incoming] = np.maximum.accumulate(direct - offsets) + offsets
    return arrivals_s


def _count(frames: Frames, *, first: int) -> Frames:
    numbers = first + np.cumsum(frames.counted) - 1
    return replace(frames, seq=np.where(frames.counted, numbers, frames.seq))


def to_session(
    frames: Frames,
    arrivals_s: Float64Array,
    circumstances: Circumstances,
    *,
    start_ns: int,
    connection_id: str,
    declared_exchange: str | None,
) -> Session:
    """Turn delivered frames into a session; the host's clock reads `start_ns` at the session's start."""
    step_ns = circumstances.clock_step_ns
    received_ns = np.floor(arrivals_s * (NS_PER_S / step_ns)).astype(np.int64) * step_ns
    timed = ~np.isnan(frames.event_times_s)
    event_s = np.where(timed, frames.event_times_s, 0.0) - circumstances.clock_error_s
    event_ns = start_ns + np.rint(event_s * NS_PER_S).astype(np.int64)
    return Session(
        connection_id=connection_id,
        declared_exchange=declared_exchange,
        recv_ts_ns=start_ns + received_ns,
        exchange_ts_ns=np.where(timed, event_ns // frames.event_step_ns * frames.event_step_ns, MISSING),
        msg_type=frames.msg_type,
        seq=frames.seq,
        request_id=frames.request_id,
        payload_bytes=frames.payload_bytes,
    )


def _column(n: int, values: int | Int64Array) -> Int64Array:
    return np.full(n, values, dtype=np.int64) if np.isscalar(values) else np.asarray(values, dtype=np.int64)
