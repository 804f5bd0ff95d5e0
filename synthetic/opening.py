"""What every session begins with and keeps up: the first frames, and those that the clock sends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from synthetic.behaviour import Opening, Periodic, SeqRule
from synthetic.frames import NS_PER_S, Frames, make_frames
from udfs.schema import MISSING, Float64Array, Int64Array, MsgType

_GREETING_S: Final = 0.01
_REQUEST_S: Final = 0.03
_SERVICE_S: Final = 0.002
_SUBSCRIBE_BYTES: Final = 165
_STATUS_BYTES: Final = 100
_ACK_BYTES: Final = 150
_SNAPSHOT_SPREAD: Final = 0.05

SymbolSeq = Callable[[Float64Array, int], Int64Array]
"""Looks up the counter of a symbol at some times."""


def opening_s(distance_s: float) -> float:
    """Seconds until the venue's first answer: data and heartbeats start then."""
    return _REQUEST_S + 2 * distance_s + _SERVICE_S


def draw_opening(rng: np.random.Generator, opening: Opening, *, n_symbols: int, distance_s: float) -> list[Frames]:
    """Draw the greeting, the subscriptions with their answers, and the snapshots."""
    parts = []
    if opening.greeting:
        parts.append(make_frames(rng, np.array([_GREETING_S]), msg_type=MsgType.OTHER, payload_bytes=_STATUS_BYTES))
    if rng.random() < opening.subscribe_probability:
        parts += _draw_subscriptions(rng, opening, n_symbols=n_symbols, distance_s=distance_s)
    return parts


def _draw_subscriptions(
    rng: np.random.Generator, opening: Opening, *, n_symbols: int, distance_s: float
) -> list[Frames]:
    n_requests = int(rng.integers(1, opening.most_requests + 1))
    requests_s = _REQUEST_S * np.linspace(0.9, 1.0, n_requests)
    ids = np.arange(1, n_requests + 1) if opening.ack_has_request_id else np.full(n_requests, MISSING)
    n_acks = (n_symbols if opening.ack_per_symbol else 1) if opening.acknowledged else 0
    counted = opening.seq is SeqRule.CONNECTION
    answers_s = requests_s + distance_s + _SERVICE_S
    parts = [
        make_frames(
            rng, requests_s, msg_type=MsgType.NEW, payload_bytes=_SUBSCRIBE_BYTES, outgoing=True, request_id=ids
        ),
        make_frames(
            rng,
            np.repeat(answers_s, n_acks),
            msg_type=MsgType.ACK,
            payload_bytes=_ACK_BYTES,
            counted=counted,
            request_id=np.repeat(ids, n_acks),
        ),
    ]
    if opening.snapshot_bytes > 0:
        snapshots_s = np.full(n_symbols, answers_s[-1])
        parts.append(
            make_frames(
                rng,
                snapshots_s,
                msg_type=MsgType.NEW,
                payload_bytes=float(opening.snapshot_bytes),
                spread_bytes=_SNAPSHOT_SPREAD * opening.snapshot_bytes,
                counted=counted,
            )
        )
    return parts


def draw_periodics(
    rng: np.random.Generator,
    periodics: Sequence[Periodic],
    *,
    n_symbols: int,
    symbol_seq: SymbolSeq,
    first_s: float,
    duration_s: float,
    start_ns: int,
) -> list[Frames]:
    """Draw the frames that the clock sends from `first_s` to `duration_s`."""
    parts = []
    for periodic in periodics:
        for symbol in range(n_symbols if periodic.per_symbol else 1):
            times_s = _periodic_times(rng, periodic, first_s=first_s, duration_s=duration_s, start_ns=start_ns)
            seq = symbol_seq(times_s, symbol) if periodic.seq is SeqRule.SYMBOL else MISSING
            parts.append(
                make_frames(
                    rng,
                    times_s,
                    msg_type=periodic.msg_type,
                    payload_bytes=periodic.payload_bytes,
                    spread_bytes=periodic.spread_bytes,
                    counted=periodic.seq is SeqRule.CONNECTION,
                    answered=periodic.answered,
                    seq=seq,
                    event_step_ns=periodic.exchange_time_ns,
                )
            )
    return parts


def silence_ends(times_s: Float64Array, period_s: float, *, last_s: float) -> Float64Array:
    """Find when a side that speaks at some times, in order, has been silent for a period, and for each further one.

    >>> silence_ends(np.array([0.0, 4.0, 29.0]), 10.0, last_s=35.0)
    array([14., 24.])
    """
    counts = np.maximum(np.diff(times_s, append=last_s) // period_s, 0).astype(np.int64)
    nth = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    ends_s: Float64Array = np.repeat(times_s, counts) + nth * period_s
    return ends_s


def _periodic_times(
    rng: np.random.Generator, periodic: Periodic, *, first_s: float, duration_s: float, start_ns: int
) -> Float64Array:
    period_ns = int(periodic.period_s * NS_PER_S)
    phase_s = -(start_ns % period_ns) / NS_PER_S if periodic.utc_aligned else first_s + rng.random() * periodic.period_s
    times_s = phase_s + np.arange(int(duration_s / periodic.period_s) + 2) * periodic.period_s
    times_s = times_s + periodic.jitter_ms / 1e3 * rng.standard_normal(len(times_s))
    return times_s[(times_s >= first_s) & (times_s < duration_s)]
