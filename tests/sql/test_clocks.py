"""Clocks of producers that are wrong: they hide nothing, they raise no false alarm, and they are told.

The database writes a row twice or more, as the job does: when a row is first written, nothing tells a message that
waited from a clock that is behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg2.extensions import connection as Connection

from jobs.results.active_alerts import read_alerts

Insert = Callable[..., None]
Select = Callable[..., list[dict[str, object]]]

FAR = datetime(2096, 1, 1, tzinfo=UTC)


def ago(**how_long: float) -> datetime:
    return datetime.now(UTC) - timedelta(**how_long)


@pytest.fixture
def send(database: Connection, insert: Insert, activity: Any) -> Callable[..., None]:
    """Return a function that writes a connection's rows as the job does, one for each lag, the last some time ago."""

    def write(name: str, *lags_s: float, last_s: float = 0, every_s: float = 70, **values: object) -> None:
        with database.cursor() as cursor:
            for n, lag_s in enumerate(lags_s):
                at = ago(seconds=last_s + every_s * (len(lags_s) - 1 - n))
                recv_at = at - timedelta(seconds=lag_s)
                if n == 0:
                    insert([activity(connection_id=name, last_recv_at=recv_at, **values)])
                cursor.execute(
                    "UPDATE connection_activity SET last_recv_at = %s, written_at = %s WHERE connection_id = %s",
                    (recv_at, at, name),
                )
            cursor.execute(
                "UPDATE connection_activity SET began_at = began_at - interval '1 day' WHERE connection_id = %s",
                (name,),
            )

    return write


@pytest.fixture
def found(database: Connection) -> Callable[[], list[tuple[str, str, str]]]:
    return lambda: sorted((alert.rule, alert.severity, alert.subject) for alert in read_alerts(database))


def test_what_the_job_writes_is_noted_by_the_clock_of_the_database(
    insert: Insert, select: Select, database: Connection, activity: Any
) -> None:
    row = "SELECT began_at, written_at, lag_s, lag_before_s FROM connection_activity"
    insert([activity(connection_id="c", last_recv_at=ago(seconds=7))])
    (first,) = select(row)
    assert first["lag_s"] is None
    started_s = time.monotonic()
    with database.cursor() as cursor:
        for lag_s in (7, 3, 5):
            cursor.execute("UPDATE connection_activity SET last_recv_at = %s", (ago(seconds=lag_s),))
    (later,) = select(row)
    assert later["began_at"] == first["began_at"]
    assert later["written_at"] > first["written_at"]  # type: ignore[operator]
    lag_s, took_s = later["lag_s"], time.monotonic() - started_s
    assert isinstance(lag_s, float)
    assert 2.99 < lag_s < 3.01 + took_s
    assert later["lag_before_s"] is None


def test_a_time_in_2096_hides_no_standstill(insert: Insert, activity: Any, send: Any, found: Any) -> None:
    send("liar", -2e9, last_s=95)
    for name in ("a", "b"):
        send(name, 0.1, 0.1, 0.1, last_s=90)
    assert found() == [("clock skew", "warning", "liar"), ("job down", "critical", "all connections")]


def test_a_clock_eight_hours_ahead_hides_neither_a_standstill_nor_silences(send: Any, found: Any) -> None:
    send("fast", -28800, -28800, -28800, last_s=90)
    send("a", 0.1, 0.1, last_s=90)
    assert ("job down", "critical", "all connections") in found()
    send("talks", 0.1, 0.1, last_s=1, silence_limit_s=60.0)
    assert found() == [("clock skew", "warning", "fast"), ("stall", "warning", "a"), ("stall", "warning", "fast")]


def test_a_clock_eight_hours_ahead_is_no_stall_while_it_sends(send: Any, found: Any, database: Connection) -> None:
    send("fast", -28800, -28800, -28800)
    assert found() == [("clock skew", "warning", "fast")]
    (alert,) = read_alerts(database)
    assert (alert.value, alert.limit_value) == (pytest.approx(28800, abs=1), 5)
    assert alert.summary.startswith(
        "Its receive times are 8 h ahead of the clock of the database, where 5 s are allowed"
    )


def test_a_clock_ten_minutes_behind_is_no_stall_while_it_sends(send: Any, found: Any, database: Connection) -> None:
    send("honest", 0.2, 0.2, 0.2, silence_limit_s=60.0)
    send("slow", 600, 601, 600.5, 600)
    assert found() == [("clock skew", "warning", "slow")]
    (alert,) = read_alerts(database)
    assert (alert.value, alert.limit_value) == (pytest.approx(600, abs=1), 30)
    assert "10 min behind the clock of the database" in alert.summary


def test_a_clock_ten_minutes_behind_is_a_stall_once_it_is_silent(send: Any, found: Any) -> None:
    send("honest", 0.2, 0.2, 0.2, silence_limit_s=60.0)
    send("slow", 600, 600, 600, last_s=20)
    assert found() == [("clock skew", "warning", "slow"), ("stall", "warning", "slow")]


def test_a_job_that_lags_with_all_connections_is_no_skew(send: Any, found: Any) -> None:
    for name in ("a", "b", "c"):
        send(name, 600, 600, 600)
    assert found() == []


def test_a_connection_that_catches_up_is_no_skew(send: Any, found: Any) -> None:
    send("honest", 0.2, 0.2, 0.2, silence_limit_s=60.0)
    send("late", 600, 500, 400, 300)
    assert found() == []


@pytest.mark.parametrize("lag_s", [90_000, 3e7])
def test_a_recording_that_is_replayed_is_no_skew_and_no_stall(send: Any, found: Any, lag_s: float) -> None:
    send("honest", 0.2, 0.2, 0.2, silence_limit_s=60.0)
    send("at its own pace", lag_s, lag_s, lag_s, last_s=30)
    send("at once", lag_s, lag_s - 3600, lag_s - 7200, last_s=30)
    assert found() == []


def test_a_recording_of_this_morning_that_is_replayed_at_once_is_no_skew_and_no_stall(send: Any, found: Any) -> None:
    send("honest", 0.2, 0.2, 0.2, silence_limit_s=60.0)
    send("recording", 30_000, 25_000, 20_000, last_s=30)
    assert found() == []


@pytest.mark.parametrize(
    ("lags_s", "expected"),
    [((-4.5, -4.5), []), ((-6, -6), ["fast"]), ((29, 29, 29), []), ((32, 32, 32), ["fast"])],
)
def test_skew_is_told_beyond_a_limit(send: Any, select: Select, lags_s: tuple[float, ...], expected: list[str]) -> None:
    send("honest", 0.2, 0.2, 0.2, silence_limit_s=60.0)
    send("fast", *lags_s)
    assert [row["connection_id"] for row in select("SELECT * FROM skewed_connections")] == expected


def test_a_mismatch_stands_for_an_hour_whatever_its_clock_says(
    insert: Insert, send: Any, found: Any, verdict: Any, event: Any
) -> None:
    # Name: its lag, when it was last written, and whether it still counts.
    cases = {
        "fast": (-28800, 60, True),
        "fast and over": (-28800, 3700, False),
        "of 2096 and over": (-2e9, 3700, False),
        "slow": (7200, 60, True),
        "slow and over": (7200, 3700, False),
    }
    for name, (lag_s, last_s, _) in cases.items():
        send(name, lag_s, lag_s, lag_s, last_s=last_s)
        end_at = ago(seconds=last_s + lag_s)
        insert([verdict(connection_id=name, declared_exchange="binance", last_window_end_at=end_at)])
        insert([event(connection_id=name, detected_at=end_at)])
    told = [subject for rule, _, subject in found() if rule == "mismatch"]
    assert told == sorted(name for name, (*_, counts) in cases.items() if counts)


def test_windows_of_a_clock_that_is_ahead_hide_no_lag(insert: Insert, window: Any, found: Any) -> None:
    """They were written hours ago, and their time has just come."""
    for n in range(1001):
        at = ago(seconds=5 + 0.001 * n)
        values = {"last_offset": n, "probabilities": {"kraken": 1.0}, "window_end_at": at}
        insert([window(connection_id="fast", scored_at=at - timedelta(hours=8), **values)])
    at = ago(seconds=100)
    insert(
        [
            window(
                connection_id="c",
                last_offset=49,
                probabilities={"kraken": 1.0},
                window_end_at=at,
                scored_at=at + timedelta(seconds=30),
            )
        ]
    )
    assert ("lag", "warning", "results") in found()


def test_a_fault_of_2096_is_not_told_for_ever(insert: Insert, fault: Any, found: Any, database: Connection) -> None:
    for kind in ("gap", "drift"):
        values = {"rate_before": 1.0, "rate_now": 2.0, "score": 4.0} if kind == "drift" else {"n_missing": 1}
        insert([fault(connection_id="liar", kind=kind, detected_at=FAR, **values)])
    with database.cursor() as cursor:
        cursor.execute("UPDATE health_events SET written_at = now() - interval '61 minutes'")
    assert found() == []


def test_rows_of_2096_go_when_they_are_as_old_as_the_retention(
    insert: Insert,
    select: Select,
    database: Connection,
    window: Any,
    verdict: Any,
    event: Any,
    fault: Any,
    activity: Any,
) -> None:
    now_at = datetime.now(UTC)
    for name, written_at in {"old": now_at - timedelta(days=31), "new": now_at - timedelta(days=29)}.items():
        insert(
            [
                window(
                    connection_id=name,
                    last_offset=49,
                    probabilities={"kraken": 1.0},
                    window_end_at=FAR,
                    scored_at=written_at,
                ),
                verdict(connection_id=name, last_window_end_at=FAR, updated_at=written_at),
                event(connection_id=name, detected_at=FAR),
                fault(connection_id=name, detected_at=FAR),
                activity(connection_id=name, last_recv_at=FAR),
            ]
        )
        with database.cursor() as cursor:
            for table in ("connection_events", "health_events", "connection_activity"):
                cursor.execute(f"UPDATE {table} SET written_at = %s WHERE connection_id = %s", (written_at, name))
    select("SELECT drop_old_partitions(%s, %s)", timedelta(days=30), now_at)
    for table in ("window_scores", "connection_verdicts", "connection_events", "health_events", "connection_activity"):
        assert [row["connection_id"] for row in select(f"SELECT connection_id FROM {table}")] == ["new"], table


def test_connections_show_how_far_their_clocks_are_off(send: Any, select: Select, insert: Insert, verdict: Any) -> None:
    lags_s = {"fast": -28800.0, "slow": 600.0, "honest": 0.2}
    for name, lag_s in lags_s.items():
        send(name, lag_s, lag_s, lag_s)
        insert([verdict(connection_id=name)])
    insert([verdict(connection_id="never written again")])
    rows = select("SELECT connection_id, clock_ahead_s FROM connection_status")
    expected = {name: pytest.approx(-lag_s, abs=0.01) for name, lag_s in lags_s.items()} | {"never written again": None}
    assert {row["connection_id"]: row["clock_ahead_s"] for row in rows} == expected
