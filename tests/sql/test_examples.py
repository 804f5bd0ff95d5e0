"""The questions in sql/examples: each is run by psql, as users do, on rows whose answers are written here by hand."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg2.extensions import connection as Connection

from fingerprint_testing.paths import SQL
from jobs.results.active_alerts import read_alerts
from model.registry.database_url import parse_database_url
from stack.services.postgres import psql_path

EXAMPLES = SQL / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.sql"))
VIEWS = {path.stem for path in (SQL / "views").glob("*.sql")}
NOW = datetime.now(UTC).replace(microsecond=0)

Insert = Callable[..., None]
Ask = Callable[..., list[dict[str, str]]]


@pytest.fixture(scope="module", autouse=True)
def clock() -> None:
    """Let now be when these tests begin, however long other tests took since this file was read."""
    globals()["NOW"] = datetime.now(UTC).replace(microsecond=0)


def ago(**given: float) -> datetime:
    return NOW - timedelta(**given)


@pytest.fixture
def ask(database: Connection, database_url: str) -> Ask:
    """Return a function that runs an example with psql and returns its rows as text."""

    def ask_psql(name: str, **variables: str) -> list[dict[str, str]]:
        where = parse_database_url(database_url)
        address = where.environment
        address |= {"PGUSER": where.user, "PGPASSWORD": where.password, "PGTZ": "UTC"}
        chosen = [word for name, value in variables.items() for word in ("-v", f"{name}={value}")]
        command = [
            psql_path(),
            "--no-psqlrc",
            "-v",
            "ON_ERROR_STOP=1",
            "--csv",
            *chosen,
            "-f",
            EXAMPLES / f"{name}.sql",
        ]
        done = subprocess.run(command, env=os.environ | address, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return list(csv.DictReader(io.StringIO(done.stdout)))

    return ask_psql


def test_there_are_ten() -> None:
    assert len(NAMES) == 10


@pytest.mark.parametrize("name", NAMES)
def test_each_begins_with_its_question_and_how_to_ask_it(name: str) -> None:
    lines = (EXAMPLES / f"{name}.sql").read_text().splitlines()
    assert re.fullmatch(r"-- [A-Z].*\?", lines[0])
    assert lines[1:3] == ["--", f"--   ./fingerprint psql -f sql/examples/{name}.sql"]


@pytest.mark.parametrize("name", NAMES)
def test_each_reads_views_only(name: str) -> None:
    code = re.sub(r"--.*", "", (EXAMPLES / f"{name}.sql").read_text())
    read = set(re.findall(r"\b(?:FROM|JOIN)\s+(\w+)", code)) - {"LATERAL"}
    assert read
    assert read <= VIEWS


@pytest.mark.parametrize("name", NAMES)
def test_each_variable_is_explained_and_has_a_default(name: str) -> None:
    text = (EXAMPLES / f"{name}.sql").read_text()
    comment, code = "\n".join(re.findall(r"^--.*", text, re.M)), re.sub(r"--.*", "", text)
    used = set(re.findall(r"(?<!:):'?(\w+)'?", re.sub(r"::\w+", "", code.replace("{?", ""))))
    assert used
    for variable in used:
        assert f"{{?{variable}}}" in text
        assert re.search(rf"\b{variable}\b", comment)


@pytest.mark.parametrize("name", NAMES)
def test_each_answers_empty_tables_with_nothing(ask: Ask, name: str) -> None:
    assert ask(name) == []


def test_not_what_it_claims(insert: Insert, ask: Ask, verdict: Any, event: Any) -> None:
    seen, lies = {"last_window_end_at": ago(minutes=5)}, {"verdict": "kraken", "declared_exchange": "binance"}
    insert([
        verdict(connection_id="lies", probability=0.9876, **lies, **seen),
        verdict(connection_id="honest", **seen),
        verdict(connection_id="strange", verdict="unknown", **seen),
        verdict(connection_id="long-ago", last_window_end_at=ago(hours=30), **lies),
        event(connection_id="lies", since_at=ago(minutes=50)),
        event(connection_id="strange", kind="unknown_venue", verdict="unknown"),
        event(connection_id="long-ago"),
    ])  # fmt: skip
    (row,) = ask("not_what_it_claims")
    assert row == {
        "connection_id": "lies",
        "declares": "binance",
        "behaves_like": "kraken",
        "since": f"{ago(minutes=50):%Y-%m-%d %H:%M:%S+00}",
        "probability": "0.9876",
        "reason": "heartbeats",
        "last_seen": f"{ago(minutes=5):%Y-%m-%d %H:%M:%S+00}",
    }
    assert [row["connection_id"] for row in ask("not_what_it_claims", hours="31")] == ["lies", "long-ago"]


def test_unknown_venues(insert: Insert, ask: Ask, verdict: Any, event: Any, window: Any) -> None:
    shares = [{"binance": 0.3, "kraken": 0.1, "unknown": 0.6}, {"binance": 0.0, "kraken": 0.3, "unknown": 0.7}]
    insert([
        verdict(connection_id="s", verdict="unknown", declared_exchange=None, last_window_end_at=ago(hours=2)),
        verdict(connection_id="lies", verdict="kraken", declared_exchange="binance", last_window_end_at=ago(hours=2)),
        event(connection_id="s", kind="unknown_venue", verdict="unknown", declared_exchange=None),
        event(connection_id="lies"),
        *(window(connection_id="s", last_offset=49 + 25 * n, probabilities=p) for n, p in enumerate(shares)),
    ])  # fmt: skip
    (row,) = ask("unknown_venues")
    # kraken: (0.1 + 0.3) / 2 = 0.2; binance: (0.3 + 0.0) / 2 = 0.15.
    assert (row["connection_id"], row["resembles"], row["mean_probability"], row["windows"]) == (
        "s",
        "kraken",
        "0.2000",
        "2",
    )
    assert ask("unknown_venues", hours="1") == []


def test_switches(insert: Insert, ask: Ask, event: Any) -> None:
    changed = {"previous_verdict": "binance", "verdict": "kraken", "kind": "mismatch"}
    insert([
        event(connection_id="a", kind="named", verdict="binance", detected_at=ago(hours=3)),
        event(connection_id="a", last_offset=999, detected_at=ago(hours=2), since_at=ago(hours=3), **changed),
        event(connection_id="b", last_offset=999, detected_at=ago(hours=5), **changed),
    ])  # fmt: skip
    rows = ask("switches")
    assert [(r["connection_id"], r["until_then"], r["from_then_on"]) for r in rows] == [
        ("a", "not certain", "binance"),
        ("a", "binance", "kraken"),
    ]
    assert (rows[1]["reason"], rows[1]["rather_than"]) == ("heartbeats", "binance")
    assert [row["connection_id"] for row in ask("switches", connection="b")] == ["b"]


def test_silences(insert: Insert, ask: Ask, fault: Any, activity: Any) -> None:
    insert([
        fault(connection_id="long", since_at=ago(hours=3), detected_at=ago(hours=2), silence_s=3600.0),
        fault(connection_id="short", since_at=ago(hours=1, seconds=20), detected_at=ago(hours=1), silence_s=20.0),
        fault(connection_id="gap", kind="gap", detected_at=ago(hours=1), silence_s=None),
        fault(connection_id="before", since_at=ago(hours=15), detected_at=ago(hours=14), silence_s=3600.0),
        activity(connection_id="on", last_recv_at=ago(minutes=10)),
    ])  # fmt: skip
    rows = ask("silences")
    assert [(row["connection_id"], row["what"]) for row in rows] == [
        ("long", "stall"), ("on", "still silent"), ("short", "stall"),
    ]  # fmt: skip
    assert (rows[0]["seconds"], rows[0]["allowed"], rows[1]["until"]) == ("3600.0", "5.0", "")
    assert 600 <= float(rows[1]["seconds"]) <= (datetime.now(UTC) - ago(minutes=10)).total_seconds() + 1
    night = {"from": str(ago(hours=16)), "to": str(ago(hours=2, minutes=30))}
    assert [row["connection_id"] for row in ask("silences", **night)] == ["before", "long"]


def test_sequence_losses(insert: Insert, ask: Ask, fault: Any, verdict: Any) -> None:
    yesterday = NOW.replace(hour=12) - timedelta(days=1)
    numbers = {"silence_s": None, "limit_s": None}
    insert([
        verdict(connection_id="a", verdict="kraken", declared_exchange="binance"),
        fault(connection_id="a", kind="gap", n_missing=5, detected_at=yesterday, **numbers),
        fault(connection_id="a", kind="gap", n_missing=2, kafka_offset=301, detected_at=yesterday, **numbers),
        fault(connection_id="b", kind="gap", n_missing=4, declared_exchange="kraken", detected_at=yesterday, **numbers),
        fault(connection_id="b", kind="reset", declared_exchange="kraken", detected_at=NOW, **numbers),
        fault(connection_id="c", kind="repeat", declared_exchange=None, detected_at=NOW, **numbers),
        fault(connection_id="c", kind="stall", detected_at=NOW),
    ])  # fmt: skip
    assert [list(row.values()) for row in ask("sequence_losses")] == [
        [f"{NOW:%Y-%m-%d}", "kraken", "1", "0", "0", "0", "1"],
        [f"{NOW:%Y-%m-%d}", "unknown", "1", "0", "0", "1", "0"],
        [f"{yesterday:%Y-%m-%d}", "kraken", "2", "3", "11", "0", "0"],
    ]
    assert len(ask("sequence_losses", days="1")) == 2


def test_latency_by_hour(insert: Insert, ask: Ask, window: Any) -> None:
    hour = NOW.replace(minute=0, second=0) - timedelta(hours=2)
    windows = [(hour, ms) for ms in (10, 20, 30, 40, 50)] + [(hour + timedelta(hours=1), 7), (hour, 2 * 86_400_000)]
    insert([
        window(connection_id="a", last_offset=n, window_start_at=at, window_end_at=at, probabilities={"kraken": 1.0},
               scored_at=at + timedelta(milliseconds=ms))
        for n, (at, ms) in enumerate(windows)
    ])  # fmt: skip
    # Between the neighbours: the 0.95 quantile of five lies 0.8 of the way from the fourth to the fifth.
    assert [list(row.values()) for row in ask("latency_by_hour")] == [
        [f"{hour + timedelta(hours=1):%Y-%m-%d %H:%M:%S+00}", "1", "7", "7", "7", "7"],
        [f"{hour:%Y-%m-%d %H:%M:%S+00}", "5", "30", "48", "50", "50"],
    ]


def test_dead_letters(database: Connection, ask: Ask) -> None:
    dead_letters = [
        (1, "not JSON", "a", 7, 3),
        (2, "not JSON", "b", 9, 2),
        (3, "not JSON", "b", 8, 100),
        (4, "null value", None, None, 1),
    ]
    with database.cursor() as cursor:
        for offset, reason, key, n_bytes, hours_ago in dead_letters:
            values = (0, offset, reason, key, n_bytes, ago(hours=hours_ago))
            cursor.execute("INSERT INTO dead_letters VALUES (%s, %s, %s, %s, %s, %s)", values)
    try:
        assert [list(row.values()) for row in ask("dead_letters")] == [
            ["not JSON", "2", "2", "7", "9", f"{ago(hours=2):%Y-%m-%d %H:%M:%S+00}", "b", "0", "2"],
            ["null value", "1", "0", "", "", f"{ago(hours=1):%Y-%m-%d %H:%M:%S+00}", "", "0", "4"],
        ]
    finally:
        with database.cursor() as cursor:
            cursor.execute("TRUNCATE dead_letters")


def test_certainty_by_exchange(insert: Insert, ask: Ask, verdict: Any) -> None:
    seen = {"last_window_end_at": ago(hours=1)}
    insert([
        verdict(connection_id="a", probability=0.9, certain_after_messages=75, **seen),
        verdict(connection_id="b", probability=1.0, certain_after_messages=100, declared_exchange="binance", **seen),
        verdict(connection_id="c", certainty="likely", probability=0.5, certain_after_messages=None, **seen),
        verdict(connection_id="d", certainty="undecided", verdict="unknown", certain_after_messages=None, **seen),
        verdict(connection_id="e", last_window_end_at=ago(hours=25)),
    ])  # fmt: skip
    assert [list(row.values()) for row in ask("certainty_by_exchange")] == [
        ["kraken", "3", "2", "1", "0", "0.9500", "0.9000", "75", "2"],
        ["unknown", "1", "0", "0", "1", "", "", "", "0"],
    ]


def test_rate_changes(insert: Insert, ask: Ask, verdict: Any, fault: Any, database: Connection) -> None:
    """They are those of the alert `drift`, of each connection its latest."""

    def drift(name: str, before: float, now: float, minutes_ago: float, offset: int = 300) -> list[Any]:
        at = ago(minutes=minutes_ago)
        change = {"rate_before": before, "rate_now": now, "score": 4.0, "silence_s": None, "limit_s": None}
        return [fault(connection_id=name, kind="drift", kafka_offset=offset, since_at=at, detected_at=at, **change)]

    insert([
        *(verdict(connection_id=name, last_window_end_at=ago(minutes=1)) for name in ("faster", "slower", "old")),
        *drift("faster", 10, 20, 30), *drift("faster", 10, 25, 10, 400), *drift("slower", 20, 5, 10),
        *drift("old", 20, 5, 100),
    ])  # fmt: skip
    found = ask("rate_changes")
    assert [list(row.values())[:5] for row in found] == [
        ["slower", "kraken", "20.00", "5.00", "0.25"],
        ["faster", "kraken", "10.00", "25.00", "2.50"],
    ]
    assert {row["connection_id"] for row in found} == {alert.subject for alert in read_alerts(database, ["drift"])}
    assert len(ask("rate_changes", factor="3")) == 1
    assert len(ask("rate_changes", minutes="1440")) == 3


def test_models(insert: Insert, ask: Ask, window: Any, database: Connection) -> None:
    with database.cursor() as cursor:
        for name in ("old", "new"):
            cursor.execute("INSERT INTO model_versions VALUES (%s, '{}', %s)", (name, "0" * 64))
        cursor.execute("INSERT INTO model_activations (topic, model_version, from_offsets) VALUES ('raw', 'old', '{}')")
        cursor.execute(
            "INSERT INTO model_activations (topic, model_version, from_offsets) VALUES ('raw', 'new', '{10,20}')"
        )
    scored = [("a", "old", 300), ("a", "old", 30), ("b", "old", 20), ("a", "new", 10)]
    insert([
        window(connection_id=name, last_offset=n, probabilities={"kraken": 1.0}, model_version=version,
               window_end_at=ago(hours=hours))
        for n, (name, version, hours) in enumerate(scored)
    ])  # fmt: skip
    rows = [(r["model"], r["windows"], r["connections"], r["partition"], r["from_offset"]) for r in ask("models")]
    assert rows == [("new", "1", "1", "0", "10"), ("new", "1", "1", "1", "20"), ("old", "2", "2", "", "0")]
    assert ask("models", days="20")[-1]["windows"] == "3"
