"""A flood of connection ids: what is listed stays short, what matters stays on top, and the flood itself is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from psycopg2.extensions import connection as Connection

from jobs.results.active_alerts import Rule, read_alerts

SILENT = """
    INSERT INTO connection_activity (connection_id, kafka_partition, last_offset, declared_exchange, messages,
        last_recv_at, written_at, began_at)
    SELECT %(name)s || n, 0, n, 'kraken', 49, now() - make_interval(secs => %(heard_s)s),
        now() - make_interval(secs => %(heard_s)s), now() - make_interval(secs => %(began_s)s)
    FROM generate_series(1, %(n)s) AS n"""
SUSPICIOUS = """
    INSERT INTO connection_verdicts (connection_id, declared_exchange, verdict, certainty, probability, strength_nats,
        windows, messages, kafka_partition, last_offset, last_window_end_at, signature, model_version, updated_at)
    SELECT %(name)s || n, %(declared)s, 'unknown', 'certain', 0.99, 12, 3, 100, 0, n, now(), 'xf1', 'test-1', now()
    FROM generate_series(1, %(n)s) AS n;
    INSERT INTO connection_events (connection_id, kafka_partition, last_offset, kind, verdict, declared_exchange,
        since_at, since_offset, detected_at, messages, windows, strength_nats, probability, signature, model_version)
    SELECT %(name)s || n, 0, n, 'unknown_venue', 'unknown', %(declared)s,
        now() - interval '1 minute' - make_interval(secs => n), n, now(), 100, 2, 12, 0.99, 'xf1', 'test-1'
    FROM generate_series(1, %(n)s) AS n"""


@pytest.fixture
def flood(database: Connection) -> Callable[..., None]:
    """Return a function that runs one of the statements."""

    def run(statement: str, **values: object) -> None:
        with database.cursor() as cursor:
            cursor.execute(statement, {"heard_s": 600, "began_s": 1800} | values)

    return run


def count(database: Connection) -> dict[str, int]:
    """Count the alerts of each rule."""
    rules = [alert.rule for alert in read_alerts(database)]
    return {rule: rules.count(rule) for rule in set(rules)}


@pytest.mark.parametrize(("n", "listed", "more"), [(100, 100, None), (101, 100, 1), (3000, 100, 2900)])
def test_a_hundred_alerts_of_a_rule_are_listed_and_the_others_counted(
    flood: Any, database: Connection, n: int, listed: int, more: int | None
) -> None:
    flood(SUSPICIOUS, name="u", declared=None, n=n)
    alerts = read_alerts(database)
    assert count(database) == {"unknown venue": listed} | ({} if more is None else {"more alerts": 1})
    told = [(alert.severity, alert.subject, alert.value) for alert in alerts if alert.rule == Rule.MORE_ALERTS]
    assert told == ([] if more is None else [("warning", "unknown venue", more)])


def test_a_flood_of_warnings_leaves_the_critical_ones_on_top(
    flood: Any, database: Connection, register: Callable[..., None]
) -> None:
    register("test-1", classes=["kraken", "unknown"])
    flood(SUSPICIOUS, name="real", declared="kraken", n=3)
    flood(SUSPICIOUS, name="flood", declared="nobody", n=5000)
    flood(SILENT, name="silent", n=5000)
    flood(SILENT, name="talking", n=1, heard_s=1)
    alerts = read_alerts(database)
    assert [alert.subject for alert in alerts if alert.severity == "critical"] == ["real1", "real2", "real3"]
    assert alerts[:3] == [alert for alert in alerts if alert.severity == "critical"]
    assert len(alerts) < 400
    more = {alert.subject: alert.value for alert in alerts if alert.rule == Rule.MORE_ALERTS}
    assert more == {"unknown venue": 4903, "stall": 4900}


def test_whoever_asks_for_one_rule_is_told_how_many_more_it_has(flood: Any, database: Connection) -> None:
    flood(SUSPICIOUS, name="u", declared=None, n=120)
    flood(SILENT, name="silent", n=120)
    flood(SILENT, name="talking", n=1, heard_s=1)
    told = {(alert.rule, alert.subject) for alert in read_alerts(database, [Rule.STALL])}
    assert len(told) == 101
    assert ("more alerts", "stall") in told


@pytest.mark.parametrize(
    ("n", "severity"), [(1000, None), (1001, "warning"), (10_000, "warning"), (10_001, "critical")]
)
def test_many_new_connections_are_told(flood: Any, database: Connection, n: int, severity: str | None) -> None:
    flood(SILENT, name="old", n=2000, began_s=700)
    flood(SILENT, name="new", n=n, began_s=500)
    found = [alert for alert in read_alerts(database) if alert.rule == Rule.NEW_CONNECTIONS]
    assert [(alert.severity, alert.value) for alert in found] == ([] if severity is None else [(severity, n)])


@pytest.mark.parametrize(
    ("short", "talking", "judged", "expected"),
    [
        (20, 0, 0, None),
        (21, 0, 0, 21),
        (21, 500, 0, 21),  # those that still send may have their windows yet
        (21, 0, 20, 21),
        (21, 0, 21, None),  # not most
    ],
)
def test_who_takes_a_new_id_every_49_messages_is_told(
    flood: Any, database: Connection, short: int, talking: int, judged: int, expected: int | None
) -> None:
    flood(SILENT, name="short", n=short, heard_s=61)
    flood(SILENT, name="talking", n=talking, heard_s=1)
    flood(SILENT, name="judged", n=judged, heard_s=61)
    flood(SUSPICIOUS, name="judged", declared=None, n=judged)
    found = [alert for alert in read_alerts(database) if alert.rule == Rule.SHORT_CONNECTIONS]
    assert [alert.value for alert in found] == ([] if expected is None else [expected])
    assert all("most of them declare kraken" in alert.summary for alert in found)


@pytest.mark.slow
def test_two_hundred_thousand_ids_keep_nobody_waiting(flood: Any, database: Connection) -> None:
    """The view took minutes, and had a row for each; on a machine of its own it takes less than a second."""
    flood(SILENT, name="silent", n=200_000)
    flood(SILENT, name="talking", n=1, heard_s=1)
    flood(SUSPICIOUS, name="u", declared=None, n=200_000)
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
    started_s = time.monotonic()
    assert len(read_alerts(database)) < 300
    assert time.monotonic() - started_s < 30
