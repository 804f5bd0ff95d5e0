"""Topics that are filled from one place, so that every window's row is known before any peer has read them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pandas as pd
from bench_pipeline import PARTITIONS, TICK_S, Message, new_producer
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from jobs.reference.scored_windows import score_batch
from jobs.trials.sandbox import delete_topic
from model.artifact.artifact_folder import load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from stack.stack_status import StackStatus
from udfs.schema import MISSING, SESSION_COLUMNS, WINDOW_SIZE, WINDOW_SLIDE, Int64Array, MsgType, Session
from udfs.windows import session_windows, slide

Connections = Sequence[Sequence[Message]]
"""The messages of each connection, as key and value."""


class FilledTopic:
    """A topic, and what has been sent to it. A connection is in the partition of its number, by turns."""

    def __init__(self, stack: StackStatus, name: str, connections: Connections) -> None:
        self.name, self._connections = name, connections
        self._producer: Producer = new_producer(stack)
        self.n_sent = np.zeros(len(connections), dtype=np.int64)
        self.ends = np.zeros(PARTITIONS, dtype=np.int64)
        self._offsets = [np.zeros(len(messages), dtype=np.int64) for messages in connections]

    def send(self, n_each: int) -> None:
        """Send the next messages of every connection, those of one after those of another."""
        for number, messages in enumerate(self._connections):
            partition, first = number % PARTITIONS, int(self.n_sent[number])
            chosen = messages[first : first + n_each]
            for key, value in chosen:
                self._produce(partition, key, value)
            self._offsets[number][first : first + len(chosen)] = self.ends[partition] + np.arange(len(chosen))
            self.ends[partition] += len(chosen)
            self.n_sent[number] += len(chosen)
        self._producer.poll(0)

    def send_turns(self, n_turns: int, messages_per_s: float | None = None) -> None:
        """Send one message of every connection in turn, and so on; as fast as Kafka takes them if no rate is given."""
        started_s, n_done = time.monotonic(), 0
        per_tick = len(self._connections) if messages_per_s is None else max(1, round(messages_per_s * TICK_S))
        for _ in range(n_turns):
            for number, messages in enumerate(self._connections):
                self._send_next(number, messages)
                n_done += 1
                if n_done % per_tick == 0:
                    self._producer.poll(0)
                    if messages_per_s is not None:
                        time.sleep(max(0.0, started_s + n_done / messages_per_s - time.monotonic()))

    def stagger(self) -> None:
        """Send some connections a few messages ahead, so that their windows do not all end in the same turn."""
        for number, messages in enumerate(self._connections):
            for _ in range(number % WINDOW_SLIDE):
                self._send_next(number, messages)

    def flush(self) -> None:
        """Wait until Kafka has everything."""
        if left := self._producer.flush(120):
            raise SystemExit(f"Expected Kafka to take all messages, found {left} left: look at its log")

    def _send_next(self, number: int, messages: Sequence[Message]) -> None:
        partition, at = number % PARTITIONS, int(self.n_sent[number])
        self._produce(partition, *messages[at])
        self._offsets[number][at] = self.ends[partition]
        self.ends[partition] += 1
        self.n_sent[number] += 1

    def _produce(self, partition: int, key: bytes, value: bytes) -> None:
        while True:
            try:
                self._producer.produce(self.name, value, key, partition)
                return
            except BufferError:
                self._producer.poll(0.1)

    def last_offsets(self, number: int) -> Int64Array:
        """Return the offset of the last message of each window of a connection: what its rows are found by."""
        found: Int64Array = self._offsets[number][WINDOW_SIZE - 1 : self.n_sent[number] : WINDOW_SLIDE]
        return found

    @property
    def n_windows(self) -> int:
        """Complete windows of all connections."""
        return sum(len(self.last_offsets(number)) for number in range(len(self._connections)))

    @property
    def n_left(self) -> int:
        """Messages of each connection that have not been sent."""
        return min(len(messages) for messages in self._connections) - int(self.n_sent.max())

    def final_rows(self) -> list[tuple[str, int, int]]:
        """Name the last row of each partition by connection, partition and offset."""
        finals: dict[int, tuple[str, int, int]] = {}
        for number, messages in enumerate(self._connections):
            partition, offsets = number % PARTITIONS, self.last_offsets(number)
            if len(offsets) and (partition not in finals or finals[partition][2] < offsets[-1]):
                finals[partition] = (messages[0][0].decode(), partition, int(offsets[-1]))
        return list(finals.values())

    def reference_rows(self, number: int) -> pd.DataFrame:
        """Score a connection's windows without any peer: the rows as `score_batch` lays them out, in order."""
        n_sent = self.n_sent[number]
        session = _session([value for _, value in self._connections[number][:n_sent]])
        windows = session_windows(session)
        offsets = np.ascontiguousarray(slide(self._offsets[number][:n_sent]))
        return score_batch(windows, offsets, load_predictor(DEFAULT_ARTIFACT))[1]

    def name_of(self, number: int) -> str:
        """Return the id of a connection."""
        return self._connections[number][0][0].decode()

    def __len__(self) -> int:
        return len(self._connections)


def _session(values: Iterable[bytes]) -> Session:
    """Read a connection's messages back."""
    messages: list[dict[str, Any]] = [orjson.loads(value) for value in values]
    for message in messages:
        message["msg_type"] = MsgType[message["msg_type"]].value
    columns = {
        name: np.array([MISSING if m.get(name) is None else m[name] for m in messages], dtype=np.int64)
        for name in SESSION_COLUMNS
    }
    declared = messages[0]["declared_exchange"]
    return Session(connection_id=messages[0]["connection_id"], declared_exchange=declared, **columns)


def wait_for_groups(kafka: str) -> None:
    """Wait until a new broker knows of consumer groups: a client that asked too early asks again after ten minutes."""
    for is_last in (*[False] * 30, True):
        consumer = Consumer({"bootstrap.servers": kafka, "group.id": "the first"})
        try:
            consumer.committed([TopicPartition("none", 0)], timeout=10)
            return
        except KafkaException as error:
            if is_last:
                raise SystemExit(f"Expected Kafka to know of groups, found {error}: look at its log") from error
            time.sleep(1)
        finally:
            consumer.close()


@dataclass(frozen=True, kw_only=True)
class TopicMaker:
    """Makes topics on a stack from the same connections."""

    stack: StackStatus
    connections: Connections

    @contextmanager
    def topic(self, what: str) -> Iterator[FilledTopic]:
        """Make an empty topic, which is gone afterwards."""
        name = f"benchmark_{what}_{time.time_ns()}"
        admin = AdminClient({"bootstrap.servers": self.stack.kafka})  # must outlive what it promises
        config = {"message.timestamp.type": "LogAppendTime"}
        for made in admin.create_topics([NewTopic(name, PARTITIONS, config=config)]).values():
            made.result()
        try:
            yield FilledTopic(self.stack, name, self.connections)
        finally:
            delete_topic(self.stack, name)
