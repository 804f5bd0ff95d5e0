"""Sessions become messages of a topic, in the order and, if asked, the pace of their clocks."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, repeat
from typing import Final

import numpy as np

from ingest.kafka.backlog import Capacity
from ingest.kafka.message_json import encode
from ingest.kafka.producer import Producer
from ingest.kafka.replay_pace import Pace
from udfs.errors import ConfigError
from udfs.schema import Int64Array, Session

_GIVE_UP_AFTER_S: Final = 60.0
"""A replay can be repeated, so it does not wait for Kafka for ever, as a live feed has to."""

_CAPACITY: Final = Capacity(messages=100_000, value_bytes=100_000_000)
_POLL_S: Final = 0.1
_PROGRESS_EVERY_S: Final = 0.2


@dataclass(frozen=True, kw_only=True)
class PublishReport:
    """What was published: every message counted here was acknowledged by the broker."""

    messages: int
    connections: int
    seconds: float


def publish(
    sessions: Sequence[Session],
    *,
    bootstrap_servers: str,
    topic: str,
    speed: float | None = None,
    progress: Callable[[int], None] = lambda _: None,
    stop: threading.Event | None = None,
    says_ends: bool = False,
) -> PublishReport:
    """Publish the messages of sessions, merged by receive time, with the connection_id as key.

    Within a connection the order is that of its session, even where its clock goes backwards. Every message is
    acknowledged by all replicas, and the producer is idempotent: a retry neither doubles nor reorders.

    Parameters
    ----------
    sessions : sequence of Session
        Their connection_ids must differ.
    bootstrap_servers : str
        Addresses of Kafka, "host:port[,host:port]".
    topic : str
        Must exist.
    speed : float, optional
        1.0 for the recorded pace, 2.0 for twice as fast; None for as fast as possible. Time during which none of the
        connections was open is skipped, so captures of different days follow each other at once.
    progress : function, optional
        Called with the number of messages handed over, about five times a second and at the end.
    stop : threading.Event, optional
        Once set, nothing more is handed over; what was is still delivered and counted.
    says_ends : bool
        Whether to say of each connection that it has ended, behind its last message; that is not counted.

    Raises
    ------
    ConfigError
        If two sessions have one connection_id, the speed is not positive, or the topic is not there.
    ServiceUnavailable
        If Kafka does not answer, or did not acknowledge a message within a minute.
    """
    _check_connections(sessions)
    pace = None if speed is None else Pace(sessions, speed)
    started_s = time.monotonic()
    with Producer(bootstrap_servers, topic, capacity=_CAPACITY, give_up_after_s=_GIVE_UP_AFTER_S) as producer:
        schedule = _schedule(sessions, pace)
        n_messages = _send_all(producer, sessions, schedule, progress, stop or threading.Event(), says_ends)
        producer.flush()
    progress(n_messages)
    return PublishReport(messages=n_messages, connections=len(sessions), seconds=time.monotonic() - started_s)


def _check_connections(sessions: Sequence[Session]) -> None:
    names = sorted(session.connection_id for session in sessions)
    for first, second in pairwise(names):
        if first == second:
            raise ConfigError(
                f"Expected every connection to have its own connection_id, found {first!r} twice: "
                "publish the two one after the other, or rename one"
            )


def merge(sessions: Sequence[Session]) -> tuple[Int64Array, Int64Array]:
    """Merge messages by receive time, without reordering within a session.

    A message is as late as the latest one before it in its session; of messages that are equally late, those of the
    first session come first.

    Returns
    -------
    turns : (n_messages,) int64
        Index of the session that each message in turn comes from.
    clocks_ns : (n_messages,) int64
        How late it is; never falls.
    """
    late_ns = [np.maximum.accumulate(session.recv_ts_ns) for session in sessions]
    clocks_ns = np.concatenate([np.empty(0, dtype=np.int64), *late_ns])
    turns = np.repeat(np.arange(len(sessions)), [len(session) for session in sessions])
    order = np.argsort(clocks_ns, kind="stable")
    return turns[order], clocks_ns[order]


def _schedule(sessions: Sequence[Session], pace: Pace | None) -> Iterator[tuple[int, float]]:
    """Yield the session that each message in turn comes from, and when it is due by the monotonic clock."""
    turns, clocks_ns = merge(sessions)
    if pace is None:
        return zip(turns.tolist(), repeat(-math.inf), strict=False)
    started_s = time.monotonic()
    due_s = (started_s + pace.due_s(clock_ns) for clock_ns in clocks_ns.tolist())
    return zip(turns.tolist(), due_s, strict=True)


def _send_all(
    producer: Producer,
    sessions: Sequence[Session],
    schedule: Iterator[tuple[int, float]],
    progress: Callable[[int], None],
    stop: threading.Event,
    says_ends: bool,
) -> int:
    keys = [session.connection_id.encode() for session in sessions]
    values = [encode(session) for session in sessions]
    n_left = [len(session) for session in sessions]
    n_messages, reported_s = 0, time.monotonic()
    for turn, due_s in schedule:
        while not stop.is_set() and (wait_s := _wait_s(producer, due_s)) > 0:
            producer.poll(wait_s)
        if stop.is_set():
            break
        producer.send(keys[turn], next(values[turn]))
        n_messages += 1
        n_left[turn] -= 1
        if says_ends and not n_left[turn]:
            producer.say_end(keys[turn])
        if time.monotonic() - reported_s >= _PROGRESS_EVERY_S:
            progress(n_messages)
            reported_s = time.monotonic()
    if says_ends:
        for key, session, left in zip(keys, sessions, n_left, strict=True):
            if 0 < left < len(session):  # it was stopped
                producer.say_end(key)
    return n_messages


def _wait_s(producer: Producer, due_s: float) -> float:
    """Return how long to wait before looking again; no more than 0 if the message can be sent now."""
    return _POLL_S if producer.full else min(due_s - time.monotonic(), _POLL_S)
