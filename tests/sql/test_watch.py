"""What `watch` reads: chosen, sorted and cut in SQL; and what it prints without a terminal."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from jobs.cli.results.watch import SortColumn
from jobs.results.watch.panes import COLUMNS, Pane
from jobs.results.watch.snapshot_reader import Source
from jobs.results.watch.view_snapshot import Choice, Order, read_snapshot
from model.registry.database import connect
from udfs.errors import ServiceUnavailable

Insert = Callable[..., None]

HONEST, LIAR, UNKNOWN, GONE = "conn-honest", "conn-liar", "conn-unknown", "conn-gone"


@pytest.fixture
def shown(database: Connection, insert: Insert, window: Any, verdict: Any, event: Any, fault: Any) -> datetime:
    """Put in three live connections, two of them problems, and one that ended two hours ago; return the time."""
    now = datetime.now(UTC)
    five = {"last_window_end_at": now - timedelta(seconds=5)}
    insert([
        verdict(connection_id=HONEST, verdict="kraken", since_at=now - timedelta(hours=1), windows=30, **five),
        verdict(connection_id=LIAR, verdict="kraken", declared_exchange="binance", windows=20,
                since_at=now - timedelta(minutes=3), **five),
        verdict(connection_id=UNKNOWN, verdict="unknown", declared_exchange=None, windows=10, signature="xf1-odd",
                since_at=now - timedelta(minutes=2), **five),
        verdict(connection_id=GONE, verdict="binance", certainty="likely", declared_exchange="binance", windows=40,
                since_at=now - timedelta(hours=3), last_window_end_at=now - timedelta(hours=2)),
        event(connection_id=HONEST, kind="named", declared_exchange="kraken", detected_at=now - timedelta(minutes=59)),
        event(connection_id=LIAR, since_at=now - timedelta(minutes=3), detected_at=now - timedelta(minutes=3)),
        event(connection_id=UNKNOWN, kind="unknown_venue", verdict="unknown", declared_exchange=None,
              since_at=now - timedelta(minutes=2), detected_at=now - timedelta(minutes=2)),
        fault(connection_id=HONEST, kind="gap", n_missing=3, seq_before=7, silence_s=None, limit_s=None,
              since_at=now - timedelta(minutes=10), detected_at=now - timedelta(minutes=10)),
        # 12 windows of the last minute, the oldest of 27 seconds ago; the rate of a connection is that of its last ten.
        *(
            window(connection_id=HONEST, last_offset=49 + 25 * n, probabilities={"kraken": 1.0},
                   window_start_at=now - timedelta(seconds=7 + 2 * n), window_end_at=now - timedelta(seconds=5 + 2 * n),
                   scored_at=now - timedelta(seconds=5 + 2 * n) + timedelta(milliseconds=40 + 10 * (n == 11)))
            for n in range(12)
        ),
    ])  # fmt: skip
    return now


def ids(database: Connection, choice: Choice) -> list[str]:
    return [row["connection_id"] for row in read_snapshot(database, choice).rows[Pane.CONNECTIONS]]


def test_empty_tables_are_shown(database: Connection) -> None:
    found = read_snapshot(database, Choice())
    assert found.rows == {pane: [] for pane in Pane}
    assert (found.summary.connections, found.summary.windows_per_second, found.summary.last_seen_at) == (0, 0, None)


def test_the_summary_counts_what_is_live(database: Connection, shown: datetime) -> None:
    summary = read_snapshot(database, Choice()).summary
    assert summary.live_by_exchange == {"kraken": 2, "unknown": 1}
    assert (summary.connections, summary.mismatches) == (4, 1)
    assert summary.windows_per_second == pytest.approx(12 / 60)
    assert summary.messages_per_second == pytest.approx(5)
    # Eleven times 40 ms and once 50: the 0.95 quantile of twelve lies at 10.45, between the last two.
    assert [summary.latency_p50_ms, summary.latency_p95_ms] == pytest.approx([40, 44.5])
    assert summary.last_seen_at == shown - timedelta(seconds=5)
    assert (summary.critical_alerts, summary.warning_alerts) == (1, 2)


def test_many_windows_are_measured_by_the_last_ones(database: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs.results.watch import view_snapshot as snapshot

    monkeypatch.setattr(snapshot, "SUMMARY", snapshot.SUMMARY.replace("5000", "3"))
    with database.cursor() as cursor:
        cursor.execute(
            """INSERT INTO window_scores SELECT 'a', 0, n, n, at, at, NULL, 'kraken', 1, '{}', 0, 'v', at
               FROM generate_series(1, 9) AS n, LATERAL (SELECT now() - n * interval '2 s' AS at) AS ends"""
        )
    # The last three span four seconds.
    assert read_snapshot(database, Choice()).summary.windows_per_second == pytest.approx(3 / 4)


def test_connections_are_those_of_the_view_live_ones_first(database: Connection, shown: datetime) -> None:
    found = read_snapshot(database, Choice())
    rows = {row["connection_id"]: row for row in found.rows[Pane.CONNECTIONS]}
    assert list(rows) == [UNKNOWN, LIAR, HONEST, GONE]
    assert found.matching == 4
    assert (rows[LIAR]["mismatch"], rows[LIAR]["reason"], rows[HONEST]["reason"]) == (True, "heartbeats", None)
    # Ten windows from 25 to 5 seconds ago, the last of which began two seconds before its end.
    with database.cursor() as cursor:
        cursor.execute("SELECT messages_per_second FROM connection_status WHERE connection_id = %s", (HONEST,))
        assert cursor.fetchall() == [(rows[HONEST]["messages_per_second"],)]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Choice(exchange="kraken"), [LIAR, HONEST]),
        (Choice(declared="binance"), [LIAR, GONE]),
        (Choice(declared="none"), [UNKNOWN]),
        (Choice(text="LIAR"), [LIAR]),
        (Choice(text="xf1-odd"), [UNKNOWN]),
        (Choice(text="100%"), []),
        (Choice(only_problems=True, text="conn-h"), [HONEST]),
        (Choice(only_problems=True, exchange="kraken", declared="binance"), [LIAR]),
        (Choice(limit=2), [UNKNOWN, LIAR]),
    ],
)
def test_rows_are_chosen(database: Connection, shown: datetime, choice: Choice, expected: list[str]) -> None:
    assert ids(database, choice) == expected


def test_the_choice_is_also_that_of_alerts_and_events(database: Connection, shown: datetime) -> None:
    found = read_snapshot(database, Choice())
    assert [(row["rule"], row["subject"]) for row in found.rows[Pane.ALERTS]] == [
        ("mismatch", LIAR),
        ("sequence", HONEST),
        ("unknown venue", UNKNOWN),
    ]
    assert [row["kind"] for row in found.rows[Pane.EVENTS]] == ["unknown_venue", "mismatch", "gap", "named"]
    assert found.rows[Pane.EVENTS][2]["reason"] == "3 numbers missing after 7"
    problems = read_snapshot(database, Choice(only_problems=True, text="liar"))
    assert [row["subject"] for row in problems.rows[Pane.ALERTS]] == [LIAR]
    assert [row["kind"] for row in problems.rows[Pane.EVENTS]] == ["mismatch"]
    assert problems.summary.critical_alerts == 1


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("connection", [HONEST, LIAR, UNKNOWN, GONE]),
        ("detected", [LIAR, HONEST, UNKNOWN, GONE]),
        ("windows", [HONEST, LIAR, UNKNOWN, GONE]),
        ("rate", [HONEST, LIAR, UNKNOWN, GONE]),
        ("last-seen", [HONEST, LIAR, UNKNOWN, GONE]),
        ("declared", [LIAR, HONEST, UNKNOWN, GONE]),
    ],
)
def test_rows_are_sorted(database: Connection, shown: datetime, column: str, expected: list[str]) -> None:
    order = Order(column=column)
    assert ids(database, Choice().sorted_by(Pane.CONNECTIONS, order)) == expected
    turned = ids(database, Choice().sorted_by(Pane.CONNECTIONS, replace(order, is_reversed=True)))
    assert turned[0 if column == "last-seen" else -1] == GONE


@pytest.mark.parametrize(("pane", "column"), [(pane, column.name) for pane in Pane for column in COLUMNS[pane]])
def test_every_column_can_be_sorted_by(database: Connection, shown: datetime, pane: Pane, column: str) -> None:
    for is_reversed in (False, True):
        found = read_snapshot(database, Choice().sorted_by(pane, Order(column=column, is_reversed=is_reversed)))
        assert len(found.rows[pane]) >= 3


def test_the_option_offers_the_columns() -> None:
    assert [column.value for column in SortColumn] == [column.name for column in COLUMNS[Pane.CONNECTIONS]]


def run(database_url: str, *arguments: str, **environment: str) -> str:
    command = [str(Path(sys.executable).parent / "fingerprint"), "watch", *arguments]
    everything = os.environ | {"DATABASE_URL": database_url, "COLUMNS": "200"} | environment
    done = subprocess.run(command, env=everything, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_once_prints_everything(database_url: str, shown: datetime) -> None:
    printed = run(database_url, "--once")
    lines = printed.splitlines()
    assert lines[0] == "3 of 4 connections live: kraken 2, unknown 1 | mismatch 1"
    assert lines[1].startswith("1 critical, 2 warnings | ")
    (liar,) = [line.split("\t") for line in lines if line.startswith(f"{LIAR}\tbinance\t")]
    assert (liar[2], liar[3], liar[5]) == ("kraken !", "certain", "0.990")
    assert all(name in printed for name in (HONEST, LIAR, UNKNOWN, GONE, "kraken !", "3 numbers missing after 7"))
    assert "\x1b" not in printed


def test_once_prints_one_json_object(database_url: str, shown: datetime) -> None:
    arguments = ("--once", "--format", "json", "--exchange", "kraken", "--sort", "windows", "--reverse", "--limit", "1")
    (line,) = run(database_url, *arguments).splitlines()
    found = json.loads(line)
    assert list(found) == ["at", "summary", "matching_connections", "alerts", "connections", "events"]
    assert [row["connection_id"] for row in found["connections"]] == [LIAR]
    assert found["matching_connections"] == 2
    assert found["summary"]["live_by_exchange"] == {"kraken": 2, "unknown": 1}
    assert datetime.fromisoformat(found["connections"][0]["since_at"]) == shown - timedelta(minutes=3)
    assert [row["subject"] for row in found["alerts"]] == [LIAR]


def test_a_server_that_vanished_is_noticed_within_half_a_minute(database_url: str) -> None:
    with connect(database_url) as database, socket.socket(fileno=os.dup(database.fileno())) as tcp:
        options = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
        idle_s, interval_s, count, user_timeout_ms = (
            tcp.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in options
        )
        assert tcp.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert 5 <= idle_s + interval_s * count <= 30
        assert 5_000 <= user_timeout_ms <= 30_000


def test_a_lost_connection_is_an_error_once(database_url: str, database: Connection) -> None:
    source = Source(database_url)
    assert source.read(Choice()).matching == 0
    with closing(psycopg2.connect(database_url)) as other, other.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'fingerprint-watch' "
            "AND datname = current_database()"
        )
    with pytest.raises(ServiceUnavailable, match="Expected to use the PostgreSQL database"):
        source.read(Choice())
    assert source.read(Choice()).matching == 0


@pytest.mark.parametrize("ahead", [timedelta(hours=8), timedelta(days=25_000)])
def test_a_clock_that_is_ahead_keeps_no_connection_live(
    database: Connection, insert: Insert, verdict: Any, ahead: timedelta
) -> None:
    now = datetime.now(UTC)
    for name, minutes in {"ended": 20, "live": 1}.items():
        at = now - timedelta(minutes=minutes)
        insert([verdict(connection_id=name, last_window_end_at=at + ahead, updated_at=at)])
    found = read_snapshot(database, Choice())
    assert (found.summary.live_by_exchange, found.summary.connections) == ({"kraken": 1}, 2)
    assert [row["connection_id"] for row in found.rows[Pane.CONNECTIONS]] == ["live", "ended"]


def test_a_flood_of_alerts_is_counted_and_not_listed(database: Connection, insert: Insert, activity: Any) -> None:
    now = datetime.now(UTC)
    insert([activity(connection_id="talks", last_recv_at=now, silence_limit_s=60.0)])
    insert([activity(connection_id=f"c{n}", last_recv_at=now - timedelta(seconds=600 + n)) for n in range(150)])
    found = read_snapshot(database, Choice(limit=1000))
    assert found.summary.warning_alerts == 150
    assert len(found.rows[Pane.ALERTS]) == 101
