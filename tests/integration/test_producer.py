"""The producer against a real broker that is killed, falls silent or refuses: nothing is lost, doubled or reordered."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.partitioner.default import murmur2

from ingest.kafka.backlog import Capacity
from ingest.kafka.broker import ensure_topics
from ingest.kafka.producer import Producer
from stack.control import status
from stack.stack_status import StackStatus
from udfs.errors import ConfigError, ServiceUnavailable

# A client of kafka-python, in these tests and those before them, may leave a socket behind when its broker is killed.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
)

PLENTY = Capacity(messages=100_000, value_bytes=100_000_000)

JAVA_MURMUR2 = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}
"""From UtilsTest of Apache Kafka's own client."""


@pytest.fixture
def topic(local_stack: StackStatus, request: pytest.FixtureRequest) -> str:
    """Make a topic of the test's own."""
    name = request.node.originalname
    ensure_topics(local_stack.kafka, [name], 3)
    return name


@pytest.fixture
def read(read_records: Callable[[str], Iterator[Any]]) -> Callable[[str], dict[bytes, list[int]]]:
    """Return a function that reads the numbers of each key, in the order of their partition."""

    def numbers(topic: str) -> dict[bytes, list[int]]:
        found: dict[bytes, list[int]] = {}
        for record in read_records(topic):
            found.setdefault(record.key, []).append(json.loads(record.value))
        return found

    return numbers


def send(producer: Producer, numbers: range, n_keys: int = 10) -> None:
    for number in numbers:
        producer.send(b"key-%d" % (number % n_keys), b"%d" % number)


def expected(n: int, n_keys: int = 10) -> dict[bytes, list[int]]:
    return {b"key-%d" % key: list(range(key, n, n_keys)) for key in range(n_keys)}


def broker_pid(stack: StackStatus) -> int:
    pid = status(stack.home).part("kafka").pid
    assert pid is not None
    return pid


@contextmanager
def silent_broker(stack: StackStatus) -> Iterator[None]:
    """Stop the broker's process, connections and all, without ending it."""
    pid = broker_pid(stack)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_keys_go_where_java_clients_put_them(
    local_stack: StackStatus, topic: str, read_records: Callable[[str], Iterator[Any]]
) -> None:
    keys = [*JAVA_MURMUR2, *(f"kraken-v2-é{number}".encode() for number in range(500))]
    with Producer(local_stack.kafka, topic, capacity=PLENTY) as producer:
        for key in keys:
            producer.send(key, b"0")
        assert producer.flush(60) == 0
    found = {record.key: record.partition for record in read_records(topic)}
    java = {key: JAVA_MURMUR2.get(key, murmur2(key)) for key in keys}
    assert found == {key: (number & 0x7FFFFFFF) % 3 for key, number in java.items()}


def test_a_killed_broker_costs_nothing(
    local_stack: StackStatus,
    topic: str,
    read: Callable[[str], dict[bytes, list[int]]],
    wait_until: Callable[..., None],
    capfd: pytest.CaptureFixture[str],
) -> None:
    with Producer(local_stack.kafka, topic, capacity=PLENTY) as producer:

        def reachable() -> bool:
            producer.poll()
            return producer.health().reachable

        send(producer, range(5_000))
        os.kill(broker_pid(local_stack), signal.SIGKILL)
        send(producer, range(5_000, 10_000))
        wait_until(lambda: not reachable(), what="noticing that the broker is away")
        send(producer, range(10_000, 15_000))
        wait_until(reachable, what="noticing that the broker is back")
        send(producer, range(15_000, 20_000))
        assert producer.flush(60) == 0
        health = producer.health()
    assert (health.sent, health.acknowledged, health.waiting_bytes, health.oldest_waiting_s) == (20_000, 20_000, 0, 0.0)
    assert read(topic) == expected(20_000)
    assert capfd.readouterr() == ("", "")
    wait_until(lambda: status(local_stack.home).is_ready, what="the stack")


def test_a_full_buffer_says_so_and_takes_what_still_comes(
    local_stack: StackStatus,
    topic: str,
    read: Callable[[str], dict[bytes, list[int]]],
    wait_until: Callable[..., None],
) -> None:
    capacity = Capacity(messages=1_000, value_bytes=1_000_000)
    with Producer(local_stack.kafka, topic, capacity=capacity) as producer:
        send(producer, range(100))
        assert producer.flush(60) == 0
        with silent_broker(local_stack):
            send(producer, range(100, 1_099))
            assert not producer.full
            wait_until(lambda: producer.health().buffer_lasts_s is not None, what="a rate")
            assert (producer.health().buffer_lasts_s or 0) > 0
            send(producer, range(1_099, 1_100))
            assert producer.full
            send(producer, range(1_100, 1_600))
            wait_until(lambda: producer.poll() or not producer.health().reachable, what="noticing the silence")
            health = producer.health()
            assert (health.sent, health.acknowledged, health.waiting_messages) == (1_600, 100, 1_500)
            assert health.waiting_bytes == sum(len(str(number)) for number in range(100, 1_600))
            assert health.oldest_waiting_s > 1
            assert health.buffer_lasts_s == 0.0
            assert producer.flush(0.1) == 1_500
        assert producer.flush(60) == 0
        assert not producer.full
        assert producer.health().reachable
    assert read(topic) == expected(1_600)


def test_more_than_twice_the_capacity_waits_for_room(
    local_stack: StackStatus, topic: str, read: Callable[[str], dict[bytes, list[int]]]
) -> None:
    with Producer(local_stack.kafka, topic, capacity=Capacity(messages=100, value_bytes=10_000)) as producer:
        with silent_broker(local_stack):
            send(producer, range(200))
            again = threading.Timer(0.5, os.kill, [broker_pid(local_stack), signal.SIGCONT])
            again.start()
            send(producer, range(200, 1_000))
            again.join()
        assert producer.flush(60) == 0
    assert read(topic) == expected(1_000)


@pytest.mark.parametrize("asked", [True, False])
def test_what_was_not_delivered_is_counted(
    asked: bool, local_stack: StackStatus, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as until_left:
        with Producer(local_stack.kafka, topic, capacity=PLENTY) as producer:
            send(producer, range(10))
            assert producer.flush(60) == 0
            until_left.enter_context(silent_broker(local_stack))
            send(producer, range(10, 15))
            assert producer.flush(0.1) == 5
            if asked:
                assert producer.close() == 5
        assert producer.close() == 5
    assert ("5 messages were not acknowledged" in caplog.text) is not asked


def test_a_replay_gives_up(local_stack: StackStatus, topic: str) -> None:
    with Producer(local_stack.kafka, topic, capacity=PLENTY, give_up_after_s=1) as producer:
        with silent_broker(local_stack):
            send(producer, range(10))
            with pytest.raises(ServiceUnavailable, match="^Expected Kafka at .* to answer, found .*: check the"):
                producer.flush()
        with pytest.raises(ServiceUnavailable, match="to answer"):
            producer.send(b"key", b"value")


def test_a_refused_message_is_one_sentence_at_the_next_call(local_stack: StackStatus) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=local_stack.kafka)) as admin:
        narrow = NewTopic("narrow", num_partitions=1, topic_configs={"max.message.bytes": "100"})
        admin.create_topics([narrow], wait_for_metadata=True)
    refusal = "^Expected Kafka at .* to accept messages for the topic narrow, found .*too large.*: check the topic"
    with Producer(local_stack.kafka, "narrow", capacity=PLENTY) as producer:
        producer.send(b"key", os.urandom(1_000))
        with pytest.raises(ConfigError, match=refusal):
            producer.flush(60)
        with pytest.raises(ConfigError, match=refusal):
            producer.send(b"key", b"value")
        assert producer.health().acknowledged == 0
    with (
        Producer(local_stack.kafka, "narrow", capacity=PLENTY) as producer,
        pytest.raises(ConfigError, match=refusal),
    ):
        producer.send(b"key", bytes(2_000_000))


def test_a_topic_that_cannot_be_is_named(local_stack: StackStatus) -> None:
    with pytest.raises(ConfigError, match="^Expected Kafka at .* to accept the new topic no/name, found .*: check"):
        ensure_topics(local_stack.kafka, ["no/name"], 1)
