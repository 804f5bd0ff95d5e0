"""The one Kafka producer: takes messages over at once, keeps each key's order, and says how Kafka keeps up."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

import confluent_kafka
import orjson
from confluent_kafka import KafkaError, KafkaException, Message

from ingest.kafka.backlog import Backlog, Batch, Capacity
from ingest.kafka.broker import Broker
from udfs.errors import PipelineError

_log = logging.getLogger(__name__)

_SETTINGS: Final = {
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": "murmur2_random",
    "allow.auto.create.topics": False,
    "compression.type": "zstd",  # two thirds of lz4's bytes, and kafka-python reads it: PyFlink brings zstandard
    "linger.ms": 5,
    "statistics.interval.ms": 1_000,
}
_POLL_S: Final = 0.1
_DOWN_AFTER: Final = 2
"""Statistics in a row without a connected broker; one alone may be an idle connection that is being renewed."""

_SILENT_AFTER_S: Final = 5.0
"""A broker acknowledges in milliseconds; one that does not for so long is counted as away."""

_HARD_LIMIT: Final = 2
"""librdkafka's own limits are so many times the capacity: what comes after `full` is still taken."""

_FOR_EVER: Final = 0
_BYTES_PER_KB: Final = 1_024
_MS_PER_S: Final = 1_000


@dataclass(frozen=True, kw_only=True)
class Health:
    """How the producer is doing.

    Attributes
    ----------
    sent, acknowledged : int
        Messages handed over, and those of them that all replicas have.
    waiting_messages, waiting_bytes : int
        Neither acknowledged nor failed; bytes are those of the values.
    capacity : Capacity
        What they are measured against.
    oldest_waiting_s : float
        Age of the oldest of them, to a tenth of a second; 0 if none waits.
    reachable : bool
        Whether a broker is connected, and acknowledges what waits.
    buffer_lasts_s : float or None
        How long the room that is left lasts, at the rate of the last ten seconds; None if none came.
    """

    sent: int
    acknowledged: int
    waiting_messages: int
    waiting_bytes: int
    capacity: Capacity
    oldest_waiting_s: float
    reachable: bool
    buffer_lasts_s: float | None


class Producer:
    """Sends messages to one topic; a context manager that leaves no connection behind.

    A message that was taken is retried until every replica has it, in the order of its key, and no retry doubles it.
    Keys go to the partitions that Java's clients choose. Topics are never created.

    All methods return at once unless said otherwise, and belong to one thread, but `health` to any. `poll` must be
    called every second or so: what Kafka acknowledged is noticed there, and whether it is reachable. `send` does so
    ten times a second.

    Parameters
    ----------
    bootstrap_servers : str
        Addresses of Kafka, "host:port[,host:port]".
    topic : str
        Must exist.
    capacity : Capacity
        How much may wait before `full` says so, until half of it is free again. Twice that is taken, then `send` waits.
    give_up_after_s : float or None
        A message that was not delivered for so long is an error; None to retry for ever.

    Raises
    ------
    ConfigError
        On construction, if that is no address; on entering, if the topic is not there.
    ServiceUnavailable
        On entering, if Kafka does not answer.
    """

    def __init__(
        self, bootstrap_servers: str, topic: str, *, capacity: Capacity, give_up_after_s: float | None = None
    ) -> None:
        self._broker = Broker(bootstrap_servers)
        self._topic = topic
        self._backlog = Backlog(capacity)
        self._batch: Batch | None = None
        self._failure: KafkaError | None = None
        self._n_down = 0
        self._closed = False
        self._heard_s = -math.inf
        self._client = confluent_kafka.Producer(
            self._broker.settings | _SETTINGS | _limits(capacity, give_up_after_s) | {"stats_cb": self._take_statistics}
        )

    def __enter__(self) -> Self:
        try:
            if self._topic not in self._broker.topics(self._client):
                raise self._broker.no_topic(self._topic)
        except PipelineError:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._closed:
            return
        n_undelivered = self.close()
        if n_undelivered and error is None:
            _log.warning("%d messages were not acknowledged by Kafka", n_undelivered)

    def send(self, key: bytes, value: bytes) -> None:
        """Take a message over.

        Raises
        ------
        ConfigError
            If Kafka refused an earlier message for good, or this one cannot be sent at all.
        ServiceUnavailable
            If an earlier message was not delivered in `give_up_after_s`.
        """
        self._send(key, value)

    def say_end(self, key: bytes) -> None:
        """Say behind all its messages that a connection has ended, by a record without a value; raises as `send`."""
        self._send(key, None)

    def _send(self, key: bytes, value: bytes | None) -> None:
        batch = self._backlog.batch(time.monotonic())
        if batch is not self._batch:
            self._batch, self._on_delivery = batch, partial(self._settle, batch)
            self.poll()
        self._check()
        try:
            self._produce(key, value)
        except KafkaException as error:
            raise self._refusal(error.args[0]) from error
        self._backlog.add(batch, len(value or b""))

    def poll(self, timeout_s: float = 0.0) -> None:
        """Notice what happened since the last call; waits up to `timeout_s` for something to happen."""
        acknowledged = self._backlog.acknowledged
        self._client.poll(timeout_s)
        if self._backlog.acknowledged > acknowledged:
            self._heard_s = time.monotonic()

    def flush(self, timeout_s: float = math.inf) -> int:
        """Wait until nothing waits any more, but no longer than `timeout_s`; return how many messages still do.

        Raises
        ------
        ConfigError
            If Kafka refused a message for good.
        ServiceUnavailable
            If one was not delivered in `give_up_after_s`.
        """
        end_s = time.monotonic() + timeout_s
        self.poll()
        while self._backlog.waiting > 0 and (left_s := end_s - time.monotonic()) > 0:
            self.poll(min(left_s, _POLL_S))
        self._check()
        return self._backlog.waiting

    def close(self) -> int:
        """Let go of Kafka at once, and return how many messages were never acknowledged: they are given up."""
        if not self._closed:
            self._closed = True
            self._client.purge()  # or closing would wait until everything is delivered
            self._client.close()
        return self._backlog.sent - self._backlog.acknowledged

    @property
    def full(self) -> bool:
        """Whether no more should be sent until there is room again."""
        return self._backlog.full

    def health(self) -> Health:
        """Return how things are, as of the last `poll`."""
        backlog, now_s = self._backlog, time.monotonic()
        oldest_waiting_s = backlog.oldest_age_s(now_s)
        silent_s = min(oldest_waiting_s, now_s - self._heard_s)
        return Health(
            sent=backlog.sent,
            acknowledged=backlog.acknowledged,
            waiting_messages=backlog.waiting,
            waiting_bytes=backlog.waiting_bytes,
            capacity=backlog.capacity,
            oldest_waiting_s=oldest_waiting_s,
            reachable=self._n_down < _DOWN_AFTER and silent_s < _SILENT_AFTER_S,
            buffer_lasts_s=backlog.lasts_s(now_s),
        )

    def _produce(self, key: bytes, value: bytes | None) -> None:
        while True:
            try:
                return self._client.produce(self._topic, value, key, on_delivery=self._on_delivery)
            except BufferError:
                self.poll(_POLL_S)

    def _settle(self, batch: Batch, error: KafkaError | None, message: Message) -> None:
        self._backlog.settle(batch, len(message), acknowledged=error is None)
        if error is not None:
            self._failure = self._failure or error

    def _check(self) -> None:
        if self._failure is not None:
            raise self._refusal(self._failure)

    def _refusal(self, error: KafkaError) -> PipelineError:
        return self._broker.refusal(error, f"messages for the topic {self._topic}")

    def _take_statistics(self, statistics: str) -> None:
        brokers: dict[str, Any] = orjson.loads(statistics)["brokers"]
        connected = any(broker["state"] == "UP" for broker in brokers.values())
        self._n_down = 0 if connected else self._n_down + 1


def _limits(capacity: Capacity, give_up_after_s: float | None) -> dict[str, int]:
    return {
        "queue.buffering.max.messages": _HARD_LIMIT * capacity.messages,
        "queue.buffering.max.kbytes": math.ceil(_HARD_LIMIT * capacity.value_bytes / _BYTES_PER_KB),
        "message.timeout.ms": _FOR_EVER if give_up_after_s is None else round(give_up_after_s * _MS_PER_S),
    }
