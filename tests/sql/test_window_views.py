"""What the views say of the windows' features, against plain Python over the messages that the features came from."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from udfs.features import FEATURES, compute_features
from udfs.rows import array_literals, read_array_literal
from udfs.schema import MISSING, WINDOW_SIZE, MsgType, Windows

Insert = Callable[..., None]
Register = Callable[..., None]
Select = Callable[..., list[dict[str, Any]]]

START_AT = datetime(2021, 6, 1, 12, 0, tzinfo=UTC)
PROBABILITIES = {"binance": 0.7, "coinbase": 0.05, "kraken": 0.05, "unknown": 0.2}
N_WINDOWS = 40

NAMES = [feature.name for feature in FEATURES]
MODELS = {"test-1": NAMES, "test-2": [*NAMES[:2], "invented_share", *NAMES[2:]]}
"""Each model's features in its order: the later one has another feature, in their midst."""

INVENTED = -5.0


@pytest.fixture(scope="module")
def messages() -> Windows:
    """Draw windows of requests, answers and heartbeats; one whose messages all come at once, and two in clumps."""
    rng = np.random.default_rng(4)
    shape = (N_WINDOWS, WINDOW_SIZE)
    intervals_ns = (rng.lognormal(15, 1.5, shape)).astype(np.int64)
    intervals_ns[0] = 0
    intervals_ns[1:3, ::2] = 0
    return Windows(
        recv_ts_ns=10**18 + np.cumsum(intervals_ns, axis=1),
        exchange_ts_ns=np.where(rng.random(shape) < 0.5, 1, MISSING),
        seq=np.where(rng.random(shape) < 0.6, rng.integers(0, 30, shape).cumsum(axis=1) - 9, MISSING),
        request_id=np.repeat(rng.integers(0, 2**62, (N_WINDOWS, WINDOW_SIZE // 2)), 2, axis=1),
        msg_type=rng.choice(5, shape, p=[0.5, 0.3, 0.05, 0.1, 0.05]),
        payload_bytes=rng.integers(20, 2000, shape),
    )


def model_of(i: int) -> str:
    return list(MODELS)[i % len(MODELS)]


@pytest.fixture
def stored(insert: Insert, register: Register, window: Any, messages: Windows) -> Sequence[Any]:
    """Store them as the job does, a second apart, scored by one model and the other in turn."""
    for version, names in MODELS.items():
        register(version, feature_names=names)
    columns = dict(zip(NAMES, compute_features(messages).T, strict=True)) | {
        "invented_share": np.full(N_WINDOWS, INVENTED)
    }
    texts = [
        array_literals(np.array([[columns[name][i] for name in MODELS[model_of(i)]]]))[0] for i in range(N_WINDOWS)
    ]
    rows = [
        window(
            connection_id="c",
            last_offset=49 + 25 * i,
            probabilities=PROBABILITIES,
            declared_exchange="kraken",
            window_start_at=START_AT + timedelta(seconds=i),
            window_end_at=START_AT + timedelta(seconds=i + 7),
            scored_at=START_AT + timedelta(seconds=i + 7, milliseconds=250),
            model_version=model_of(i),
            features=read_array_literal(text),
        )
        for i, text in enumerate(texts)
    ]
    insert(rows)
    return rows


def test_each_model_has_its_own_positions(select: Select, register: Register) -> None:
    for version, names in MODELS.items():
        register(version, feature_names=names)
    register("of no names", reference={})
    rows = select("SELECT * FROM feature_positions ORDER BY model_version, position")
    assert rows == [
        {"model_version": version, "position": position, "feature": name}
        for version, names in MODELS.items()
        for position, name in enumerate(names, start=1)
    ]


@pytest.mark.usefixtures("stored")
def test_every_feature_of_every_window_has_a_row_by_the_names_of_its_model(select: Select, messages: Windows) -> None:
    rows = select("SELECT window_end_at, model_version, feature, value FROM window_features ORDER BY window_end_at")
    assert len(rows) == sum(len(MODELS[model_of(i)]) for i in range(N_WINDOWS))
    invented = [row for row in rows if row["feature"] == "invented_share"]
    assert {(row["model_version"], row["value"]) for row in invented} == {("test-2", INVENTED)}
    found = {(row["window_end_at"], row["feature"]): row["value"] for row in rows}
    values = compute_features(messages)
    assert np.isnan(values).any()
    for i in range(N_WINDOWS):
        for column, feature in enumerate(FEATURES):
            value = found[START_AT + timedelta(seconds=i + 7), feature.name]
            assert (np.nan if value is None else value) == pytest.approx(values[i, column], abs=6e-7, nan_ok=True)


def naive_measures(messages: Windows, i: int) -> dict[str, float | None]:
    """Say of one window what window_measures should say, message by message."""
    times, types = messages.recv_ts_ns[i].tolist(), messages.msg_type[i].tolist()
    intervals_us = sorted((b - a) / 1000 for a, b in zip(times, times[1:], strict=False))
    median = statistics.median(intervals_us)
    ids, latencies = messages.request_id[i].tolist(), dict[int, list[float]]()
    for n in range(1, WINDOW_SIZE):
        if ids[n] == ids[n - 1] and types[n - 1] == MsgType.NEW and types[n] in (MsgType.ACK, MsgType.NACK):
            latencies.setdefault(types[n], []).append((times[n] - times[n - 1]) / 1000)
    mean = {kind: sum(values) / len(values) or None for kind, values in latencies.items()}
    seqs = [seq for seq in messages.seq[i].tolist() if seq != MISSING]
    steps = [b - a for a, b in zip(seqs, seqs[1:], strict=False)]
    return {
        "interval_p10_us": intervals_us[5],
        "interval_p50_us": median,
        "interval_p90_us": intervals_us[43] if median else None,
        **{f"{t.name.lower()}_share": types.count(t) / WINDOW_SIZE for t in MsgType},
        "ack_latency_us": mean.get(MsgType.ACK),
        "nack_latency_us": mean.get(MsgType.NACK),
        "seq_jump_share": sum(step > 1 for step in steps) / len(steps),
        "seq_backward_share": sum(step <= 0 for step in steps) / len(steps),
    }


@pytest.mark.usefixtures("stored")
def test_measures_are_those_of_the_messages(select: Select, messages: Windows) -> None:
    rows = select("SELECT * FROM window_measures ORDER BY window_end_at")
    assert len(rows) == N_WINDOWS
    given = {
        "connection_id": "c",
        "declared_exchange": "kraken",
        "detected_exchange": "binance",
        "confidence": 0.7,
        "margin": pytest.approx(0.5),
        "unknown_score": 0.2,
        "messages_per_second": 7.0,
        "latency_ms": 250.0,
    }
    undefined = set()
    for i, row in enumerate(rows):
        assert row.pop("window_start_at") == START_AT + timedelta(seconds=i)
        assert row.pop("window_end_at") == START_AT + timedelta(seconds=i + 7)
        expected = naive_measures(messages, i)
        undefined |= {name for name, value in expected.items() if value is None}
        # A ratio of six decimals is what short and long intervals are computed from.
        assert row == given | {"model_version": model_of(i)} | {
            name: None if value is None else pytest.approx(value, rel=1e-3, abs=1e-6)
            for name, value in expected.items()
        }
    assert undefined == {"interval_p90_us", "nack_latency_us", "ack_latency_us"}


def measures_of_features(row: dict[str, Any]) -> list[str]:
    names = [name for name in row if name.startswith("interval_") or name.endswith(("_share", "_us"))]
    assert len(names) == 12
    return names


def test_rows_from_before_features_were_kept_have_no_measures_of_them(
    insert: Insert, select: Select, window: Any
) -> None:
    insert([window(connection_id="old", last_offset=49, probabilities={"kraken": 1.0})])
    (row,) = select("SELECT * FROM window_measures")
    assert {row[name] for name in [*measures_of_features(row), "margin"]} == {None}
    assert row["confidence"] == 1.0
    assert select("SELECT * FROM window_features") == []


def test_rows_of_a_model_that_is_not_registered_have_no_features(insert: Insert, select: Select, window: Any) -> None:
    features = [0.5] * len(NAMES)
    insert([window(connection_id="c", last_offset=49, probabilities={"kraken": 1.0}, features=features)])
    (row,) = select("SELECT * FROM window_measures")
    assert {row[name] for name in measures_of_features(row)} == {None}
    assert select("SELECT * FROM window_features") == []


def test_what_a_model_does_not_measure_is_null(insert: Insert, register: Register, select: Select, window: Any) -> None:
    register("test-1", feature_names=["type_new_share", "inter_arrival_p10_p50_ratio"])
    insert([window(connection_id="c", last_offset=49, probabilities={"kraken": 1.0}, features=[0.5, 0.25])])
    (row,) = select("SELECT * FROM window_measures")
    assert {name: row[name] for name in measures_of_features(row) if row[name] is not None} == {"new_share": 0.5}


def test_the_reference_is_what_the_manifest_says(register: Register, select: Select) -> None:
    stated = {
        "deciles": [0.0, 0.0, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.5],
        "shares": [0.3, 0.0, 0.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.0, 0.1],
        "missing_share": 0.1,
        "likeness": 0.25,
        "likeness_square": 0.1,
        "effective_windows": 812.5,
    }
    nothing: dict[str, Any] = {name: 0.0 for name in stated} | {"deciles": [], "shares": [0.0] * 10}
    register("new", reference={"kraken": {"seq_jump_share": stated, "ack_latency_cv": nothing}})
    register("old", typical={})
    rows = select("SELECT * FROM model_reference ORDER BY measure")
    assert rows == [
        {"model_version": "new", "exchange": "kraken", "measure": "ack_latency_cv", **nothing},
        {"model_version": "new", "exchange": "kraken", "measure": "seq_jump_share", **stated},
    ]
