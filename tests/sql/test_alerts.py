"""The view `alerts`: each rule just inside and outside its limits, and one row for a subject."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg2.extensions import connection as Connection

from fingerprint_testing.paths import ROOT, SQL
from jobs.results.active_alerts import Rule, read_alerts

Insert = Callable[..., None]
Select = Callable[..., list[dict[str, object]]]

SHA256 = "0" * 64
NO_TIMES = {"silence_s": None, "limit_s": None}


def ago(**how_long: float) -> datetime:
    return datetime.now(UTC) - timedelta(**how_long)


@pytest.fixture
def topic_faults(database: Connection) -> Iterator[Callable[[], None]]:
    """Return a function that notes what can be wrong with the topics; it is forgotten after the test."""

    def note() -> None:
        with database.cursor() as cursor:
            cursor.execute(
                "INSERT INTO unread_records (kafka_partition, counts_from, first_offset, n_offsets, noted_at) VALUES "
                "(0, 9, 5, 4, now()), (0, 20, 11, 8, now()), (1, 7, 0, 7, now() - interval '2 hours'); "
                "INSERT INTO topic_changes VALUES ('partitions', '4 to 6'), ('cleanup.policy', 'compact'); "
                "INSERT INTO dead_letter_losses (kafka_partition, kafka_offset, lost, reason) VALUES "
                "(0, 1, 'value', 'too large'), (0, 2, 'value', 'too large'), (0, 3, 'all', 'no such topic')"
            )

    yield note
    with database.cursor() as cursor:
        cursor.execute("TRUNCATE unread_records, topic_changes, dead_letter_losses")


@pytest.fixture
def dead_letters(database: Connection) -> Iterator[Callable[..., None]]:
    """Return a function that writes dead letters of one reason, seen a number of seconds ago."""
    with database.cursor() as cursor:

        def write(reason: str, n: int, *, seen_s: float = 10, key: str = "c") -> None:
            cursor.execute(
                "INSERT INTO dead_letters (kafka_partition, kafka_offset, reason, connection_key, seen_at) "
                "SELECT 0, (SELECT count(*) FROM dead_letters) + n, %s, %s, now() - make_interval(secs => %s) "
                "FROM generate_series(1, %s) AS n",
                (reason, key, seen_s, n),
            )

        yield write
        cursor.execute("TRUNCATE dead_letters")


@pytest.fixture
def model(database: Connection) -> None:
    with database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO model_versions (model_version, manifest, sha256) "
            """VALUES ('test-1', '{"classes": ["binance", "kraken", "okx", "unknown"]}', %s)""",
            (SHA256,),
        )


@pytest.fixture
def found(database: Connection) -> Callable[[], list[tuple[str, str, str]]]:
    """Return a function that reads the alerts: rule, severity, subject."""
    return lambda: [(alert.rule, alert.severity, alert.subject) for alert in read_alerts(database)]


def test_nothing_is_wrong_with_empty_tables(found: Any) -> None:
    assert found() == []


@pytest.mark.usefixtures("model")
def test_a_mismatch_stands_for_an_hour_after_the_last_window(
    insert: Insert, verdict: Any, event: Any, database: Connection
) -> None:
    last_seen_s = {"now": 1, "nearly over": 3000, "over": 3610}
    for name, seconds in last_seen_s.items():
        insert([verdict(connection_id=name, declared_exchange="binance", last_window_end_at=ago(seconds=seconds))])
        insert([event(connection_id=name, detected_at=ago(seconds=seconds + 60))])
    insert([verdict(connection_id="honest", last_window_end_at=ago(seconds=1))])
    alerts = read_alerts(database)
    assert [(alert.rule, alert.severity, alert.subject) for alert in alerts] == [
        ("mismatch", "critical", "nearly over"),
        ("mismatch", "critical", "now"),
    ]
    assert (alerts[0].declared_exchange, alerts[0].detected_exchange) == ("binance", "kraken")
    assert alerts[0].value == 0.99
    assert re.fullmatch(
        r"Declares binance, behaves like kraken since [-\d]+ [:\d]+ UTC with probability 0.990: heartbeats",
        alerts[0].summary,
    )


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("declared", "severity", "words"),
    [
        ("kraken", "critical", "Declares kraken, behaves like no known exchange"),
        ("okx", "critical", "Declares okx, behaves like no known exchange"),
        ("bitmex", "warning", "Declares bitmex, behaves like no known exchange"),
        (None, "warning", "Declares nothing, behaves like no known exchange"),
    ],
)
def test_an_unknown_venue_is_critical_if_it_claims_what_the_model_knows(
    insert: Insert, verdict: Any, event: Any, database: Connection, declared: str | None, severity: str, words: str
) -> None:
    insert(
        [
            verdict(
                connection_id="s", verdict="unknown", declared_exchange=declared, last_window_end_at=ago(minutes=1)
            ),
            event(connection_id="s", kind="unknown_venue", verdict="unknown", declared_exchange=declared, reasons="{}"),
        ]
    )
    (alert,) = read_alerts(database)
    assert (alert.rule, alert.severity, alert.subject) == ("unknown venue", severity, "s")
    assert alert.summary.startswith(words)
    assert alert.summary.endswith("0.990")


def test_who_is_silent_stalls_until_it_has_ended(insert: Insert, activity: Any, database: Connection) -> None:
    silent_s = {"talks": 1, "silent": 20, "long silent": 3500, "ended": 3700, "slow": 100}
    limits_s = {"slow": 200.0, "talks": 60.0}
    insert(
        [
            activity(connection_id=name, last_recv_at=ago(seconds=s), silence_limit_s=limits_s.get(name, 5.0))
            for name, s in silent_s.items()
        ]
    )
    alerts = read_alerts(database)
    assert [(alert.rule, alert.severity, alert.subject) for alert in alerts] == [
        ("stall", "warning", "silent"),
        ("stall", "warning", "long silent"),
    ]
    assert (alerts[0].value, alerts[0].limit_value) == (pytest.approx(25, abs=5), 5.0)
    assert re.fullmatch(r"Silent for 2\d s, where 5 s are allowed", alerts[0].summary)


def test_a_stall_that_is_over_is_told_once_for_a_quarter_of_an_hour(
    insert: Insert, activity: Any, fault: Any, database: Connection
) -> None:
    insert(
        [
            activity(connection_id="back", last_recv_at=ago(seconds=1), silence_limit_s=60),
            fault(connection_id="back", detected_at=ago(minutes=10)),
            fault(connection_id="back", kind="data_stall", kafka_offset=400, detected_at=ago(minutes=2)),
            fault(connection_id="long ago", detected_at=ago(minutes=16)),
            activity(connection_id="silent again", last_recv_at=ago(seconds=30)),
            fault(connection_id="silent again", detected_at=ago(minutes=1)),
        ]
    )
    alerts = {alert.subject: alert for alert in read_alerts(database)}
    assert alerts.keys() == {"back", "silent again"}
    assert alerts["back"].summary.startswith("Only heartbeats for 31 s, where 5 s are allowed, until ")
    assert re.match(r"Silent for [34]\d s, where", alerts["silent again"].summary)


def test_breaks_of_sequence_numbers_are_counted_by_connection(insert: Insert, fault: Any, database: Connection) -> None:
    gap = {"kind": "gap", "seq_before": 7, "seq": 10, "n_missing": 2, **NO_TIMES}
    insert(
        [
            *(fault(connection_id="a", kafka_offset=n, detected_at=ago(seconds=100 - n), **gap) for n in range(3)),
            fault(connection_id="a", kind="reset", seq_before=10, seq=1, detected_at=ago(seconds=5), **NO_TIMES),
            fault(connection_id="b", detected_at=ago(minutes=16), **gap),
        ]
    )
    (alert,) = read_alerts(database)
    assert (alert.rule, alert.severity, alert.subject, alert.value) == ("sequence", "warning", "a", 4)
    assert alert.summary.startswith("4 breaks of the sequence numbers, the last at ")
    assert alert.summary.endswith("back to number 1 from 10")


def twice_as_fast(fault: Any) -> Any:
    """Make the event of a connection that went from 6.25 to 12.5 messages a second."""
    rates = {"rate_before": 6.25, "rate_now": 12.5, "score": 4.0}
    return fault(connection_id="fast", kind="drift", detected_at=ago(minutes=50), **rates, **NO_TIMES)


def test_drift_tells_how_the_rate_has_changed(insert: Insert, fault: Any, verdict: Any, database: Connection) -> None:
    insert([twice_as_fast(fault), verdict(connection_id="fast", last_window_end_at=ago(seconds=1))])
    (alert,) = read_alerts(database)
    assert (alert.rule, alert.severity, alert.subject, alert.value) == ("drift", "warning", "fast", 4)
    assert (alert.limit_value, alert.detected_exchange) == (3, "kraken")
    words = re.fullmatch(
        r"Its rate went from 6\.3 to 12\.5 messages/s, 2\.00 times as much, about [-\d]+ [:\d]+ UTC; so did that of 0 "
        r"others of kraken",
        alert.summary,
    )
    assert words is not None, alert.summary


def test_dead_letters_are_more_than_a_few_of_one_reason(dead_letters: Any, database: Connection) -> None:
    dead_letters("not JSON", 10)
    dead_letters("key is not the connection_id", 10)
    dead_letters("key is not the connection_id", 1, key="d")
    dead_letters("no msg_type", 1001)
    dead_letters("too large", 50, seen_s=310)
    assert [(alert.severity, alert.subject, alert.value) for alert in read_alerts(database)] == [
        ("critical", "no msg_type", 1001),
        ("warning", "key is not the connection_id", 11),
    ]
    summaries = [alert.summary for alert in read_alerts(database)]
    assert summaries[0].startswith("1001 records of one key were invalid, up to ")
    assert summaries[1].startswith("11 records of 2 keys were invalid, up to ")


@pytest.mark.parametrize(
    ("end_s", "lag_s", "expected"),
    [
        (20, 4, None),
        (20, 6, "warning"),
        (100, 61, "critical"),
        (3 * 3600, 3 * 3600 - 10, "critical"),
        (25 * 3600, 25 * 3600 - 10, None),  # a recording
        (320, 6, None),  # written more than five minutes ago
    ],
)
def test_lag_is_of_what_was_written_just_now(
    insert: Insert, window: Any, found: Any, end_s: float, lag_s: float, expected: str | None
) -> None:
    end_at = ago(seconds=end_s)
    for n in range(9):
        insert(
            [
                window(
                    connection_id="c",
                    last_offset=49 + 25 * n,
                    probabilities={"kraken": 1.0},
                    window_end_at=end_at,
                    # The median of nine is the fifth; one slow row is no lag.
                    scored_at=end_at + timedelta(seconds=lag_s if n >= 4 else 0.1),
                )
            ]
        )
    assert found() == ([] if expected is None else [("lag", expected, "results")])


def test_half_of_the_windows_is_no_lag(insert: Insert, window: Any, found: Any) -> None:
    for n in range(9):
        end_at = ago(seconds=60)
        slow_s = 30 if n >= 5 else 0.1
        insert(
            [
                window(
                    connection_id="c",
                    last_offset=49 + 25 * n,
                    probabilities={"kraken": 1.0},
                    window_end_at=end_at,
                    scored_at=end_at + timedelta(seconds=slow_s),
                )
            ]
        )
    assert found() == []


def test_all_connections_that_fall_silent_together_are_one_alert(
    insert: Insert, activity: Any, database: Connection
) -> None:
    insert([activity(connection_id=f"c{n}", last_recv_at=ago(seconds=90 + n)) for n in range(3)])
    insert([activity(connection_id="before", last_recv_at=ago(seconds=600))])
    alerts = read_alerts(database)
    assert [(alert.rule, alert.severity, alert.subject) for alert in alerts] == [
        ("job down", "critical", "all connections"),
        ("stall", "warning", "before"),
    ]
    assert alerts[0].value == pytest.approx(95, abs=5)
    assert re.match(r"Nothing of any connection for 1 min 3\d s, and 3 fell silent together", alerts[0].summary)


@pytest.mark.parametrize(
    ("silent_s", "expected"),
    [
        ((40, 40), ["stall", "stall"]),  # not yet a minute
        ((90,), ["stall"]),  # one alone is that one's silence
        ((90, 200), ["stall", "stall"]),  # not together
        ((90, 100, 1), ["stall", "stall"]),  # another one talks
        ((7200, 7200), ["job down"]),  # also after they have ended
        ((90_000, 90_000), []),  # nobody is told after a day
    ],
)
def test_a_standstill_is_of_several_and_of_all(
    insert: Insert, activity: Any, found: Any, silent_s: tuple[float, ...], expected: list[str]
) -> None:
    insert([activity(connection_id=f"c{n}", last_recv_at=ago(seconds=s)) for n, s in enumerate(silent_s)])
    assert [rule for rule, _, _ in found()] == expected


@pytest.mark.parametrize(
    ("unscored_s", "messages", "is_down"), [(61, 150, True), (59, 150, False), (61, 149, False), (61, 60, False)]
)
def test_messages_without_windows_mean_that_the_job_does_not_score(
    insert: Insert, activity: Any, verdict: Any, found: Any, unscored_s: float, messages: int, is_down: bool
) -> None:
    heard_at = ago(seconds=1)
    insert(
        [
            activity(connection_id="c", last_recv_at=heard_at, messages=messages),
            verdict(connection_id="c", messages=100, last_window_end_at=heard_at - timedelta(seconds=unscored_s)),
        ]
    )
    assert found() == ([("job down", "critical", "scores")] if is_down else [])


def test_what_is_wrong_with_the_topics_is_told(topic_faults: Any, select: Select) -> None:
    """The losses of two hours ago are over; 4 and 8 offsets of partition 0 make 12."""
    topic_faults()
    rows = select("SELECT rule, severity, subject, value::int AS value, summary FROM alerts ORDER BY subject")
    assert [(row["rule"], row["severity"], row["subject"], row["value"]) for row in rows] == [
        ("topic", "critical", "cleanup.policy", 1),
        ("dead letters", "critical", "not in their topic: all", 1),
        ("dead letters", "warning", "not in their topic: value", 2),
        ("topic", "critical", "partition 0", 12),
        ("topic", "critical", "partitions", 1),
    ]
    assert "deleted 12 records before the job read them, the last before offset 20" in str(rows[3]["summary"])


@pytest.mark.usefixtures("model")
def test_values_are_above_zero_and_subjects_are_told_once(
    insert: Insert,
    activity: Any,
    verdict: Any,
    event: Any,
    fault: Any,
    dead_letters: Any,
    topic_faults: Any,
    window: Any,
    select: Select,
    database: Connection,
) -> None:
    """Grafana's rules take every value above 0 for an alert, and refuse the same labels twice."""
    heard_at = ago(seconds=1)
    insert(
        [
            activity(connection_id="m", last_recv_at=heard_at, messages=200),
            verdict(connection_id="m", declared_exchange="binance", last_window_end_at=heard_at - timedelta(minutes=2)),
            event(connection_id="m", detected_at=ago(minutes=5)),
            verdict(connection_id="s", verdict="unknown", last_window_end_at=heard_at),
            event(connection_id="s", kind="unknown_venue", verdict="unknown", detected_at=ago(minutes=5)),
            activity(connection_id="silent", last_recv_at=ago(seconds=40)),
            fault(connection_id="silent", detected_at=ago(minutes=4)),
            fault(connection_id="m", detected_at=ago(minutes=4)),
            fault(connection_id="m", kind="heartbeat_stall", detected_at=ago(minutes=4)),
            fault(connection_id="m", kind="repeat", seq_before=7, seq=7, detected_at=ago(minutes=4), **NO_TIMES),
            window(
                connection_id="fast",
                last_offset=49,
                probabilities={"kraken": 1.0},
                window_end_at=ago(seconds=9),
                scored_at=ago(seconds=1),
            ),
            twice_as_fast(fault),
            verdict(connection_id="fast", last_window_end_at=ago(seconds=1)),
        ]
    )
    insert([activity(connection_id="ahead", last_recv_at=ago(hours=-8))])
    with database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO connection_activity (connection_id, kafka_partition, last_offset, messages, last_recv_at, "
            "written_at) SELECT 'short' || n, 0, n, 49, now() - interval '90 s', now() - interval '90 s' "
            "FROM generate_series(1, 1001) AS n"
        )
    dead_letters("not JSON", 2000)
    topic_faults()
    rows = select("SELECT rule, subject, value, runbook FROM alerts")
    assert {row["rule"] for row in rows} == set(Rule)
    assert all(float(str(row["value"])) > 0 for row in rows)
    assert len({(row["rule"], row["subject"]) for row in rows}) == len(rows)
    assert all(row["runbook"] == str(row["rule"]).replace(" ", "-") for row in rows)


def test_the_limits_of_the_view_are_those_of_the_runbook() -> None:
    """One row of its table of limits for each of the view's, with the same number."""
    view = (SQL / "views" / "alerts.sql").read_text().partition("silent AS")[0]
    values = re.findall(r"^        (?:interval )?'?([\w. ]+?)'?(?:::[a-z ]+)? +AS (\w+),?$", view, re.MULTILINE)
    in_view = {name: value for value, name in values}
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    in_runbook = dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", runbook, re.MULTILINE))
    assert len(in_view) >= 10
    assert in_view == in_runbook


def test_the_runbook_has_a_section_for_each_rule() -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    assert set(Rule) <= set(re.findall(r"^## (.*)$", runbook, re.MULTILINE))


def test_every_query_of_the_runbook_runs(select: Select) -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    queries = [
        query
        for block in re.findall(r"```sql\n(.*?)```", runbook, re.DOTALL)
        for query in block.split(";")
        if query.strip()
    ]
    assert len(queries) >= 7
    for query in queries:
        assert select(query.replace("%", "%%")) == []
