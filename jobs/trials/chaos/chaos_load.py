"""A load that goes on while everything around it fails: synthetic connections in real time, one wave after another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle
from typing import Final

import numpy as np

from ingest.kafka.message_json import encode
from ingest.kafka.producer import Producer
from ingest.kafka.record_validity import MAX_VALUE_BYTES
from ingest.kafka.session_publisher import merge
from jobs.trials.background_load import wait_until
from synthetic.sessions import LabelledSession, synthetic_sessions
from udfs.schema import EXCHANGES, Session

WAVE_S: Final = 60.0
BAD_EVERY: Final = 40
"""After so many messages comes a record that is none, under the key of one."""

_SICK_EVERY: Final = 3
"""So many connections have one whose sequence numbers are faulty."""

FAULT_EVERY: Final = 250
"""Messages of such a connection between two faults: enough that the numbers are known to go up by one."""

_LIE_EVERY: Final = 5
_FAULTY_STEPS: Final = (6, 0, -100)
"""A gap, a repetition and a reset, in turn."""

_RATE_FACTOR: Final = 0.25
"""Of the exchanges' own rates: what has gone on for hours is to be read again in minutes."""

_SPOILT: Final[tuple[Callable[[bytes], bytes], ...]] = (
    lambda value: value[: len(value) // 2],
    lambda value: b"\xff" + value,
    lambda value: b"[" + value + b"]",
    lambda value: value.replace(b'"recv_ts_ns":', b'"recv_ts_ns":-'),
    lambda value: value.replace(b'"connection_id":"', b'"connection_id":"x'),
    lambda value: value.replace(b'"msg_type"', b'"type"'),
    lambda value: value.replace(b'"connection_id":"', b'"connection_id":"\\u0000'),
    lambda value: value + b" " * MAX_VALUE_BYTES,
)
"""What becomes of a message that is to be none."""

_NS_PER_S: Final = 1e9


def publish_waves(producer: Producer, stop: threading.Event, *, seed: int, per_exchange: int) -> None:
    """Publish waves of sessions, each at its pace.

    Parameters
    ----------
    producer : Producer
        To the topic.
    stop : threading.Event
        Ends it.
    seed : int
        Draws the sessions.
    per_exchange : int
        Connections of each exchange at a time.
    """
    wave = 0
    while not stop.is_set():
        _publish(producer, draw_wave(seed, wave, per_exchange, time.time_ns()), stop)
        wave += 1


def _publish(producer: Producer, sessions: Sequence[Session], stop: threading.Event) -> None:
    started_s = time.monotonic()
    for key, value, due_s in schedule(sessions):
        if not wait_until(started_s + due_s, time.monotonic, producer, stop):
            return
        producer.send(key, value)


def draw_wave(seed: int, wave: int, per_exchange: int, start_ns: int) -> list[Session]:
    """Draw the sessions of one wave; every fifth lies about its exchange, every third has faulty sequence numbers."""
    drawn = synthetic_sessions(
        per_exchange=per_exchange,
        seed=seed * 10_000 + wave,
        start_ns=start_ns,
        duration_s=WAVE_S,
        rate_factor=_RATE_FACTOR,
    )
    sessions = [_lying(one) if number % _LIE_EVERY == 0 else one.session for number, one in enumerate(drawn)]
    return [_sick(one) if number % _SICK_EVERY == 0 else one for number, one in enumerate(sessions, start=1)]


def schedule(sessions: Sequence[Session]) -> Iterator[tuple[bytes, bytes, float]]:
    """Yield each record's key and value and when it is due, in seconds since the start: messages, and some spoilt.

    What a slow connection says after the wave's end is left out: the load would stand still until then.
    """
    turns, clocks_ns = merge(sessions)
    keys = [session.connection_id.encode() for session in sessions]
    values = [encode(session) for session in sessions]
    dues_s = (clocks_ns - clocks_ns[0]) / _NS_PER_S
    spoilt = cycle(_SPOILT)
    for number, (turn, due_s) in enumerate(zip(turns.tolist(), dues_s.tolist(), strict=True), start=1):
        if due_s > WAVE_S:
            return
        value = next(values[turn])
        yield keys[turn], value, due_s
        if number % BAD_EVERY == 0:
            yield keys[turn], next(spoilt)(value), due_s


def _sick(session: Session) -> Session:
    """Give all messages numbers, with a fault after every 250."""
    steps = np.ones(len(session), dtype=np.int64)
    faulty = steps[FAULT_EVERY::FAULT_EVERY]
    faulty[:] = np.resize(_FAULTY_STEPS, len(faulty))
    return replace(session, seq=np.cumsum(steps))


def _lying(one: LabelledSession) -> Session:
    other = EXCHANGES[(EXCHANGES.index(one.exchange) + 1) % len(EXCHANGES)]
    return replace(one.session, declared_exchange=other)
