"""The one Kafka producer: sessions become messages of a topic, in the order and, if asked, the pace of their clocks."""

from __future__ import annotations

import heapq
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final, NamedTuple

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError, TopicAlreadyExistsError
from kafka.partitioner.default import murmur2
from kafka.producer.future import FutureRecordMetadata

from ingest.messages import encode
from ingest.pace import Pace
from udfs.errors import ConfigError
from udfs.schema import Session

CONNECT_TIMEOUT_MS: Final = 10_000
_DELIVERY_TIMEOUT_MS: Final = 60_000
_REQUEST_TIMEOUT_MS: Final = 15_000
_CLOSE_S: Final = 2
_RECONNECT_MS: Final = 1_000
"""A restarted broker is back after a few seconds; the client's own back-off grows to 30."""

_COMPRESSION: Final = "zstd"
"""kafka-python computes checksums in Python, byte by byte, so small batches are fast batches; zstandard comes with
apache-flink."""

_BATCH_BYTES: Final = 128 * 1024
_LINGER_MS: Final = 5
_MOST_UNACKNOWLEDGED: Final = 20_000
"""Bounds the memory: the client's own buffer has no bound."""

_PROGRESS_EVERY_S: Final = 0.2
_LONGEST_CAUSE: Final = 160

_ADDRESSES: Final = re.compile(r"[^\s,]+:[0-9]{1,5}(,[^\s,]+:[0-9]{1,5})*")


@dataclass(frozen=True, kw_only=True)
class PublishReport:
    """What was published: every message counted here was acknowledged by the broker."""

    messages: int
    connections: int
    seconds: float


class _Record(NamedTuple):
    recv_ts_ns: int
    partition: int
    key: bytes
    value: bytes


def ensure_topics(bootstrap_servers: str, names: Sequence[str], partitions: int) -> None:
    """Create the topics that are not there yet; those that are keep their partitions.

    Raises
    ------
    ConfigError
        If Kafka does not answer within `CONNECT_TIMEOUT_MS`, or refuses.
    """
    with _kafka_errors(bootstrap_servers), closing(_connect_admin(bootstrap_servers)) as admin:
        for name in sorted(set(names) - set(admin.list_topics())):
            try:
                admin.create_topics({name: {"num_partitions": partitions}}, wait_for_metadata=True)
            except TopicAlreadyExistsError:
                continue  # somebody else was faster


def publish(
    sessions: Sequence[Session],
    *,
    bootstrap_servers: str,
    topic: str,
    speed: float | None = None,
    progress: Callable[[int], None] = lambda _: None,
    stop: threading.Event | None = None,
) -> PublishReport:
    """Publish the messages of sessions, merged by receive time, with the connection_id as key.

    Within a connection the order is that of its session, even where its clock goes backwards. Every message is
    acknowledged by all replicas, and the producer is idempotent: a retry neither doubles nor reorders.

    Parameters
    ----------
    sessions : sequence of Session
        Their connection_ids must differ.
    bootstrap_servers : str
        Addresses of Kafka, "host:port[,host:port]".
    topic : str
        Must exist.
    speed : float, optional
        1.0 for the recorded pace, 2.0 for twice as fast; None for as fast as possible. Time during which none of the
        connections was open is skipped, so captures of different days follow each other at once.
    progress : function, optional
        Called with the number of messages handed over, about five times a second and at the end.
    stop : threading.Event, optional
        Once set, nothing more is handed over; what was is still delivered and counted.

    Raises
    ------
    ConfigError
        If two sessions have one connection_id, the speed is not positive, Kafka does not answer, the topic is not
        there, or a message was not acknowledged.
    """
    _check_connections(sessions)
    pace = None if speed is None else Pace(sessions, speed)
    stop = stop or threading.Event()
    started_s = time.monotonic()
    with _kafka_errors(bootstrap_servers), _connect_producer(bootstrap_servers) as producer:
        records = _merge(sessions, _partitions(producer, bootstrap_servers, topic))
        if pace is not None:
            records = _paced(records, pace, stop)
        n_messages = _send_all(producer, topic, records, progress, stop)
    return PublishReport(messages=n_messages, connections=len(sessions), seconds=time.monotonic() - started_s)


def _check_connections(sessions: Sequence[Session]) -> None:
    names = sorted(session.connection_id for session in sessions)
    for first, second in pairwise(names):
        if first == second:
            raise ConfigError(
                f"expected every connection to have its own connection_id, but {first!r} occurs twice: "
                "publish the two one after the other, or rename one"
            )


def _merge(sessions: Sequence[Session], partitions: Sequence[int]) -> Iterator[_Record]:
    """Merge by time; `heapq.merge` takes only the head of each session, so it never reorders within one."""
    streams = (_records(session, partitions) for session in sessions)
    return heapq.merge(*streams, key=lambda record: record.recv_ts_ns)


def _records(session: Session, partitions: Sequence[int]) -> Iterator[_Record]:
    key = session.connection_id.encode()
    partition = partitions[(murmur2(key) & 0x7FFFFFFF) % len(partitions)]  # as every Kafka client does, but once
    for index, value in enumerate(encode(session)):
        yield _Record(int(session.recv_ts_ns[index]), partition, key, value)


def _paced(records: Iterator[_Record], pace: Pace, stop: threading.Event) -> Iterator[_Record]:
    started_s = time.monotonic()
    for record in records:
        wait_s = started_s + pace.due_s(record.recv_ts_ns) - time.monotonic()
        if wait_s > 0 and stop.wait(wait_s):
            return
        yield record


def _send_all(
    producer: KafkaProducer,
    topic: str,
    records: Iterator[_Record],
    progress: Callable[[int], None],
    stop: threading.Event,
) -> int:
    n_messages, reported_s = 0, time.monotonic()
    unacknowledged: deque[FutureRecordMetadata] = deque()
    for record in records:
        if stop.is_set():
            break
        future = producer.send(topic, record.value, record.key, partition=record.partition)
        unacknowledged.append(future)
        n_messages += 1
        if len(unacknowledged) >= _MOST_UNACKNOWLEDGED:
            _acknowledge(unacknowledged, _MOST_UNACKNOWLEDGED // 2)
        if time.monotonic() - reported_s >= _PROGRESS_EVERY_S:
            progress(n_messages)
            reported_s = time.monotonic()
    producer.flush()
    _acknowledge(unacknowledged, len(unacknowledged))
    progress(n_messages)
    return n_messages


def _acknowledge(futures: deque[FutureRecordMetadata], n: int) -> None:
    """Wait for the oldest `n` messages; an error of delivery is raised here."""
    for future in islice(futures, n):
        future.get(timeout=_DELIVERY_TIMEOUT_MS / 1_000)
    for _ in range(n):
        futures.popleft()


def _partitions(producer: KafkaProducer, bootstrap_servers: str, topic: str) -> list[int]:
    try:
        return sorted(producer.partitions_for(topic))
    except (KafkaError, ValueError) as error:  # ValueError: the name is not allowed
        raise ConfigError(
            f"expected the topic {topic} on Kafka at {bootstrap_servers}, but found "
            f"{str(error)[:_LONGEST_CAUSE]}: create it"
        ) from error


def _connect_admin(bootstrap_servers: str) -> KafkaAdminClient:
    return KafkaAdminClient(
        bootstrap_servers=bootstrap_servers,
        bootstrap_timeout_ms=CONNECT_TIMEOUT_MS,
        request_timeout_ms=_REQUEST_TIMEOUT_MS,
    )


@contextmanager
def _connect_producer(bootstrap_servers: str) -> Iterator[KafkaProducer]:
    producer = KafkaProducer(
        bootstrap_servers=bootstrap_servers,
        bootstrap_timeout_ms=CONNECT_TIMEOUT_MS,
        reconnect_backoff_max_ms=_RECONNECT_MS,
        max_block_ms=CONNECT_TIMEOUT_MS,
        request_timeout_ms=_REQUEST_TIMEOUT_MS,
        delivery_timeout_ms=_DELIVERY_TIMEOUT_MS,
        acks="all",
        enable_idempotence=True,
        compression_type=_COMPRESSION,
        batch_size=_BATCH_BYTES,
        linger_ms=_LINGER_MS,
        allow_auto_create_topics=False,
        metrics_enabled=False,
    )
    try:
        yield producer
    except BaseException:
        # close() would wait for what can no longer be delivered, without end or raising in the finalizer.
        producer._sender.force_close()
        raise
    finally:
        producer.close(timeout=_CLOSE_S)


@contextmanager
def _kafka_errors(bootstrap_servers: str) -> Iterator[None]:
    """Refuse what is no address, and translate what the client raises, here and nowhere else."""
    if not _ADDRESSES.fullmatch(bootstrap_servers):
        raise ConfigError(f"expected Kafka's address as host:port[,host:port], but found {bootstrap_servers!r}")
    try:
        yield
    except (KafkaError, OSError) as error:
        raise ConfigError(
            f"expected Kafka at {bootstrap_servers} to answer, but found {str(error)[:_LONGEST_CAUSE]}: "
            "check the address and that the broker runs"
        ) from error
