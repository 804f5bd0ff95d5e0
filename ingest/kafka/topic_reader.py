"""Read a topic from its beginning to its present end, one partition at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final, NamedTuple, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from ingest.kafka.broker import ANSWER_TIMEOUT_S, Broker
from udfs.errors import ConfigError

_GIVE_UP_AFTER_S: Final = 60.0
_AT_ONCE: Final = 10_000
_POLL_S: Final = 0.5
_LOOK_AGAIN_S: Final = 0.05
_MOST_INFLATED_BYTES: Final = 2**31 - 1
"""What librdkafka inflates of one batch, its most; it refuses a larger one."""

_NO_LEADER_YET: Final = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)


@dataclass(frozen=True, kw_only=True)
class Span:
    """What a partition held when its topic was looked at: offsets from `first` to before `end`."""

    partition: int
    first: int
    end: int

    def __len__(self) -> int:
        return self.end - self.first


class Record(NamedTuple):
    """A record of a topic.

    Attributes
    ----------
    partition, offset : int
        Where it is.
    timestamp_ms : int
        When it was made, as its producer or the broker says, in milliseconds since the epoch; -1 if neither does.
    key, value : bytes or None
        As they are in Kafka.
    headers : dict of str to bytes
        Those that have a value; of several with one name the last.
    """

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]


class TopicReader:
    """Reads what is in a topic now; what comes later is left out.

    Parameters
    ----------
    bootstrap_servers : str
        Addresses of Kafka, "host:port[,host:port]".
    topic : str
        Must exist.

    Raises
    ------
    ServiceUnavailable
        If Kafka does not answer.
    ConfigError
        If the topic is not there, or may not be read.
    """

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self._broker, self._topic = Broker(bootstrap_servers), topic
        self._consumer = Consumer(
            {
                **self._broker.settings,
                "group.id": "fingerprint-results",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",  # where the first of a span has been deleted meanwhile
                "isolation.level": "read_committed",  # as the job reads
                "fetch.queue.backoff.ms": 5,
                "receive.message.max.bytes": _MOST_INFLATED_BYTES,
            }
        )
        try:
            self.spans = self.look()
        except BaseException:
            self._consumer.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def read(self, span: Span) -> Iterator[list[Record]]:
        """Yield a span's records in the order of their offsets, some thousands at a time.

        Raises
        ------
        ServiceUnavailable
            If Kafka does not answer for a minute.
        ConfigError
            If it refuses.
        """
        self._consumer.assign([TopicPartition(self._topic, span.partition, span.first)])
        is_done, heard_s = not len(span), time.monotonic()
        while not is_done:
            found = self._consumer.consume(_AT_ONCE, _POLL_S)
            if found:
                heard_s = time.monotonic()
            elif time.monotonic() - heard_s > _GIVE_UP_AFTER_S:
                raise self._broker.refusal(KafkaError(KafkaError._TIMED_OUT), "a reader")
            # Some offsets are no record: those of compacted ones and of transactions' marks.
            is_done = any(self._is_past(message, span) for message in found)
            yield [to_record(m) for m in found if m.error() is None and (m.offset() or 0) < span.end]

    def _is_past(self, message: Message, span: Span) -> bool:
        error = message.error()
        if error is None:
            return (message.offset() or 0) >= span.end - 1
        if error.code() == KafkaError._PARTITION_EOF:
            return True
        raise self._broker.refusal(error, f"a reader of {self._topic}")

    def look(self) -> tuple[Span, ...]:
        """Return what each partition holds now, in the order of their numbers."""
        try:
            found = self._consumer.list_topics(self._topic, timeout=ANSWER_TIMEOUT_S).topics[self._topic]
            if found.error is not None:
                if found.error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise self._broker.refusal(found.error, f"a reader of {self._topic}")
                raise self._broker.no_topic(self._topic)
            return tuple(self._span(partition) for partition in sorted(found.partitions))
        except KafkaException as error:
            self._consumer.poll(0)  # hands over what it complained of
            raise self._broker.refusal(error.args[0], "a connection") from error

    def _span(self, partition: int) -> Span:
        place, end_s = TopicPartition(self._topic, partition), time.monotonic() + ANSWER_TIMEOUT_S
        while True:
            try:
                first, end = self._consumer.get_watermark_offsets(place, timeout=ANSWER_TIMEOUT_S)
            except KafkaException as error:
                # Of a topic that is new, the broker may have heard before it leads.
                if error.args[0].code() not in _NO_LEADER_YET or time.monotonic() > end_s:
                    raise
                time.sleep(_LOOK_AGAIN_S)
            else:
                return Span(partition=partition, first=first, end=end)


def to_record(message: Message) -> Record:
    """Copy what Kafka's client hands over.

    Raises
    ------
    ConfigError
        If it does not say where the record is, which a delivered one always does.
    """
    partition, offset = message.partition(), message.offset()
    if partition is None or offset is None:
        raise ConfigError("Expected Kafka to say where a record is, found no place: check the broker's version")
    headers = dict(message.headers() or ())
    return Record(
        partition=partition,
        offset=offset,
        timestamp_ms=message.timestamp()[1],
        key=message.key(),
        value=message.value(),
        headers={name: value for name, value in headers.items() if isinstance(value, bytes)},
    )
