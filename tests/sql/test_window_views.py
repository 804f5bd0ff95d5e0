"""What the views say of the windows' features, against plain Python over the messages that the features came from."""

from __future__ import annotations

import json
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
Select = Callable[..., list[dict[str, Any]]]

START_AT = datetime(2021, 6, 1, 12, 0, tzinfo=UTC)
PROBABILITIES = {"binance": 0.7, "coinbase": 0.05, "kraken": 0.05, "unknown": 0.2}
N_WINDOWS = 40


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
    )


@pytest.fixture
def stored(insert: Insert, window: Any, messages: Windows) -> Sequence[Any]:
    """Store them as the job does, a second apart."""
    texts = array_literals(compute_features(messages))
    rows = [
        window(
            connection_id="c",
            last_offset=49 + 25 * i,
            probabilities=PROBABILITIES,
            declared_exchange="kraken",
            window_start_at=START_AT + timedelta(seconds=i),
            window_end_at=START_AT + timedelta(seconds=i + 7),
            scored_at=START_AT + timedelta(seconds=i + 7, milliseconds=250),
            features=read_array_literal(text),
        )
        for i, text in enumerate(texts)
    ]
    insert(rows)
    return rows


def test_positions_are_those_of_the_model(select: Select) -> None:
    rows = select("SELECT position, feature FROM feature_positions ORDER BY position")
    assert [(row["position"], row["feature"]) for row in rows] == list(enumerate((f.name for f in FEATURES), start=1))


@pytest.mark.usefixtures("stored")
def test_every_feature_of_every_window_has_a_row(select: Select, messages: Windows) -> None:
    rows = select("SELECT window_end_at, feature, value FROM window_features ORDER BY window_end_at")
    assert len(rows) == N_WINDOWS * len(FEATURES)
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
        "model_version": "test-1",
    }
    undefined = set()
    for i, row in enumerate(rows):
        assert row.pop("window_start_at") == START_AT + timedelta(seconds=i)
        assert row.pop("window_end_at") == START_AT + timedelta(seconds=i + 7)
        expected = naive_measures(messages, i)
        undefined |= {name for name, value in expected.items() if value is None}
        # A ratio of six decimals is what short and long intervals are computed from.
        assert row == given | {
            name: None if value is None else pytest.approx(value, rel=1e-3, abs=1e-6)
            for name, value in expected.items()
        }
    assert undefined == {"interval_p90_us", "nack_latency_us", "ack_latency_us"}


def test_rows_from_before_features_were_kept_have_no_measures_of_them(
    insert: Insert, select: Select, window: Any
) -> None:
    insert([window(connection_id="old", last_offset=49, probabilities={"kraken": 1.0})])
    (row,) = select("SELECT * FROM window_measures")
    of_features = [name for name in row if name.startswith("interval_") or name.endswith(("_share", "_us"))]
    assert len(of_features) == 12
    assert {row[name] for name in [*of_features, "margin"]} == {None}
    assert row["confidence"] == 1.0
    assert select("SELECT * FROM window_features") == []


def test_the_reference_is_what_the_manifest_says(database: Any, select: Select) -> None:
    stated = {
        "deciles": [0.0, 0.0, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.5],
        "shares": [0.3, 0.0, 0.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.0, 0.1],
        "missing_share": 0.1,
        "likeness": 0.25,
        "likeness_square": 0.1,
        "effective_windows": 812.5,
    }
    nothing: dict[str, Any] = {name: 0.0 for name in stated} | {"deciles": [], "shares": [0.0] * 10}
    manifests = {
        "new": {"reference": {"kraken": {"seq_jump_share": stated, "ack_latency_cv": nothing}}},
        "old": {"typical": {}},
    }
    with database.cursor() as cursor:
        for name, manifest in manifests.items():
            cursor.execute(
                "INSERT INTO model_versions (model_version, manifest, sha256) VALUES (%s, %s, %s)",
                (name, json.dumps(manifest), "0" * 64),
            )
    rows = select("SELECT * FROM model_reference ORDER BY measure")
    assert rows == [
        {"model_version": "new", "exchange": "kraken", "measure": "ack_latency_cv", **nothing},
        {"model_version": "new", "exchange": "kraken", "measure": "seq_jump_share", **stated},
    ]
