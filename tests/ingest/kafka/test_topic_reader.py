from __future__ import annotations

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_NOT_AVAILABLE, Message

from ingest.kafka.topic_reader import Record, to_record
from udfs.errors import ConfigError


def test_a_record_is_what_kafka_hands_over() -> None:
    headers = [("reason", b"no JSON"), ("twice", b"1"), ("twice", b"2"), ("none", None), ("empty", b"")]
    message = Message(
        topic="t",
        partition=3,
        offset=41,
        key=b"\xff\x00",
        value=b"{}",
        headers=headers,
        timestamp=(TIMESTAMP_CREATE_TIME, 1_790_000_000_123),
    )
    assert to_record(message) == Record(
        partition=3,
        offset=41,
        timestamp_ms=1_790_000_000_123,
        key=b"\xff\x00",
        value=b"{}",
        headers={"reason": b"no JSON", "twice": b"2", "empty": b""},
    )


def test_a_record_may_be_empty() -> None:
    message = Message(topic="t", partition=0, offset=0, timestamp=(TIMESTAMP_NOT_AVAILABLE, -1))
    assert to_record(message) == Record(0, 0, -1, None, None, {})
    empty = to_record(Message(topic="t", partition=0, offset=0, key=b"", value=b"", timestamp=(0, -1)))
    assert (empty.key, empty.value) == (b"", b"")


def test_a_record_without_a_place_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected Kafka to say where a record is"):
        to_record(Message(topic="t", timestamp=(0, -1)))
