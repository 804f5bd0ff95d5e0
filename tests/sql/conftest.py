"""A migrated database, and windows to put into it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from jobs.pipeline.result_tables import RESULT_TABLES
from jobs.results.migrations import migrate

START_AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Window:
    """One row of window_scores; what a test does not care about has a default."""

    connection_id: str
    last_offset: int
    probabilities: dict[str, float]
    declared_exchange: str | None = None
    kafka_partition: int = 0
    window_start_at: datetime = START_AT
    window_end_at: datetime = START_AT + timedelta(seconds=7)
    scored_at: datetime = field(default=START_AT + timedelta(seconds=7, milliseconds=250))
    model_version: str = "test-1"
    features: list[float | None] | None = None

    @property
    def predicted_exchange(self) -> str:
        return max(sorted(self.probabilities), key=lambda name: self.probabilities[name])

    def row(self) -> dict[str, object]:
        return asdict(self) | {
            "first_offset": self.last_offset - 49,
            "predicted_exchange": self.predicted_exchange,
            "confidence": self.probabilities[self.predicted_exchange],
            "probabilities": json.dumps(self.probabilities),
            "unknown_score": self.probabilities.get("unknown", 0.0),
        }


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One row of connection_verdicts; what a test does not care about has a default."""

    connection_id: str
    verdict: str = "kraken"
    certainty: str = "certain"
    declared_exchange: str | None = "kraken"
    probability: float = 0.99
    strength_nats: float = 12.5
    windows: int = 3
    messages: int = 100
    certain_after_messages: int | None = 75
    since_at: datetime | None = START_AT
    since_offset: int | None = 0
    previous_verdict: str | None = None
    kafka_partition: int = 0
    last_offset: int = 99
    last_window_end_at: datetime = START_AT + timedelta(seconds=7)
    signature: str = "xf1-N-t0-h1s-sc"
    model_version: str = "test-1"
    updated_at: datetime = START_AT


@dataclass(frozen=True, kw_only=True)
class Event:
    """One row of connection_events; what a test does not care about has a default."""

    connection_id: str
    kind: str = "mismatch"
    verdict: str = "kraken"
    declared_exchange: str | None = "binance"
    previous_verdict: str | None = None
    kafka_partition: int = 0
    last_offset: int = 99
    since_at: datetime = START_AT
    since_offset: int = 0
    detected_at: datetime = START_AT + timedelta(seconds=7)
    messages: int = 100
    windows: int = 2
    strength_nats: float = 12.5
    probability: float = 0.99
    reasons: str = '{"against": "binance", "reasons": [{"text": "heartbeats"}, {"text": "and more"}]}'
    signature: str = "xf1-N-t0-h1s-sc"
    model_version: str = "test-1"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One row of health_events; what a test does not care about has a default."""

    connection_id: str
    kind: str = "stall"
    declared_exchange: str | None = "kraken"
    kafka_partition: int = 0
    kafka_offset: int = 300
    messages: int = 301
    since_at: datetime = START_AT
    since_offset: int = 299
    detected_at: datetime = START_AT + timedelta(seconds=31)
    seq_before: int | None = None
    seq: int | None = None
    n_missing: int | None = None
    silence_s: float | None = 31.04
    limit_s: float | None = 5.0
    rate_before: float | None = None
    rate_now: float | None = None
    score: float | None = None


@dataclass(frozen=True, kw_only=True)
class Activity:
    """One row of connection_activity; what a test does not care about has a default."""

    connection_id: str
    last_recv_at: datetime
    declared_exchange: str | None = "kraken"
    kafka_partition: int = 0
    last_offset: int = 299
    messages: int = 300
    silence_limit_s: float | None = 5.0
    last_heartbeat_at: datetime | None = None


Row = Window | Verdict | Event | Fault | Activity
TABLES = {
    "Window": "window_scores",
    "Verdict": "connection_verdicts",
    "Event": "connection_events",
    "Fault": "health_events",
    "Activity": "connection_activity",
}
EXAMPLES = {
    "bigint": 7,
    "integer": 7,
    "double precision": 0.25,
    "text": "example",
    "timestamp with time zone": START_AT,
    "jsonb": "{}",
    "real[]": [0.25],
}


@pytest.fixture(scope="module")
def migrated(database_url: str) -> Iterator[Connection]:
    migrate(database_url)
    with closing(psycopg2.connect(database_url)) as connection:
        connection.autocommit = True
        yield connection


@pytest.fixture
def database(migrated: Connection) -> Iterator[Connection]:
    """Give each test the migrated database without rows."""
    yield migrated
    with migrated.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(TABLES.values())}, model_activations, model_versions")


@pytest.fixture
def window() -> type[Window]:
    return Window


@pytest.fixture
def verdict() -> type[Verdict]:
    return Verdict


@pytest.fixture
def event() -> type[Event]:
    return Event


@pytest.fixture
def fault() -> type[Fault]:
    return Fault


@pytest.fixture
def activity() -> type[Activity]:
    return Activity


@pytest.fixture
def insert(database: Connection) -> Callable[[Sequence[Row]], None]:
    """Return a function that stores rows; a column of the job's that a row does not state gets a value of its type."""

    def insert_rows(rows: Sequence[Row]) -> None:
        with database.cursor() as cursor:
            for given in rows:
                table = RESULT_TABLES[TABLES[type(given).__name__]]
                examples = {name: EXAMPLES[table.postgres_types[name]] for name in table.results}
                row = examples | (given.row() if isinstance(given, Window) else asdict(given))
                columns = ", ".join(row)
                values = ", ".join(f"%({name})s" for name in row)
                cursor.execute(f"INSERT INTO {table.name} ({columns}) VALUES ({values})", row)

    return insert_rows


@pytest.fixture
def select(database: Connection) -> Callable[..., list[dict[str, object]]]:
    def select_rows(statement: str, *arguments: object) -> list[dict[str, object]]:
        with database.cursor() as cursor:
            cursor.execute(statement, arguments)
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    return select_rows


@pytest.fixture
def register(database: Connection) -> Callable[..., None]:
    """Register a model by what its manifest says."""

    def register_model(model_version: str, **manifest: object) -> None:
        with database.cursor() as cursor:
            cursor.execute(
                "INSERT INTO model_versions (model_version, manifest, sha256) VALUES (%s, %s, %s)",
                (model_version, json.dumps(manifest), "0" * 64),
            )

    return register_model
