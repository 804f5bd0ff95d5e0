"""A load in the background: a thread that publishes until it is told to stop, whatever the broker does meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from ingest.kafka.backlog import Capacity
from ingest.kafka.producer import Producer

CAPACITY: Final = Capacity(messages=1_000_000, value_bytes=1_000_000_000)
"""What a missing broker does not take waits for it, minutes of it."""

_POLL_S: Final = 0.05
_FLUSH_S: Final = 120.0

Publish = Callable[[Producer, threading.Event], None]
"""Publishes until the event is set."""


class Publishing(threading.Thread):
    """Publishes until it is stopped, and keeps what ends it.

    Parameters
    ----------
    kafka, topic : str
        Where to.
    publish : callable
        What, and when.
    """

    def __init__(self, kafka: str, topic: str, publish: Publish) -> None:
        super().__init__(name="load", daemon=True)
        self._kafka, self._topic, self._publish = kafka, topic, publish
        self._stop_asked = threading.Event()
        self._failure: BaseException | None = None
        self._n_records = 0

    def run(self) -> None:
        """Publish, and wait in the end until Kafka has everything."""
        try:
            with Producer(self._kafka, self._topic, capacity=CAPACITY) as producer:
                self._publish(producer, self._stop_asked)
                producer.flush(_FLUSH_S)
                self._n_records = producer.health().acknowledged
        except BaseException as error:
            self._failure = error

    def stop(self) -> int:
        """Stop, wait until Kafka has everything, and return how many records that is."""
        self._stop_asked.set()
        self.join()
        self.check()
        return self._n_records

    def check(self) -> None:
        """Raise what has ended the load, if anything has."""
        if self._failure is not None:
            raise self._failure


def wait_until(due_s: float, clock: Callable[[], float], producer: Producer, stop: threading.Event) -> bool:
    """Let the producer work until the clock shows this time; tell whether it is so, and not time to stop."""
    while not stop.is_set() and (wait_s := due_s - clock()) > 0:
        producer.poll(min(wait_s, _POLL_S))
    return not stop.is_set()
