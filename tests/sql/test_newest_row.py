"""Of what is written of a connection the newest stays, in whatever order it is written: by the job's own statement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg2.extensions import connection as Connection

Upsert = Callable[[Sequence[Any]], None]
Select = Callable[..., list[dict[str, Any]]]

S = timedelta(seconds=1)
START_AT = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture
def upsert(database: Connection) -> Upsert:
    """Return a function that writes rows one after the other, as the JDBC connector does."""

    def write(rows: Sequence[Any]) -> None:
        with database.cursor() as cursor:
            for row in rows:
                table = {"Verdict": "connection_verdicts", "Activity": "connection_activity"}[type(row).__name__]
                names = list(asdict(row))
                columns, values = ", ".join(names), ", ".join(f"%({name})s" for name in names)
                changes = ", ".join(f"{name} = EXCLUDED.{name}" for name in names)
                cursor.execute(
                    f"INSERT INTO {table} ({columns}) VALUES ({values}) "
                    f"ON CONFLICT (connection_id) DO UPDATE SET {changes}",
                    asdict(row),
                )

    return write


@pytest.fixture
def verdicts(verdict: Any) -> list[Any]:
    """Return what a connection's windows 25 messages and 5 s apart say in turn."""
    first = verdict(connection_id="c")
    return [
        replace(
            first,
            last_offset=49 + 25 * i,
            messages=50 + 25 * i,
            last_window_end_at=first.last_window_end_at + 5 * i * S,
        )
        for i in range(4)
    ]


@pytest.fixture
def current(select: Select, verdicts: list[Any]) -> Callable[[], dict[str, Any]]:
    """Return a function that reads the only verdict."""

    def read() -> dict[str, Any]:
        (row,) = select(f"SELECT {', '.join(asdict(verdicts[0]))} FROM connection_verdicts")
        return row

    return read


def test_a_verdict_is_not_replaced_by_an_older_one(upsert: Upsert, verdicts: list[Any], current: Any) -> None:
    upsert(verdicts)
    assert current() == asdict(verdicts[-1])
    upsert([replace(one, updated_at=one.updated_at + 60 * S) for one in verdicts[:-1]])
    assert current() == asdict(verdicts[-1])


def test_a_replay_into_a_full_table_ends_at_the_same_row(upsert: Upsert, verdicts: list[Any], current: Any) -> None:
    upsert([*verdicts[:-1], replace(verdicts[-1], verdict="unknown", certainty="undecided")])
    upsert(verdicts)
    assert current() == asdict(verdicts[-1])


def test_another_model_that_reads_from_the_start_replaces_what_stands(
    upsert: Upsert, verdicts: list[Any], current: Any
) -> None:
    upsert(verdicts)
    others = [replace(one, model_version="test-2", verdict="binance") for one in verdicts]
    for other in others:
        upsert([other])
        assert current() == asdict(other)


def test_a_topic_that_two_models_have_scored_is_replayed_to_the_same_row(
    upsert: Upsert, verdicts: list[Any], current: Any
) -> None:
    changed = [*verdicts[:2], *(replace(one, model_version="test-2") for one in verdicts[2:])]
    for _ in range(2):
        upsert(changed)
        assert current() == asdict(changed[-1])


@pytest.mark.parametrize(("partition", "later"), [(1, 0 * S), (0, 3600 * S)], ids=["partition", "topic made anew"])
def test_an_offset_says_nothing_of_another_partition_or_topic(
    upsert: Upsert, verdicts: list[Any], current: Any, partition: int, later: timedelta
) -> None:
    upsert(verdicts)
    end_at = verdicts[0].last_window_end_at + later
    other = replace(verdicts[0], kafka_partition=partition, last_window_end_at=end_at)
    upsert([other])
    assert current() == asdict(other)


def test_a_sign_of_life_is_not_replaced_by_an_older_one(upsert: Upsert, activity: Any, select: Select) -> None:
    later = activity(connection_id="c", last_recv_at=START_AT, last_offset=299)
    older = replace(later, last_recv_at=START_AT - 2 * S, last_offset=250, messages=251)
    corrected = replace(later, messages=301)
    for row, expected in ((older, older), (later, later), (older, later), (corrected, corrected)):
        upsert([row])
        assert select(f"SELECT {', '.join(asdict(row))} FROM connection_activity") == [asdict(expected)]
