"""What the views say, against plain Python over the rows that were put in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

Insert = Callable[..., None]
Select = Callable[..., list[dict[str, Any]]]

CLASSES = ("binance", "coinbase", "kraken", "unknown")
START_AT = datetime(2021, 6, 1, 12, 0, tzinfo=UTC)


def random_windows(window: Any, *, n_connections: int, seed: int) -> list[Any]:
    """Make connections of 1 to 30 windows, in this month and in 2021, with probabilities of six decimals."""
    rng = np.random.default_rng(seed)
    windows = []
    for number in range(n_connections):
        start_at = datetime.now(UTC) - timedelta(hours=1) if number % 2 else START_AT
        for index in range(int(rng.integers(1, 31))):
            end_at = start_at + timedelta(seconds=float(rng.uniform(0.5, 9)))
            probabilities = dict(zip(CLASSES, np.round(rng.dirichlet(np.ones(4)), 6).tolist(), strict=True))
            windows.append(
                window(
                    connection_id=f"conn-{number}",
                    kafka_partition=number % 3,
                    last_offset=49 + 25 * index,
                    window_start_at=start_at,
                    window_end_at=end_at,
                    scored_at=end_at + timedelta(milliseconds=int(rng.integers(20, 90))),
                    declared_exchange=[None, "binance", "kraken"][int(rng.integers(3))],
                    probabilities=probabilities,
                    model_version=f"test-{index // 10}",
                )
            )
            start_at = start_at + (end_at - start_at) / 2
    return windows


def naive_rate(windows: Sequence[Any]) -> Any:
    """Say the rate that connection_status should say of one connection's windows, in the order of their offsets."""
    last_ten = windows[-10:]
    span_s = (max(w.window_end_at for w in last_ten) - min(w.window_start_at for w in last_ten)).total_seconds()
    return pytest.approx((49 + 25 * (len(last_ten) - 1)) / span_s) if span_s else None


def test_connection_status_shows_verdicts_with_the_rate_of_their_windows(
    insert: Insert, select: Select, window: Any, verdict: Any
) -> None:
    windows = random_windows(window, n_connections=40, seed=1)
    insert(np.random.default_rng(2).permutation(np.array(windows, dtype=object)).tolist())
    by_connection = defaultdict(list)
    for w in windows:
        by_connection[w.connection_id].append(w)
    verdicts = {
        name: verdict(connection_id=name, verdict=CLASSES[n % 4], last_window_end_at=of_one[-1].window_end_at)
        for n, (name, of_one) in enumerate(by_connection.items())
    }
    insert(list(verdicts.values()))
    rows = {row["connection_id"]: row for row in select("SELECT * FROM connection_status")}
    assert rows.keys() == by_connection.keys()
    stored = {row["connection_id"]: row for row in select("SELECT * FROM connection_verdicts")}
    for name, row in rows.items():
        of_one = by_connection[name]
        renamed = {"detected_exchange": "verdict", "last_seen_at": "last_window_end_at"}
        renamed["previous_exchange"] = "previous_verdict"
        computed = {"mismatch", "messages_per_second", "first_seen_at", "clock_ahead_s", "has_ended", "is_recording"}
        assert all(row[key] == stored[name][renamed.get(key, key)] for key in row.keys() - computed)
        assert row["messages_per_second"] == naive_rate(of_one)
        assert row["first_seen_at"] == of_one[0].window_start_at


@pytest.mark.parametrize(
    ("declared", "detected", "certainty", "mismatch"),
    [
        ("kraken", "kraken", "certain", False),
        ("kraken", "binance", "certain", True),
        ("kraken", "binance", "likely", False),
        ("kraken", "unknown", "certain", False),
        ("kraken", "unknown", "undecided", False),
        (None, "binance", "certain", False),
    ],
)
def test_a_mismatch_is_another_known_exchange_for_certain(
    insert: Insert, select: Select, verdict: Any, declared: str | None, detected: str, certainty: str, mismatch: bool
) -> None:
    insert([verdict(connection_id="c", declared_exchange=declared, verdict=detected, certainty=certainty)])
    assert select("SELECT mismatch FROM connection_status") == [{"mismatch": mismatch}]


def test_alerts_are_what_stands_now_by_its_latest_event(
    insert: Insert, select: Select, verdict: Any, event: Any
) -> None:
    later_at = START_AT + timedelta(hours=1)
    insert(
        [
            verdict(connection_id="lies", declared_exchange="binance"),
            event(connection_id="lies", last_offset=99),
            event(connection_id="lies", last_offset=9, kind="unknown_venue", verdict="unknown"),
            # A replay with another model leaves events at other offsets behind.
            event(connection_id="lies", last_offset=199, kind="named", model_version="test-0"),
            verdict(connection_id="strange", verdict="unknown", declared_exchange=None),
            event(connection_id="strange", kind="unknown_venue", verdict="unknown", detected_at=later_at),
            verdict(connection_id="honest again"),
            event(connection_id="honest again", last_offset=9),
            event(connection_id="honest again", kind="named"),
            verdict(connection_id="not certain", certainty="likely", declared_exchange="binance"),
            verdict(connection_id="nothing declared", declared_exchange=None),
            event(connection_id="nothing declared", kind="named"),
        ]
    )
    rows = select("SELECT * FROM connection_alerts")
    assert [(row["connection_id"], row["kind"]) for row in rows] == [("lies", "mismatch"), ("strange", "unknown_venue")]
    assert {row["reason"] for row in rows} == {"heartbeats"}
    assert rows[0]["reasons"]["against"] == "binance"


def test_events_are_shown_with_their_first_reason(insert: Insert, select: Select, event: Any) -> None:
    given = event(connection_id="c", previous_verdict="binance")
    insert([given])
    (row,) = select("SELECT * FROM verdict_events")
    assert (row["reason"], row["against_exchange"]) == ("heartbeats", "binance")
    assert (row["previous_exchange"], row["detected_exchange"]) == ("binance", "kraken")
    same = ("connection_id", "kind", "declared_exchange", "since_at", "detected_at", "messages", "windows")
    assert all(row[name] == getattr(given, name) for name in same)


def test_a_window_that_takes_no_time_has_no_rate(insert: Insert, select: Select, window: Any, verdict: Any) -> None:
    insert(
        [
            verdict(connection_id="c"),
            window(
                connection_id="c",
                last_offset=49,
                probabilities={"kraken": 1.0},
                window_start_at=START_AT,
                window_end_at=START_AT,
            ),
        ]
    )
    assert select("SELECT messages_per_second FROM connection_status") == [{"messages_per_second": None}]
    assert select("SELECT messages_per_second FROM scored_windows") == [{"messages_per_second": None}]


def test_scored_windows_has_rate_and_latency(insert: Insert, select: Select, window: Any) -> None:
    windows = random_windows(window, n_connections=5, seed=3)
    insert(windows)
    rows = select("SELECT * FROM scored_windows ORDER BY connection_id, window_end_at")
    windows.sort(key=lambda w: (w.connection_id, w.window_end_at))
    for row, w in zip(rows, windows, strict=True):
        assert row["detected_exchange"] == w.predicted_exchange
        assert row["confidence"] == max(w.probabilities.values())
        duration_s = (w.window_end_at - w.window_start_at).total_seconds()
        assert row["messages_per_second"] == pytest.approx(49 / duration_s)
        assert row["latency_ms"] == pytest.approx((w.scored_at - w.window_end_at).total_seconds() * 1000)


def test_exchange_activity_counts_per_minute(insert: Insert, select: Select, window: Any) -> None:
    windows = random_windows(window, n_connections=12, seed=4)
    insert(windows)
    expected = defaultdict(list)
    for w in windows:
        expected[w.window_end_at.replace(second=0, microsecond=0), w.predicted_exchange].append(w)
    rows = {(row["minute_at"], row["detected_exchange"]): row for row in select("SELECT * FROM exchange_activity")}
    assert rows.keys() == expected.keys()
    for key, row in rows.items():
        assert row["windows"] == len(expected[key])
        assert row["connections"] == len({w.connection_id for w in expected[key]})
        assert row["mean_confidence"] == pytest.approx(np.mean([max(w.probabilities.values()) for w in expected[key]]))


def test_silent_connections_are_beyond_their_limit_and_no_more_than_a_day(
    insert: Insert, select: Select, activity: Any
) -> None:
    now_at = datetime.now(UTC)
    silent_s = {"talks": 6, "silent": 20, "slow": 20, "young": 61, "young and silent": 65, "over": 86_430}
    limits_s = {"slow": 30.0, "young": None, "young and silent": None}
    insert(
        [
            activity(
                connection_id=name,
                last_recv_at=now_at - timedelta(seconds=silence_s),
                silence_limit_s=limits_s.get(name, 5.0),
            )
            for name, silence_s in silent_s.items()
        ]
    )
    rows = select("SELECT * FROM silent_connections")
    found = [(row["connection_id"], row["limit_s"], row["is_limit_learnt"]) for row in rows]
    assert found == [("silent", 5.0, True), ("young and silent", 60.0, False)]
    assert rows[0]["since_at"] == now_at - timedelta(seconds=20)
    assert 20 <= rows[0]["silence_s"] < 22
    assert {row["any_recv_at"] for row in rows} == {now_at - timedelta(seconds=6)}


def test_faults_are_told_in_words(insert: Insert, select: Select, fault: Any) -> None:
    no_times = {"silence_s": None, "limit_s": None}
    insert(
        [
            fault(connection_id="a", kind="stall"),
            fault(connection_id="b", kind="data_stall"),
            fault(connection_id="c", kind="heartbeat_stall"),
            fault(connection_id="d", kind="gap", seq_before=7, seq=10, n_missing=2, **no_times),
            fault(connection_id="e", kind="repeat", seq_before=7, seq=7, **no_times),
            fault(connection_id="f", kind="reset", seq_before=7, seq=1, **no_times),
            fault(connection_id="g", kind="drift", rate_before=8.04, rate_now=12.0, score=4.5, **no_times),
        ]
    )
    assert [row["reason"] for row in select("SELECT reason FROM connection_health ORDER BY connection_id")] == [
        "nothing for 31 s, where 5 s are allowed",
        "only heartbeats for 31 s, where 5 s are allowed",
        "no heartbeat, but data for 31 s, where 5 s are allowed",
        "2 numbers missing after 7",
        "number 7 again",
        "back to number 1 from 7",
        "12.0 messages/s, where 8.0 were before",
    ]
