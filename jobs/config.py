"""Settings of the job and of the services it talks to, each default in one place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from model.registry.database_url import Database
from udfs.errors import ConfigError
from udfs.schema import WINDOW_SLIDE
from udfs.windows import IDLE_GAP_NS

TOPIC = "raw_messages"
DEAD_LETTER_TOPIC = "raw_messages_dlq"
TOPIC_PARTITIONS = 4

JOB_NAME = "Exchange fingerprinting"

_NS_PER_MINUTE = 60 * 10**9


@dataclass(frozen=True, kw_only=True)
class JobSettings:
    """What the Flink job can be told.

    Attributes
    ----------
    kafka : str
        Bootstrap servers.
    kafka_security : mapping of str to str
        Settings of Java's clients of Kafka that say how to log in, without a secret.
    database : Database
        Where the results go.
    topic, dead_letter_topic : str
        Where messages come from, and where goes what is none.
    parallelism : int
        Flink subtasks of every operator.
    idle_gap_minutes : float
        After a longer gap, by the messages' receive times, a connection's counting and its verdict start anew.
    downtime_hours : float
        How much later than it was received a message may be processed, at most: see `state_ttl_s`.
    bundle_ms, flush_ms : int
        How long Python waits for windows, and JDBC for rows: latency against throughput.
    checkpoint_ms : int
        Time between checkpoints.
    state_backend : {"hashmap", "rocksdb"} or None
        Where Flink keeps what it knows of connections: on the heap, or on disk when that is too small; None for what
        the cluster is set to.
    stop_at_end : bool
        Read what is in the topic now and finish, instead of going on for ever.
    """

    kafka: str
    database: Database
    kafka_security: Mapping[str, str] = field(default_factory=dict)
    topic: str = TOPIC
    dead_letter_topic: str = DEAD_LETTER_TOPIC
    parallelism: int = 1
    idle_gap_minutes: float = IDLE_GAP_NS / _NS_PER_MINUTE
    downtime_hours: float = 24.0
    bundle_ms: int = 10
    flush_ms: int = 10
    checkpoint_ms: int = 5000
    state_backend: Literal["hashmap", "rocksdb"] | None = None
    stop_at_end: bool = False

    def __post_init__(self) -> None:
        for name in ("parallelism", "bundle_ms", "flush_ms", "checkpoint_ms", "idle_gap_minutes", "downtime_hours"):
            _check_is_above_0(name, getattr(self, name))

    @property
    def idle_gap_ns(self) -> int:
        """The longest idle gap within a segment."""
        return to_idle_gap_ns(self.idle_gap_minutes)

    @property
    def state_ttl_s(self) -> int:
        """How long Flink keeps what it knows of a connection, by the machine's clock, after it last wrote it.

        Within a segment the next message is received at most an idle gap later, and what is kept of windows is written
        at each 25th message. So as long as none waits `downtime_hours` longer to be processed than one of the 25 before
        it, nothing expires that a message of its segment still needs; what another segment left is not looked at.
        """
        return round(WINDOW_SLIDE * self.idle_gap_minutes * 60 + self.downtime_hours * 3600)


def to_idle_gap_ns(idle_gap_minutes: float) -> int:
    """Convert the longest idle gap within a segment, or raise ConfigError if it is none."""
    _check_is_above_0("idle_gap_minutes", idle_gap_minutes)
    return round(idle_gap_minutes * _NS_PER_MINUTE)


def _check_is_above_0(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise ConfigError(f"Expected {name.replace('_', '-')} to be a number above 0, found {value}: correct it")
