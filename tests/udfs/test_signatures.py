"""Fingerprints: hand-made rows with known strings, exact pooling, stability within and difference between exchanges."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from synthetic.sessions import synthetic_sessions
from udfs.features import FEATURES, compute_features
from udfs.schema import MISSING, Float64Array, Int64Array, MsgType, Windows
from udfs.signatures import N_TRAITS, UNDEFINED, VERSION, pool, signatures, traits
from udfs.windows import session_windows

MS = 1_000_000
HISTORY = 16


def make_windows(times_ms: Float64Array, **columns: Int64Array) -> Windows:
    """One window; columns that are not given are missing, and every message is a NEW."""
    missing = np.full((1, 50), MISSING)
    given = {"exchange_ts_ns": missing, "seq": missing, "request_id": missing, "msg_type": np.zeros((1, 50), np.int64)}
    given["payload_bytes"] = np.full((1, 50), 100)
    given |= {name: column.reshape(1, -1) for name, column in columns.items()}
    return Windows(recv_ts_ns=(times_ms * MS).astype(np.int64).reshape(1, -1), **given)


def window_signature(windows: Windows) -> str:
    return str(signatures(traits(compute_features(windows)))[0])


COUNT = np.arange(50)
IRREGULAR_MS = np.cumsum(np.random.default_rng(1).exponential(37.0, 50))
EVERY_TENTH = np.where(COUNT % 10 == 9, int(MsgType.HEARTBEAT), int(MsgType.NEW))


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        (make_windows(IRREGULAR_MS), "P-t0-h0-s0"),
        (make_windows(IRREGULAR_MS, seq=COUNT), "N-t0-h0-sc"),
        (make_windows(IRREGULAR_MS, seq=3 * COUNT), "N-t0-h0-sj"),
        (make_windows(IRREGULAR_MS, seq=COUNT // 2), "N-t0-h0-si"),
        (make_windows(IRREGULAR_MS, seq=COUNT % 2 * 1000 + 5 * COUNT), "N-t0-h0-sm"),
        (make_windows(IRREGULAR_MS, exchange_ts_ns=COUNT), "T-t0-h0-s0"),
        (make_windows(IRREGULAR_MS, exchange_ts_ns=np.where(COUNT < 25, COUNT, MISSING)), "TP-t0-h0-s0"),
        (make_windows(IRREGULAR_MS, msg_type=COUNT % 2 * int(MsgType.ACK)), "PA-t0-h0-s0"),
        (make_windows(IRREGULAR_MS, msg_type=np.full(50, int(MsgType.OTHER))), "P-t0-h0-s0"),
        # One in five ticks brings two messages, so that 200 ms is no better than 100 ms.
        (make_windows(100.0 * (COUNT - COUNT // 5)), "P-t100-h0-s0"),
        (make_windows(50.0 * (COUNT - COUNT // 5)), "P-t50-h0-s0"),
        # A heartbeat every ten messages, which are 37 ms apart in the mean, and 20 and 200 times that.
        (make_windows(IRREGULAR_MS, msg_type=EVERY_TENTH), "P-t0-h1s-s0"),
        (make_windows(20 * IRREGULAR_MS, msg_type=EVERY_TENTH), "P-t0-h10s-s0"),
        (make_windows(200 * IRREGULAR_MS, msg_type=EVERY_TENTH), "P-t0-h100s-s0"),
    ],
)
def test_windows_with_a_known_string(windows: Windows, expected: str) -> None:
    assert window_signature(windows) == f"{VERSION}-{expected}"


def test_neither_rate_nor_latency_nor_clumping_is_told() -> None:
    clumped = np.sort(np.concatenate((IRREGULAR_MS[:25], IRREGULAR_MS[:25] + 0.05)))
    rows = [make_windows(times, seq=COUNT) for times in (IRREGULAR_MS, IRREGULAR_MS / 50, IRREGULAR_MS * 50, clumped)]
    assert {window_signature(row) for row in rows} == {"xf1-N-t0-h0-sc"}


def test_any_row_of_features_has_traits_that_fit_16_bits() -> None:
    rng = np.random.default_rng(3)
    features = rng.choice([0.0, 1e-9, 0.5, 1.0, 7.0, 1e300, np.nan], size=(2_000, len(FEATURES)))
    with np.errstate(over="ignore"):
        measured = traits(features)
    assert measured.shape == (2_000, N_TRAITS)
    assert measured.dtype == np.int64
    assert measured.min() >= UNDEFINED
    assert measured.max() < 2**15
    assert all(text.startswith(VERSION + "-") for text in signatures(measured).tolist())


def test_no_windows_have_no_strings() -> None:
    assert len(signatures(traits(np.empty((0, len(FEATURES)))))) == 0
    assert pool(np.empty((0, HISTORY, N_TRAITS), np.int64), np.empty(0, np.int64)).shape == (0, N_TRAITS)


def naive_pool(window_traits: Int64Array, n_windows: int) -> list[int]:
    columns = window_traits[len(window_traits) - n_windows :].T.tolist()
    defined = [[value for value in column if value != UNDEFINED] for column in columns]
    return [sum(column) // len(column) if column else UNDEFINED for column in defined]


def test_pooling_equals_a_loop() -> None:
    rng = np.random.default_rng(4)
    window_traits = rng.integers(-1, 4, size=(300, HISTORY, N_TRAITS))
    n_windows = rng.integers(1, HISTORY + 1, size=300)
    expected = [naive_pool(row, n) for row, n in zip(window_traits, n_windows.tolist(), strict=True)]
    assert pool(window_traits, n_windows).tolist() == expected


def test_what_lies_before_a_connections_windows_is_nothing_to_it() -> None:
    window_traits = np.full((2, HISTORY, N_TRAITS), 7)
    window_traits[1, : HISTORY - 2] = 30_000
    assert pool(window_traits, np.array([2, 2])).tolist() == [[7] * N_TRAITS] * 2


def pooled_signatures(features: Float64Array) -> list[str]:
    """The string of a connection after each of its windows."""
    window_traits = traits(features)
    padded = np.concatenate((np.full((HISTORY - 1, N_TRAITS), UNDEFINED), window_traits))
    histories = np.lib.stride_tricks.sliding_window_view(padded, HISTORY, axis=0).swapaxes(1, 2)
    written: list[str] = signatures(pool(histories, np.minimum(np.arange(len(features)) + 1, HISTORY))).tolist()
    return written


@pytest.fixture(scope="module")
def features_by_session() -> list[tuple[str, Float64Array]]:
    drawn = synthetic_sessions(per_exchange=45, seed=77, start_ns=0, n_messages=1_000)
    return [(d.exchange, compute_features(session_windows(d.session))) for d in drawn]


def test_a_row_does_not_depend_on_its_batch(features_by_session: list[tuple[str, Float64Array]]) -> None:
    features = np.concatenate([rows for _, rows in features_by_session])[:400]
    together = traits(features)
    assert np.array_equal(together, np.concatenate([traits(features[i : i + 1]) for i in range(400)]))
    assert np.array_equal(together[7:300], traits(np.asfortranarray(features[7:300])))


def test_strings_are_stable_and_tell_exchanges_apart(features_by_session: list[tuple[str, Float64Array]]) -> None:
    """The limits are loose: two times 450 sessions of 1,500 messages were 0.92 stable, and 0.98 of them named right."""
    stable, names = [], []
    for exchange, features in features_by_session:
        [(most_frequent, count)] = Counter(pooled_signatures(features)).most_common(1)
        stable.append(count / len(features))
        names.append((exchange, most_frequent))
    exchanges_of: dict[str, Counter[str]] = defaultdict(Counter)
    for exchange, name in names[::2]:
        exchanges_of[name][exchange] += 1
    seen = [(exchange, exchanges_of[name]) for exchange, name in names[1::2] if name in exchanges_of]
    assert np.mean(stable) > 0.85
    assert len(seen) > 0.7 * len(names) / 2
    assert np.mean([exchange == counts.most_common(1)[0][0] for exchange, counts in seen]) > 0.9
