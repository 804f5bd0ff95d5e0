"""The population stability index of the windows of some time, against a computation value by value."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from model.training.distributions import Distribution, distribution
from udfs.features import FEATURES
from udfs.rows import array_literals, as_stored, read_array_literal

Insert = Callable[..., None]
Register = Callable[..., None]
Select = Callable[..., list[dict[str, Any]]]

START_AT = datetime(2021, 6, 1, 12, 0, tzinfo=UTC)
NAMES = [feature.name for feature in FEATURES]
MEASURES = [*NAMES, "confidence", "margin"]
CLASSES = ("binance", "kraken", "unknown")
CALL = "SELECT * FROM measure_stability(%s, %s) ORDER BY exchange, measure"
ALL_TIME = (START_AT, START_AT + timedelta(days=1))
HOUR = timedelta(hours=1)


def draw_features(rng: np.random.Generator, n: int) -> np.ndarray:
    """Draw features of all kinds: even ones, counts, mostly one value, always one, sometimes undefined."""
    values = rng.normal(size=(n, len(NAMES)))
    values[:, 1::6] = np.round(values[:, 1::6] * 2) / 50
    values[:, 2::6] = np.maximum(values[:, 2::6] - 1, 0)
    values[:, 3::6] = 0.0
    values[:, 4::6][rng.random((n, len(range(4, len(NAMES), 6)))) < 0.4] = np.nan
    values[:, -3] = np.nan
    return values


@pytest.fixture
def reference(register: Register) -> dict[str, dict[str, Distribution]]:
    """Store a model that knows windows of 60 sessions of each class."""
    rng = np.random.default_rng(3)
    stated = {}
    for name in CLASSES:
        values = np.column_stack([draw_features(rng, 600), rng.beta(9, 1, (600, 2))])
        sessions = np.repeat(np.arange(60), 10)
        columns = as_stored(values).T
        stated[name] = {m: distribution(c, sessions, np.ones(600)) for m, c in zip(MEASURES, columns, strict=True)}
    register("test-1", feature_names=NAMES, reference=stated)
    return stated


def make_windows(window: Any, *, n: int, seed: int, shift: float = 0.0) -> list[Any]:
    """Make windows of a few connections of two classes, of six decimals as they are stored."""
    rng = np.random.default_rng(seed)
    features = draw_features(rng, n) + shift
    rows = []
    for i, text in enumerate(array_literals(features)):
        known = CLASSES[i % 2]
        best = float(np.round(rng.uniform(0.5, 0.9), 6))
        rows.append(
            window(
                connection_id=f"c{int(rng.integers(4))}",
                last_offset=i,
                probabilities={known: best, "unknown": round(1 - best - 0.05, 6), "other": 0.05},
                window_end_at=START_AT + timedelta(seconds=i),
                features=read_array_literal(text),
            )
        )
    return rows


def by_name(row: dict[str, Any]) -> tuple[str, str]:
    return row["exchange"], row["measure"]


def naive_part(deciles: Sequence[float], value: float | None) -> int:
    """Say in which part of the reference a value is."""
    if value is None:
        return 10
    return sum(np.float32(decile) < np.float32(value) for decile in deciles) if deciles else 9


def naive_row(stated: Distribution, values: Sequence[float | None], of_connection: Counter[str]) -> dict[str, Any]:
    """Compute what the function should say of one exchange and measure."""
    n, known = len(values), [*stated["shares"], stated["missing_share"]]
    counts = Counter(naive_part(stated["deciles"], value) for value in values)
    psi = 0.0
    for part, share in enumerate(known):
        if share == 0 and counts[part] == 0:
            continue
        before = share or 0.5 / stated["effective_windows"]
        now = (counts[part] or 0.5) / n
        psi += (now - before) * math.log(now / before)
    pairs = sum(m * m for m in of_connection.values())
    freedoms = max(sum(share > 0 for share in known) - 1, 1)
    alone, together = 1 / n + 1 / stated["effective_windows"], (pairs / n - 1) / n
    mean = freedoms * (alone + together * stated["likeness"])
    square = freedoms * (alone**2 + 2 * alone * together * stated["likeness"] + together**2 * stated["likeness_square"])
    limit = chi2.ppf(0.99, mean**2 / square) * square / mean
    defined = sorted(value for value in values if value is not None)
    return {
        "windows": n,
        "psi": pytest.approx(psi, rel=1e-6, abs=1e-9),
        "psi_limit": pytest.approx(limit, rel=0.02),
        "median_now": pytest.approx(defined[(len(defined) + 1) // 2 - 1], rel=1e-6) if defined else None,
        "median_reference": stated["deciles"][4] if stated["deciles"] else None,
    }


def naive_stability(reference: dict[str, dict[str, Distribution]], windows: Sequence[Any]) -> list[dict[str, Any]]:
    values: dict[tuple[str, str], list[float | None]] = defaultdict(list)
    connections: dict[str, Counter[str]] = defaultdict(Counter)
    for w in windows:
        exchange, probabilities = w.predicted_exchange, sorted(w.probabilities.values())
        connections[exchange][w.connection_id] += 1
        decided = [probabilities[-1], probabilities[-1] - probabilities[-2]]
        for name, value in zip(MEASURES, [*w.features, *decided], strict=True):
            values[exchange, name].append(value)
    return [
        {
            "exchange": exchange,
            "measure": name,
            **naive_row(reference[exchange][name], values[exchange, name], connections[exchange]),
        }
        for exchange, name in sorted(values)
    ]


@pytest.mark.parametrize(("n", "shift"), [(7, 0.0), (400, 0.0), (400, 0.5)])
def test_the_index_is_that_of_a_naive_computation(
    insert: Insert, select: Select, window: Any, reference: dict[str, dict[str, Distribution]], n: int, shift: float
) -> None:
    windows = make_windows(window, n=n, seed=n, shift=shift)
    insert(windows)
    rows = sorted(select(CALL, *ALL_TIME), key=by_name)
    assert rows == naive_stability(reference, windows)
    # Values that are frequent in both are no alarm; what has moved is one, but for what is always undefined.
    alarms = {row["measure"] for row in rows if row["psi"] > row["psi_limit"]}
    if n == 400:
        assert len(alarms) > 0.7 * len(MEASURES) if shift else len(alarms - {"confidence", "margin"}) < 5


def test_a_limit_does_not_fall_to_nothing(
    database: Any, insert: Insert, select: Select, window: Any, reference: dict[str, dict[str, Distribution]]
) -> None:
    # Sessions that are alike in one way out of many leave less than a tenth of a degree of freedom.
    stated = reference["binance"][NAMES[0]] | {"likeness": 0.0, "likeness_square": 0.1}
    with database.cursor() as cursor:
        cursor.execute(
            "UPDATE model_versions SET manifest = jsonb_set(manifest, %s, %s)",
            (["reference", "binance", NAMES[0]], json.dumps(stated)),
        )
    windows = make_windows(window, n=400, seed=400)
    insert(windows)
    n, connections = 200, Counter(w.connection_id for w in windows if w.predicted_exchange == "binance")
    alone, together = 1 / n + 1 / stated["effective_windows"], (sum(m * m for m in connections.values()) / n - 1) / n
    freedoms = 9 * alone**2 / (alone**2 + 0.1 * together**2)
    assert freedoms < 0.1
    exact = chi2.ppf(0.99, freedoms) * 9 * alone / freedoms
    (row,) = [r for r in select(CALL, *ALL_TIME) if (r["exchange"], r["measure"]) == ("binance", NAMES[0])]
    assert exact < row["psi_limit"] < 3 * exact


@pytest.mark.usefixtures("reference")
def test_many_windows_are_taken_from_all_of_the_time(insert: Insert, select: Select, window: Any) -> None:
    insert(make_windows(window, n=1500, seed=1))
    rows = select("SELECT * FROM measure_stability(%s, %s, 200)", *ALL_TIME)
    assert len(rows) == 2 * len(MEASURES)
    # Six of every slice's fifteen windows, as there are three classes.
    assert {row["windows"] for row in rows} == {200}
    part = select("SELECT * FROM measure_stability(%s, %s, 200)", START_AT, START_AT + timedelta(seconds=99))
    assert {row["windows"] for row in part} == {50}


@pytest.mark.usefixtures("reference")
def test_only_windows_of_the_latest_model_are_compared(insert: Insert, select: Select, window: Any) -> None:
    insert(make_windows(window, n=20, seed=1))
    older = {"probabilities": {"kraken": 1.0}, "model_version": "test-0", "window_end_at": START_AT}
    insert([window(connection_id="c", last_offset=9, **older)])
    assert {row["windows"] for row in select(CALL, *ALL_TIME)} == {10}
    assert select(CALL, START_AT - timedelta(days=9), START_AT - timedelta(days=8)) == []


def test_features_are_read_by_the_names_of_the_windows_own_model(
    insert: Insert,
    register: Register,
    select: Select,
    window: Any,
    reference: dict[str, dict[str, Distribution]],
) -> None:
    # The later model has another feature, in the midst of those of the earlier one.
    register("test-2", feature_names=[*NAMES[:7], "invented_share", *NAMES[7:]], reference=reference)
    earlier, later = make_windows(window, n=40, seed=1), make_windows(window, n=40, seed=2)
    later = [replace(w, last_offset=w.last_offset + 40, window_end_at=w.window_end_at + HOUR) for w in later]
    insert(earlier)
    insert([replace(w, model_version="test-2", features=[*w.features[:7], 9.0, *w.features[7:]]) for w in later])
    for windows, from_at in ((earlier, START_AT), (later, START_AT + HOUR)):
        rows = select(CALL, from_at, from_at + HOUR / 2)
        assert sorted(rows, key=by_name) == naive_stability(reference, windows)
