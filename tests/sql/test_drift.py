"""Connections whose rate has changed lately: the view over the events that the job writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

Insert = Callable[..., None]
Select = Callable[..., list[dict[str, Any]]]


def ago(**how_long: float) -> datetime:
    return datetime.now(UTC) - timedelta(**how_long)


@pytest.fixture
def change(fault: Any) -> Callable[..., Any]:
    """Return a function that makes an event of a rate that changed from 8 to another."""

    def make(name: str, detected_at: datetime, rate_now: float, **more: Any) -> Any:
        no_times = {"silence_s": None, "limit_s": None}
        rates = {"rate_before": 8.0, "rate_now": rate_now, "score": 4.5}
        since_at = detected_at - timedelta(seconds=90)
        return fault(
            connection_id=name, kind="drift", detected_at=detected_at, since_at=since_at, **rates, **no_times, **more
        )

    return make


def test_a_row_is_the_latest_change(insert: Insert, select: Select, verdict: Any, fault: Any, change: Any) -> None:
    detected_at = ago(minutes=5)
    insert(
        [
            verdict(connection_id="c", verdict="binance"),
            change("c", ago(minutes=50), 4.0, kafka_offset=1000),
            change("c", detected_at, 12.0, kafka_offset=9000),
            fault(connection_id="c", kafka_offset=9500, detected_at=ago(minutes=1)),
        ]
    )
    assert select("SELECT * FROM drifting_connections") == [
        {
            "connection_id": "c",
            "declared_exchange": "kraken",
            "detected_exchange": "binance",
            "measure": "rate",
            "before": 8.0,
            "now": 12.0,
            "ratio": 1.5,
            "since_at": detected_at - timedelta(seconds=90),
            "detected_at": detected_at,
            "score": 4.5,
            "score_limit": 3.0,
            "others": 0,
        }
    ]


def test_a_change_is_shown_for_an_hour(insert: Insert, select: Select, verdict: Any, change: Any) -> None:
    insert([verdict(connection_id=name) for name in ("shown", "over")])
    insert([change("shown", ago(minutes=59), 12.0), change("over", ago(minutes=61), 12.0)])
    assert [row["connection_id"] for row in select("SELECT * FROM drifting_connections")] == ["shown"]


def test_others_that_drift_the_same_way_are_counted(insert: Insert, select: Select, verdict: Any, change: Any) -> None:
    for n, (rate_now, detected) in enumerate([(16, "kraken"), (12, "kraken"), (16, "binance"), (4, "kraken")]):
        insert([verdict(connection_id=f"c{n}", verdict=detected), change(f"c{n}", ago(minutes=5), rate_now)])
    rows = select("SELECT connection_id, others FROM drifting_connections ORDER BY 1")
    assert [row["others"] for row in rows] == [1, 1, 0, 0]
