"""Dead letters: read from their topic, and sent to the topic of the messages once more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, Message

from ingest.kafka.broker import Broker
from ingest.kafka.topic_reader import Record, TopicReader, to_record
from udfs.errors import ConfigError

REDRIVEN_FROM: Final = "redriven_from"
"""Header of a record that was a dead letter: where it was at first."""

KEY_IS: Final = "key_is"
"""Header of a dead letter whose key stands for none, or for one that its topic would not take."""

NULL_VALUE: Final = "null value"
"""Reason of a record that says of the connection of its key that it has ended, if it has one."""

_PLACE: Final = re.compile(rb"([0-9]+):([0-9]+)")
_BY_KEY: Final = -1
_GIVE_UP_AFTER_MS: Final = 60_000
_POLL_S: Final = 0.1
_MS_PER_S: Final = 1000


class Place(NamedTuple):
    """A record's partition and offset in the topic of the messages."""

    partition: int
    offset: int


class Outgoing(NamedTuple):
    """A record to be sent.

    Attributes
    ----------
    key, value : bytes or None
        Of the record.
    partition : int or None
        Where to; None for where the producer's partitioner puts the key.
    """

    key: bytes | None
    value: bytes | None
    partition: int | None


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A dead-letter record: an invalid record of the topic of the messages.

    Attributes
    ----------
    place : Place
        Where it was.
    reason : str
        Why it is invalid.
    at : datetime
        The record's time.
    key, value : bytes or None
        As they were; None also where they were too large for a dead-letter record, or for its topic.
    """

    place: Place
    reason: str
    at: datetime
    key: bytes | None
    value: bytes | None

    @property
    def says_end(self) -> bool:
        """Whether it is how a sender says that the connection of its key has ended."""
        return self.reason == NULL_VALUE and self.key is not None


def read_dead_letters(reader: TopicReader, source_topic: str) -> Iterator[DeadLetter]:
    """Yield the dead letters of one topic, each once, however often it was delivered; pass over other records."""
    seen: set[Place] = set()
    for record in _read(reader):
        headers = record.headers
        if headers.get("source_topic") != source_topic.encode():
            continue
        place = _to_place(b"%s:%s" % (headers.get("source_partition", b""), headers.get("source_offset", b"")))
        if place is not None and place not in seen:
            seen.add(place)
            reason = headers.get("reason", b"").decode(errors="replace")
            at = datetime.fromtimestamp(record.timestamp_ms / _MS_PER_S, UTC)
            # A topic that wants keys, or would not take a longer one, has got the place in its stead.
            key = None if KEY_IS in headers else record.key
            yield DeadLetter(place=place, reason=reason, at=at, key=key, value=record.value)


def find_redriven(reader: TopicReader) -> dict[Place, Place]:
    """Look through the topic of the messages for what was a dead letter; return where each is now, by where it was."""
    found: dict[Place, Place] = {}
    for record in _read(reader):
        origin = _to_place(record.headers.get(REDRIVEN_FROM, b""))
        if origin is not None:
            found[origin] = _place(record)
    return found


def send_again(bootstrap_servers: str, topic: str, records: Mapping[Place, Outgoing]) -> dict[Place, Place]:
    """Send records to the end of their partitions, each with a header that says where it was; return where each is now.

    Raises
    ------
    ConfigError
        If Kafka refuses one; others may have been sent.
    ServiceUnavailable
        If it does not acknowledge one within a minute; the others were sent.
    """
    broker = Broker(bootstrap_servers)
    own = {"enable.idempotence": True, "acks": "all", "partitioner": "murmur2_random", "linger.ms": 5}
    producer = confluent_kafka.Producer(broker.settings | own | {"message.timeout.ms": _GIVE_UP_AFTER_MS})
    sent: dict[Place, Place] = {}
    failures: list[KafkaError] = []

    def settle(origin: Place, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            failures.append(error)
        else:
            sent[origin] = _place(to_record(message))

    try:
        for origin, record in records.items():
            _produce(producer, topic, origin, record, settle)
        while len(producer):
            producer.poll(_POLL_S)
    except KafkaException as error:
        failures.append(error.args[0])
    if failures:
        raise broker.refusal(failures[0], f"dead letters for the topic {topic}")
    return sent


def to_place(text: str) -> Place:
    """Read PARTITION:OFFSET.

    Raises
    ------
    ConfigError
        If it is none.
    """
    place = _to_place(text.encode())
    if place is None:
        raise ConfigError(f"Expected a record's place as PARTITION:OFFSET, found {text!r}: correct it")
    return place


def _produce(
    producer: confluent_kafka.Producer,
    topic: str,
    origin: Place,
    record: Outgoing,
    settle: Callable[[Place, KafkaError | None, Message], None],
) -> None:
    key, value, partition = record
    headers: list[tuple[str, str | bytes | None]] = [(REDRIVEN_FROM, f"{origin.partition}:{origin.offset}")]
    while True:
        try:
            return producer.produce(
                topic,
                value,
                key,
                _BY_KEY if partition is None else partition,
                headers=headers,
                on_delivery=lambda error, message: settle(origin, error, message),
            )
        except BufferError:
            producer.poll(_POLL_S)


def _read(reader: TopicReader) -> Iterator[Record]:
    for span in reader.spans:
        for found in reader.read(span):
            yield from found


def _to_place(header: bytes) -> Place | None:
    """Read PARTITION:OFFSET; None if that is none, for anybody may write headers."""
    match = _PLACE.fullmatch(header)
    return None if match is None else Place(int(match[1]), int(match[2]))


def _place(record: Record) -> Place:
    return Place(record.partition, record.offset)
