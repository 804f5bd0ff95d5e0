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

from jobs.migrate import migrate

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
        cursor.execute("TRUNCATE window_scores, model_versions")


@pytest.fixture
def window() -> type[Window]:
    return Window


@pytest.fixture
def insert(database: Connection) -> Callable[[Sequence[Window]], None]:
    def insert_windows(windows: Sequence[Window]) -> None:
        with database.cursor() as cursor:
            for row in (window.row() for window in windows):
                columns = ", ".join(row)
                values = ", ".join(f"%({name})s" for name in row)
                cursor.execute(f"INSERT INTO window_scores ({columns}) VALUES ({values})", row)  # noqa: S608 (our own names)

    return insert_windows


@pytest.fixture
def select(database: Connection) -> Callable[..., list[dict[str, object]]]:
    def select_rows(statement: str, *arguments: object) -> list[dict[str, object]]:
        with database.cursor() as cursor:
            cursor.execute(statement, arguments)
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    return select_rows
