"""What the views say, against plain Python over the rows that were put in."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
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


def naive_status(windows: Sequence[Any]) -> dict[str, Any]:
    """Say what connection_status should say of one connection's windows, given in the order of their offsets."""
    means = {
        name: sum(Fraction(str(w.probabilities.get(name, 0))) for w in windows) / len(windows)
        for name in sorted({name for w in windows for name in w.probabilities})
    }
    detected = max(means, key=lambda name: means[name])  # max keeps the first of equals
    declared = windows[-1].declared_exchange
    last_ten = windows[-10:]
    span_s = (max(w.window_end_at for w in last_ten) - min(w.window_start_at for w in last_ten)).total_seconds()
    n_messages = 50 + 25 * (len(last_ten) - 1)
    return {
        "connection_id": windows[0].connection_id,
        "declared_exchange": declared,
        "detected_exchange": detected,
        "probability": pytest.approx(float(means[detected]), abs=1e-12),
        "mismatch": declared is not None and detected not in (declared, "unknown"),
        "windows": len(windows),
        "windows_by_class": dict(Counter(w.predicted_exchange for w in windows)),
        "mean_confidence": pytest.approx(float(np.mean([max(w.probabilities.values()) for w in windows]))),
        "messages": 50 + 25 * (len(windows) - 1),
        "messages_per_second": pytest.approx((n_messages - 1) / span_s) if span_s else None,
        "first_seen_at": min(w.window_start_at for w in windows),
        "last_seen_at": max(w.window_end_at for w in windows),
        "model_version": windows[-1].model_version,
    }


def test_connection_status_equals_a_naive_count(insert: Insert, select: Select, window: Any) -> None:
    windows = random_windows(window, n_connections=40, seed=1)
    insert(np.random.default_rng(2).permutation(np.array(windows, dtype=object)).tolist())
    by_connection = defaultdict(list)
    for w in windows:
        by_connection[w.connection_id].append(w)
    rows = {row["connection_id"]: row for row in select("SELECT * FROM connection_status")}
    assert rows == {name: naive_status(of_one) for name, of_one in by_connection.items()}
    # The sample holds every case.
    assert {row["detected_exchange"] for row in rows.values()} == set(CLASSES)
    assert {row["mismatch"] for row in rows.values()} == {True, False}


@pytest.mark.parametrize(
    ("declared", "probabilities", "detected", "mismatch"),
    [
        ("kraken", [{"kraken": 0.9, "binance": 0.1}], "kraken", False),
        ("kraken", [{"kraken": 0.1, "binance": 0.9}], "binance", True),
        ("kraken", [{"kraken": 0.1, "unknown": 0.9}], "unknown", False),
        (None, [{"kraken": 0.1, "binance": 0.9}], "binance", False),
        # A tie, exact although 0.1 + 0.2 and 0.3 differ as floats: the first name of the alphabet.
        (None, [{"kraken": 0.1, "binance": 0.3}, {"kraken": 0.2, "binance": 0.0}], "binance", False),
        # Two windows against one, but a smaller mean.
        (None, [{"kraken": 0.5, "binance": 0.4}, {"kraken": 0.5, "binance": 0.4}, {"binance": 1.0}], "binance", False),
    ],
)
def test_verdict_rule(
    insert: Insert,
    select: Select,
    window: Any,
    declared: str | None,
    probabilities: list[dict[str, float]],
    detected: str,
    mismatch: bool,
) -> None:
    windows = [
        window(connection_id="c", last_offset=49 + 25 * n, declared_exchange=declared, probabilities=given)
        for n, given in enumerate(probabilities)
    ]
    insert(windows)
    (row,) = select("SELECT * FROM connection_status")
    assert (row["detected_exchange"], row["mismatch"]) == (detected, mismatch)
    assert row == naive_status(windows)


def test_a_window_that_takes_no_time_has_no_rate(insert: Insert, select: Select, window: Any) -> None:
    insert(
        [
            window(
                connection_id="c", last_offset=49, probabilities={"kraken": 1.0}, window_start_at=at, window_end_at=at
            )
            for at in [START_AT]
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
