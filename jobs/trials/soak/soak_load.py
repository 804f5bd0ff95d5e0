"""A steady load for hours: synthetic connections in real time that come and go, and now and then a bad record."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from multiprocessing import get_context
from typing import Final

import numpy as np

from ingest.kafka.message_json import encode
from ingest.kafka.producer import Producer
from ingest.kafka.record_validity import check_record
from jobs.trials.background_load import wait_until
from synthetic.corruption import spoil
from synthetic.sessions import synthetic_sessions
from udfs.schema import Session

STEP_S: Final = 15
"""So often connections come, in a cohort; so often some go."""

STEPS: Final = 4
"""Steps that a connection lives."""

_NS_PER_S: Final = 10**9
_DRAWN_AT_ONCE: Final = 8
_DRAWS: Final = 6
_FULL_SHARE: Final = 0.98
_WARM_UP_S: Final = 10
"""Until then the drawing process has started, and has drawn the first cohort."""

Due = tuple[int, bytes, bytes, bool]
"""When a record is sent, in ns since the epoch, its key, its value, and whether it is a bad one."""


@dataclass(frozen=True, kw_only=True)
class LoadSettings:
    """What is sent.

    Attributes
    ----------
    rate : float
        Messages per second in the mean; the first minute rises to it.
    bad_share : float
        Bad records for each message.
    seed : int
        Draws connections and faults.
    """

    rate: float
    bad_share: float
    seed: int


@dataclass(kw_only=True)
class Sent:
    """What has been sent so far; `late_s` is how far behind its plan the load was at worst since it was last asked."""

    records: int = 0
    connections: int = 0
    bad: int = 0
    late_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """Connections that begin together: their records by the step in which they are due."""

    steps: list[list[Due]]
    connections: int


class SoakLoad:
    """Publishes connections that come and go, with the project's own producer.

    Connections are drawn in a process of its own, because drawing would keep the sender waiting.

    Parameters
    ----------
    settings : LoadSettings
        What is sent.
    """

    def __init__(self, settings: LoadSettings) -> None:
        self._settings = settings
        self.sent = Sent()

    def publish(self, producer: Producer, stop: threading.Event) -> None:
        """Publish until the event is set."""
        # Ctrl-C reaches it, too, but it is this process that says when to stop.
        with ProcessPoolExecutor(1, get_context("spawn"), signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
            for due in self._steps(pool):
                self._send(producer, due, stop)
                if stop.is_set():
                    return

    def worst_late_s(self) -> float:
        """Return by how much a record was sent later than planned, at worst since the last call."""
        late_s, self.sent.late_s = self.sent.late_s, 0.0
        return late_s

    def _steps(self, pool: ProcessPoolExecutor) -> Iterator[list[Due]]:
        """Yield what is due in each step, in its order; the next cohort is drawn meanwhile."""
        pending: defaultdict[int, list[Due]] = defaultdict(list)
        begin_ns = time.time_ns() + _WARM_UP_S * _NS_PER_S
        drawn = pool.submit(draw_cohort, self._settings, 0, begin_ns)
        for number in count():
            cohort = drawn.result()
            drawn = pool.submit(draw_cohort, self._settings, number + 1, begin_ns + (number + 1) * STEP_S * _NS_PER_S)
            for step, due in enumerate(cohort.steps):
                pending[number + step] += due
            self.sent.connections += cohort.connections
            yield sorted(pending.pop(number))

    def _send(self, producer: Producer, records: list[Due], stop: threading.Event) -> None:
        for due_ns, key, value, is_bad in records:
            if not wait_until(due_ns / _NS_PER_S, time.time, producer, stop):
                return
            producer.send(key, value)
            self.sent.records += 1
            self.sent.bad += is_bad
            self.sent.late_s = max(self.sent.late_s, (time.time_ns() - due_ns) / _NS_PER_S)


def draw_cohort(settings: LoadSettings, number: int, start_ns: int) -> Cohort:
    """Draw connections that begin at `start_ns`, as many as make their share of the rate."""
    rng = random.Random(f"{settings.seed} {number}")  # noqa: S311  # no secret
    sessions = _draw_sessions(settings.rate * STEP_S, settings.seed * 1_000_000 + number, start_ns)
    steps: list[list[Due]] = [[] for _ in range(STEPS)]
    for position, session in enumerate(sessions):
        named = replace(session, connection_id=f"soak-{settings.seed}-{number}-{position}")
        key = named.connection_id.encode()
        dues_ns = np.maximum.accumulate(named.recv_ts_ns)
        places = np.minimum((dues_ns - start_ns) // (STEP_S * _NS_PER_S), STEPS - 1)
        for due_ns, place, value in zip(dues_ns.tolist(), places.tolist(), encode(named), strict=True):
            steps[place].append((due_ns, key, value, False))
            if rng.random() < settings.bad_share:
                steps[place].append((due_ns, *_bad(rng, key, value), True))
    return Cohort(steps=steps, connections=len(sessions))


def _draw_sessions(n_messages: float, seed: int, start_ns: int) -> list[Session]:
    """Draw sessions that have so many messages together, passing over those that would be too long."""
    taken: list[Session] = []
    total = 0
    for draw in range(_DRAWS):
        for one in synthetic_sessions(
            per_exchange=_DRAWN_AT_ONCE, seed=seed * _DRAWS + draw, start_ns=start_ns, duration_s=STEP_S * STEPS
        ):
            if total + len(one.session) <= n_messages:
                taken.append(one.session)
                total += len(one.session)
        if total >= _FULL_SHARE * n_messages:
            break
    return taken


def _bad(rng: random.Random, key: bytes, value: bytes) -> tuple[bytes, bytes]:
    """Make a record that is no message, of those that the producer takes."""
    while True:
        spoiled_key, spoiled = spoil(rng, key, value)
        if spoiled_key is not None and spoiled is not None and check_record(spoiled_key, spoiled) is not None:
            return spoiled_key, spoiled
