"""Connections whose rate has changed: the view against a loop over slices."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Insert = Callable[..., None]
Select = Callable[..., list[dict[str, Any]]]

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module", autouse=True)
def clock() -> None:
    """Let now be when these tests begin, however long other tests took since this file was read."""
    globals()["NOW"] = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def naive() -> Any:
    """Return the module beside this file."""
    spec = importlib.util.spec_from_file_location("naive_drift", Path(__file__).with_name("naive_drift.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def draw_ends(seed: int, *, n: int, factor: float = 1.0, n_after: int = 0, spread: float = 0.3) -> list[datetime]:
    """Draw the ends of n windows, the last one now; before its last windows the rate changed by a factor."""
    steps_s = np.random.default_rng(seed).lognormal(0.7, spread, n - 1)
    steps_s[n - 1 - n_after :] /= factor
    ages_s = np.append(np.cumsum(steps_s[::-1])[::-1], 0.0)
    return [NOW - timedelta(microseconds=round(age * 1e6)) for age in ages_s]


@pytest.fixture
def store(insert: Insert, window: Any, verdict: Any) -> Callable[..., None]:
    def store_connection(name: str, ends: list[datetime], detected: str = "kraken") -> None:
        insert([verdict(connection_id=name, last_window_end_at=ends[-1], verdict=detected)])
        rows = [
            window(
                connection_id=name,
                last_offset=49 + 25 * i,
                probabilities={"kraken": 1.0},
                window_end_at=end,
                window_start_at=end - timedelta(seconds=1),
            )
            for i, end in enumerate(ends)
        ]
        # In any order.
        insert(rows[::2] + rows[1::2])

    return store_connection


def naive_row(naive: Any, ends: list[datetime]) -> dict[str, Any] | None:
    """Say what the view should say of a connection."""
    ends = ends[-449:]
    logs = naive.log_intervals(np.array([(end - ends[0]).total_seconds() for end in ends]))
    blocks = naive.blocks_of(logs)
    found = []
    for age in range(min(naive.N_HELD, len(blocks))):
        drift = naive.drift_at(blocks[: len(blocks) - age])
        if drift is not None and drift.is_one:
            found.append((age, drift))
    if not found:
        return None
    drift = found[0][1]
    return {
        "measure": "rate",
        "before": pytest.approx(np.exp(-drift.before)),
        "now": pytest.approx(np.exp(-drift.now)),
        "ratio": pytest.approx(np.exp(drift.before - drift.now)),
        "score": pytest.approx(drift.score, rel=1e-6),
        "score_limit": naive.SCORE_LIMIT,
        "since_at": ends[naive.since_index(logs[-191:], drift) + max(len(logs) - 191, 0)],
        "detected_at": ends[-1 - naive.N_IN_BLOCK * found[-1][0]],
        "windows": len(ends),
        "declared_exchange": "kraken",
        "detected_exchange": "kraken",
        "others": 0,
    }


@pytest.mark.parametrize("n", [192, 193, 300, 449, 600])
@pytest.mark.parametrize(("factor", "n_after"), [(2.0, 30), (0.5, 45), (3.0, 70), (1.2, 30)])
def test_a_row_is_that_of_a_naive_loop(
    store: Callable[..., None], select: Select, naive: Any, n: int, factor: float, n_after: int
) -> None:
    ends = draw_ends(n, n=n, factor=factor, n_after=n_after)
    store("c", ends)
    expected = naive_row(naive, ends)
    rows = select("SELECT * FROM drifting_connections")
    assert rows == ([] if expected is None else [{"connection_id": "c", **expected}])
    # Nothing is said before there are 193 windows.
    if n >= 300 and factor in (2.0, 0.5):
        assert rows
    assert rows == [] or n >= 193


def test_an_unsteady_connection_may_change_by_as_much_as_it_always_does(
    store: Callable[..., None], select: Select
) -> None:
    store("steady", draw_ends(1, n=449, factor=1.6, n_after=40, spread=0.2))
    store("unsteady", draw_ends(1, n=449, factor=1.6, n_after=40, spread=1.5))
    assert [row["connection_id"] for row in select("SELECT * FROM drifting_connections")] == ["steady"]


def test_since_and_detection_are_about_when_it_happened(store: Callable[..., None], select: Select) -> None:
    ends = draw_ends(5, n=449, factor=2.0, n_after=60)
    store("c", ends)
    (row,) = select("SELECT * FROM drifting_connections")
    assert ends[-61 - 3] <= row["since_at"] <= ends[-61 + 3]
    assert ends[-61] < row["detected_at"] <= ends[-61 + 40]
    assert row["ratio"] == pytest.approx(2, rel=0.2)


def test_others_that_drift_the_same_way_are_counted(store: Callable[..., None], select: Select) -> None:
    for seed, (factor, detected) in enumerate([(2, "kraken"), (2, "kraken"), (2, "binance"), (0.5, "kraken")]):
        store(f"c{seed}", draw_ends(seed, n=400, factor=factor, n_after=60), detected)
    rows = select("SELECT connection_id, others FROM drifting_connections ORDER BY 1")
    assert [row["others"] for row in rows] == [1, 1, 0, 0]


def test_a_connection_that_has_ended_is_not_shown(store: Callable[..., None], select: Select) -> None:
    ends = [end - timedelta(hours=2) for end in draw_ends(5, n=449, factor=2.0, n_after=60)]
    store("c", ends)
    assert select("SELECT * FROM drifting_connections") == []
