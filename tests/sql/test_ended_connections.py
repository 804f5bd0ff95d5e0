"""A connection whose sender has said that it ended is not silent; one that was lost is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg2.extensions import connection as Connection

from jobs.results.active_alerts import Alert, read_alerts, with_job
from jobs.results.watch.connection_detail import detail_lines, read_detail
from jobs.results.watch.panes import Pane
from jobs.results.watch.view_snapshot import Choice, read_snapshot

Insert = Callable[..., None]
LIAR, LOST, LIVE = "liar", "lost", "live"


@pytest.fixture
def say_end(database: Connection) -> Callable[..., None]:
    """Return a function that stores a record without a value, as the job does."""

    def say(connection_id: str, offset: int = 300, partition: int = 0) -> None:
        with database.cursor() as cursor:
            cursor.execute(
                "INSERT INTO dead_letters (kafka_partition, kafka_offset, reason, connection_key, n_bytes) "
                "VALUES (%s, %s, 'null value', %s, NULL)",
                (partition, offset, connection_id),
            )

    return say


@pytest.fixture(autouse=True)
def no_dead_letters(database: Connection) -> Any:
    yield
    with database.cursor() as cursor:
        cursor.execute("TRUNCATE dead_letters")


@pytest.fixture
def two_that_fell_silent(database: Connection, insert: Insert, activity: Any, verdict: Any, event: Any) -> None:
    """Put in a liar and an honest one that fell silent three and a half minutes ago, and one that is live."""
    now = datetime.now(UTC)
    then = now - timedelta(seconds=200)
    insert([
        activity(connection_id=LIAR, last_recv_at=then),
        activity(connection_id=LOST, last_recv_at=then - timedelta(seconds=90)),
        activity(connection_id=LIVE, last_recv_at=now, silence_limit_s=600.0),
        verdict(connection_id=LIAR, declared_exchange="binance", last_window_end_at=then, updated_at=then),
        verdict(connection_id=LIVE, last_window_end_at=now, updated_at=now),
        event(connection_id=LIAR, since_at=then, detected_at=then),
    ])  # fmt: skip


def about(alerts: list[Alert]) -> set[tuple[str, str]]:
    return {(alert.rule, alert.subject) for alert in alerts}


@pytest.mark.usefixtures("two_that_fell_silent")
def test_an_end_that_is_told_is_no_stall(database: Connection, say_end: Any) -> None:
    assert about(read_alerts(database)) == {("mismatch", LIAR), ("stall", LIAR), ("stall", LOST)}
    say_end(LIAR)
    # What it claimed is told for a while longer.
    assert about(read_alerts(database)) == {("mismatch", LIAR), ("stall", LOST)}


def test_a_mismatch_that_has_ended_is_told_for_a_quarter_of_an_hour(
    database: Connection, insert: Insert, activity: Any, verdict: Any, event: Any, say_end: Any
) -> None:
    now = datetime.now(UTC)
    then = now - timedelta(minutes=20)
    insert([
        activity(connection_id=LIAR, last_recv_at=then),
        activity(connection_id=LIVE, last_recv_at=now, silence_limit_s=600.0),
        verdict(connection_id=LIAR, declared_exchange="binance", last_window_end_at=then, updated_at=then),
        event(connection_id=LIAR, since_at=then, detected_at=then),
    ])  # fmt: skip
    assert about(read_alerts(database)) == {("mismatch", LIAR), ("stall", LIAR)}
    say_end(LIAR)
    assert about(read_alerts(database)) == set()


@pytest.mark.usefixtures("two_that_fell_silent")
@pytest.mark.parametrize(
    ("offset", "partition"), [(298, 0), (300, 1)], ids=["a message came after it", "it is of another connection's"]
)
def test_an_end_before_the_last_message_is_none(
    database: Connection, say_end: Any, offset: int, partition: int
) -> None:
    say_end(LIAR, offset, partition)
    assert ("stall", LIAR) in about(read_alerts(database))


def test_what_ended_together_is_no_standstill(
    database: Connection, insert: Insert, activity: Any, say_end: Any
) -> None:
    then = datetime.now(UTC) - timedelta(minutes=10)
    names = [f"c{number}" for number in range(12)]
    insert([activity(connection_id=name, last_recv_at=then) for name in names])
    assert ("job down", "all connections") in about(read_alerts(database))
    for number, name in enumerate(names):
        say_end(name, 300 + number)
    # Nor are twelve such records dead letters of one reason.
    assert about(read_alerts(database)) == set()


@pytest.mark.usefixtures("two_that_fell_silent")
def test_watch_tells_ended_from_silent(
    database: Connection, insert: Insert, verdict: Any, activity: Any, say_end: Any
) -> None:
    old = datetime(2025, 10, 9, 8, 53, tzinfo=UTC)
    now = datetime.now(UTC)
    insert([
        verdict(connection_id=LOST, last_window_end_at=now - timedelta(seconds=290)),
        verdict(connection_id="recording", last_window_end_at=old, updated_at=now),
        activity(connection_id="recording", last_recv_at=old),
    ])  # fmt: skip
    say_end(LIAR)
    found = read_snapshot(database, Choice())
    states = {
        row["connection_id"]: (row["has_ended"], row["is_silent"], row["is_recording"])
        for row in found.rows[Pane.CONNECTIONS]
    }
    assert states == {
        LIVE: (False, False, False),
        LOST: (False, True, False),
        LIAR: (True, False, False),
        "recording": (False, False, True),
    }
    assert found.summary.live_by_exchange == {"kraken": 2}
    assert found.summary.mismatches == 0
    words = {name: " ".join(" ".join(detail_lines(read_detail(database, name), 76)).split()) for name in states}
    assert "It ended 3 min" in words[LIAR]
    assert "It has been silent for 4 min" in words[LOST]
    assert "It is a recording, received" in words["recording"]
    assert "Health: no gap" in words[LIVE]


@pytest.mark.usefixtures("two_that_fell_silent")
def test_counts_are_those_of_alerts_with_what_flink_says(database: Connection) -> None:
    def add_job(alerts: list[Alert]) -> list[Alert]:
        return with_job(alerts, problem="no job runs", job_id="", unchanged_s=0.0)

    found = read_snapshot(database, Choice(), add_job)
    assert (found.summary.critical_alerts, found.summary.warning_alerts) == (2, 2)
    assert [row["rule"] for row in found.rows[Pane.ALERTS]][:2] == ["job down", "mismatch"]
    problems = read_snapshot(database, Choice(text="no job"), add_job)
    assert [row["subject"] for row in problems.rows[Pane.ALERTS]] == ["flink"]
