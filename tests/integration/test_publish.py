"""The producer against a real broker: order, keys, pace, and what it says when something is wrong."""

from __future__ import annotations

import json
import threading
import time

import numpy as np
import pytest
from kafka import KafkaConsumer, TopicPartition

from ingest.kafka.broker import ensure_topics
from ingest.kafka.session_publisher import publish
from stack.stack_status import StackStatus
from udfs.errors import ConfigError
from udfs.schema import MISSING, Session

START_NS = 1_790_000_000_000_000_000
MS_NS = 1_000_000


def make_session(name: str, times_ms: list[int]) -> Session:
    """Make a session whose k-th message has sequence number k."""
    n = len(times_ms)
    missing = np.full(n, MISSING)
    return Session(
        connection_id=name,
        declared_exchange="kraken",
        recv_ts_ns=START_NS + np.array(times_ms) * MS_NS,
        exchange_ts_ns=missing,
        msg_type=np.zeros(n, dtype=np.int64),
        seq=np.arange(n),
        request_id=missing,
        payload_bytes=np.full(n, 10),
    )


def read_topic(stack: StackStatus, topic: str) -> list[tuple[int, str, dict[str, object]]]:
    with KafkaConsumer(bootstrap_servers=stack.kafka) as consumer:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        left = sum(consumer.end_offsets(partitions).values())
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        found: list[tuple[int, str, dict[str, object]]] = []
        while len(found) < left:
            for records in consumer.poll(timeout_ms=1000).values():
                found += [(r.partition, r.key.decode(), json.loads(r.value or b"{}")) for r in records]
    return found


def stop_once_written(stack: StackStatus, topic: str, n_records: int, stop: threading.Event) -> None:
    """Ask for the end once the topic's only partition has so many records, or after two minutes."""
    end_s, partition = time.monotonic() + 120, TopicPartition(topic, 0)
    try:
        with KafkaConsumer(bootstrap_servers=stack.kafka) as consumer:
            while consumer.end_offsets([partition])[partition] < n_records and time.monotonic() < end_s:
                time.sleep(0.05)
    finally:
        stop.set()


def test_order_holds_within_a_connection_even_where_its_clock_goes_back(local_stack: StackStatus) -> None:
    ensure_topics(local_stack.kafka, ["ordered"], 3)
    ensure_topics(local_stack.kafka, ["ordered"], 3)
    sessions = [make_session(f"c{i}", [5, 1, 9, 2, 2, 30 + i, 0, 7] * 40) for i in range(5)]
    heard: list[int] = []
    report = publish(sessions, bootstrap_servers=local_stack.kafka, topic="ordered", progress=heard.append)
    assert (report.messages, report.connections, heard[-1]) == (1600, 5, 1600)
    found = read_topic(local_stack, "ordered")
    for session in sessions:
        own = [(partition, message) for partition, key, message in found if key == session.connection_id]
        assert len({partition for partition, _ in own}) == 1
        assert [message["seq"] for _, message in own] == list(range(320))
        assert [message["recv_ts_ns"] for _, message in own] == session.recv_ts_ns.tolist()
        assert {message["connection_id"] for _, message in own} == {session.connection_id}
        assert {message["declared_exchange"] for _, message in own} == {"kraken"}


def test_messages_of_several_connections_are_merged_by_time(local_stack: StackStatus) -> None:
    ensure_topics(local_stack.kafka, ["merged"], 1)
    sessions = [make_session("even", list(range(0, 100, 2))), make_session("odd", list(range(1, 100, 2)))]
    publish(sessions, bootstrap_servers=local_stack.kafka, topic="merged")
    times = [message["recv_ts_ns"] for _, _, message in read_topic(local_stack, "merged")]
    assert times == [START_NS + ms * MS_NS for ms in range(100)]


def test_the_recorded_pace_is_kept(local_stack: StackStatus) -> None:
    ensure_topics(local_stack.kafka, ["paced"], 1)
    report = publish(
        [make_session("slow", [0, 400, 800, 1200])], bootstrap_servers=local_stack.kafka, topic="paced", speed=2.0
    )
    assert report.seconds >= 0.6


def test_a_stop_loses_nothing_that_was_handed_over(local_stack: StackStatus) -> None:
    ensure_topics(local_stack.kafka, ["stopped"], 1)
    stop = threading.Event()
    stopping = threading.Thread(target=stop_once_written, args=(local_stack, "stopped", 1, stop))
    stopping.start()
    session = make_session("long", list(range(0, 600_000, 10)))
    report = publish([session], bootstrap_servers=local_stack.kafka, topic="stopped", speed=1.0, stop=stop)
    stopping.join()
    assert 0 < report.messages < len(session)
    assert len(read_topic(local_stack, "stopped")) == report.messages


def test_two_connections_of_one_name_are_refused(local_stack: StackStatus) -> None:
    with pytest.raises(ConfigError, match="'twin' twice"):
        publish([make_session("twin", [1]), make_session("twin", [2])], bootstrap_servers=local_stack.kafka, topic="t")


def test_a_topic_that_is_not_there_is_named(local_stack: StackStatus) -> None:
    with pytest.raises(ConfigError, match="Expected the topic nowhere on Kafka"):
        publish([make_session("c", [1])], bootstrap_servers=local_stack.kafka, topic="nowhere")


def test_ends_are_said_behind_the_last_message_also_where_it_was_stopped(local_stack: StackStatus) -> None:
    ensure_topics(local_stack.kafka, ["ended"], 1)
    stop = threading.Event()
    sessions = [make_session("short", [0, 1]), make_session("long", [0, 2, 10**6]), make_session("late", [10**6])]
    stopping = threading.Thread(target=stop_once_written, args=(local_stack, "ended", 5, stop))
    stopping.start()
    report = publish(sessions, bootstrap_servers=local_stack.kafka, topic="ended", speed=1.0, stop=stop, says_ends=True)
    stopping.join()
    assert report.messages == 4
    told = [(key, message.get("seq")) for _, key, message in read_topic(local_stack, "ended")]
    assert told == [("short", 0), ("long", 0), ("short", 1), ("short", None), ("long", 1), ("long", None)]
