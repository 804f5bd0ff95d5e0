"""How far a topic's readers are, what its records are, and its end, on a real broker."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from ingest.kafka.broker import delete_records_up_to, delete_topics, ensure_topics
from ingest.kafka.committed_offsets import consumer_lags
from ingest.kafka.topic_reader import Span, TopicReader
from ingest.kafka.topic_settings import read_topic_settings
from stack.ports import free_port
from stack.stack_status import StackStatus
from udfs.errors import ConfigError, ServiceUnavailable

TOPIC = "topics_test"


@pytest.fixture(scope="module")
def kafka(local_stack: StackStatus) -> str:
    """Fill a topic of two partitions with five and three records, and return where it is."""
    ensure_topics(local_stack.kafka, [TOPIC], 2)
    producer = Producer({"bootstrap.servers": local_stack.kafka})
    for partition, n in ((0, 5), (1, 3)):
        for number in range(n):
            producer.produce(TOPIC, b"%d" % number, b"key", partition, headers=[("number", b"%d" % number)])
    assert producer.flush(60) == 0
    return local_stack.kafka


def commit(kafka: str, group: str, offsets: dict[int, int]) -> None:
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": group, "enable.auto.commit": False})
    places = [TopicPartition(TOPIC, partition, offset) for partition, offset in offsets.items()]
    consumer.commit(offsets=places, asynchronous=False)
    consumer.close()


def test_lags_are_those_of_every_group_that_has_committed(kafka: str) -> None:
    assert consumer_lags(kafka, TOPIC) == []
    commit(kafka, "one", {0: 4, 1: 1})
    assert sorted(consumer_lags(kafka, TOPIC)) == [1, 2]
    commit(kafka, "another", {0: 5})  # of partition 1 it has committed nothing, so all three records are before it
    assert sorted(consumer_lags(kafka, TOPIC)) == [0, 1, 2, 3]


def test_records_are_read_with_their_headers_and_places(kafka: str) -> None:
    with TopicReader(kafka, TOPIC) as reader:
        records = [record for span in reader.spans for some in reader.read(span) for record in some]
    assert [(record.partition, record.offset) for record in records] == [(0, n) for n in range(5)] + [
        (1, n) for n in range(3)
    ]
    assert all(record.headers == {"number": record.value} and record.key == b"key" for record in records)
    assert all(record.timestamp_ms > 1_700_000_000_000 for record in records)


def test_a_span_is_read_from_its_first_record_that_is_left(kafka: str) -> None:
    with TopicReader(kafka, TOPIC) as reader:
        of_one, of_other = (
            [record.offset for some in reader.read(span) for record in some]
            for span in (Span(partition=0, first=2, end=4), Span(partition=1, first=1, end=3))
        )
        assert (of_one, of_other) == ([2, 3], [1, 2])
        delete_records_up_to(kafka, TOPIC, 1, 1)
        assert [record.offset for some in reader.read(Span(partition=1, first=0, end=3)) for record in some] == [2]


def test_a_broker_that_is_away_is_one_sentence() -> None:
    with pytest.raises(ServiceUnavailable, match="Expected Kafka at 127.0.0.1:[0-9]+ to answer, found"):
        consumer_lags(f"127.0.0.1:{free_port()}", TOPIC)


def test_deleted_topics_are_gone_and_those_that_never_were_are_passed_over(
    kafka: str, wait_until: Callable[..., None]
) -> None:
    delete_topics(kafka, [TOPIC, "never_there"])

    def is_gone() -> bool:
        try:
            TopicReader(kafka, TOPIC)
        except ConfigError as error:
            return "no such topic" in str(error)
        return False

    wait_until(is_gone, what="the end of the topic")


def test_settings_that_endanger_job_or_results_are_told(local_stack: StackStatus) -> None:
    kafka, topic, other = local_stack.kafka, "usual_topic", "topic_of_large_batches"
    assert read_topic_settings(kafka, topic) is None
    ensure_topics(kafka, [topic], 1)
    usual = read_topic_settings(kafka, topic)
    assert usual is not None
    assert (usual.cleanup_policy, list(usual.complaints(topic))) == ("delete", [])
    settings = {"max.message.bytes": "10000000", "cleanup.policy": "compact"}
    admin = AdminClient({"bootstrap.servers": kafka})  # without a name it would be gone before its answer
    admin.create_topics([NewTopic(other, 1, config=settings)])[other].result()
    changed = read_topic_settings(kafka, other)
    assert changed is not None
    large, compacted = changed.complaints(other)
    assert "max.message.bytes of topic_of_large_batches to be at most 2,097,152, found 10,000,000" in large
    assert "cleanup.policy of topic_of_large_batches to be delete, found compact" in compacted
