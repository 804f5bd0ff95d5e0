"""Every feature against SciPy, `statistics` or a naive loop in exact integers, on every kind of window."""

import cmath
import math
import statistics
import warnings
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from udfs.features import FEATURES, compute_features
from udfs.schema import MISSING, WINDOW_SIZE, Float64Array, Int64Array, MsgType, Windows

LATEST_NS, EARLIEST_NS = 2**62 - 1, -(2**62)
NAMES = [feature.name for feature in FEATURES]
TYPES = ("new", "ack", "nack", "heartbeat", "other")


def columns(windows: Windows, prefix: str) -> Float64Array:
    chosen = [i for i, name in enumerate(NAMES) if name.startswith(prefix)]
    assert chosen
    return compute_features(windows)[:, chosen]


def times_ns(windows: Windows) -> list[list[int]]:
    return [[min(max(t, EARLIEST_NS), LATEST_NS) for t in row] for row in windows.recv_ts_ns.tolist()]


def intervals_ns(windows: Windows) -> list[list[int]]:
    return [[max(b - a, 0) for a, b in zip(row, row[1:], strict=False)] for row in times_ns(windows)]


def known_types(windows: Windows) -> list[list[str]]:
    return [[TYPES[t] if 0 <= t <= 3 else "other" for t in row] for row in windows.msg_type.tolist()]


def test_log10_median(windows: Windows) -> None:
    medians = [statistics.median(row) for row in intervals_ns(windows)]
    expected = [[math.log10(m / 1000) if m > 0 else math.nan] for m in medians]
    assert_allclose(columns(windows, "inter_arrival_log10_median_us"), expected, rtol=1e-12, atol=1e-12)


def test_cv(windows: Windows) -> None:
    rows = intervals_ns(windows)
    expected = [[stats.variation(np.array(row, dtype=float)) if any(row) else math.nan] for row in rows]
    assert_allclose(columns(windows, "inter_arrival_cv"), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "low", "high"), [("p10_p50", 0.1, 0.5), ("p25_p75", 0.25, 0.75), ("p50_p90", 0.5, 0.9)]
)
def test_quantile_ratios(windows: Windows, name: str, low: float, high: float) -> None:
    rows = np.array(intervals_ns(windows), dtype=float)
    lows, highs = (np.quantile(rows, p, axis=1, method="nearest") for p in (low, high))
    expected = [[lo / hi if hi > 0 else math.nan] for lo, hi in zip(lows, highs, strict=True)]
    assert_allclose(columns(windows, f"inter_arrival_{name}_ratio"), expected, rtol=1e-12)


def test_burst_share(windows: Windows) -> None:
    # 10 * 49 * interval < sum, in exact integers.
    expected = [
        [statistics.mean(490 * interval < sum(row) for interval in row) if any(row) else math.nan]
        for row in intervals_ns(windows)
    ]
    assert_allclose(columns(windows, "inter_arrival_burst_share"), expected, rtol=1e-12)


def test_instant_share(windows: Windows) -> None:
    expected = [[statistics.mean(interval < 100_000 for interval in row)] for row in intervals_ns(windows)]
    assert_allclose(columns(windows, "inter_arrival_instant_share"), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "period_ns"),
    [
        ("5ms", Fraction(5_000_000)),
        ("8ms", Fraction(8_000_000)),
        ("16_67ms", Fraction(50_000_000, 3)),
        ("62_5ms", Fraction(62_500_000)),
        ("75ms", Fraction(75_000_000)),
        ("83_33ms", Fraction(250_000_000, 3)),
        ("100ms", Fraction(100_000_000)),
        ("300ms", Fraction(300_000_000)),
        ("1000ms", Fraction(1_000_000_000)),
    ],
)
def test_tick_alignment(windows: Windows, name: str, period_ns: Fraction) -> None:
    rows = times_ns(windows)
    actual = columns(windows, f"arrival_tick_alignment_{name}")[:, 0]
    for row, value in zip(rows, actual, strict=True):
        if row[-1] - row[0] < 2 * period_ns:
            assert math.isnan(value)
            continue
        angles = [2 * math.pi * float(t % period_ns / period_ns) for t in row]
        assert value == pytest.approx(abs(sum(cmath.exp(1j * angle) for angle in angles)) / WINDOW_SIZE, abs=2e-6)
        directions = np.column_stack((np.cos(angles), np.sin(angles)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # SciPy divides by R, which may be 0
            assert value == pytest.approx(stats.directional_stats(directions).mean_resultant_length, abs=2e-6)


def test_alignments_stand_in_the_order_of_their_names() -> None:
    ticks = np.arange(WINDOW_SIZE).reshape(1, -1) * 250_000_000
    zeros = np.zeros_like(ticks)
    windows = Windows(
        recv_ts_ns=ticks, exchange_ts_ns=zeros, seq=zeros, request_id=zeros, msg_type=zeros, payload_bytes=zeros
    )
    names = [name.removeprefix("arrival_tick_alignment_") for name in NAMES if name.startswith("arrival_tick")]
    full = {name for name, value in zip(names, columns(windows, "arrival_tick")[0], strict=True) if value > 0.99}
    # The periods that divide 250 ms.
    assert full == {"5ms", "10ms", "16_67ms", "25ms", "50ms", "62_5ms", "83_33ms", "125ms", "250ms"}


def test_type_shares(windows: Windows) -> None:
    expected = [[row.count(name) / WINDOW_SIZE for name in TYPES] for row in known_types(windows)]
    assert_allclose(columns(windows, "type_"), expected, rtol=1e-15)


def kinds(windows: Windows) -> list[list[str]]:
    def kind(name: str, seq: int, exchange_ts_ns: int) -> str:
        if name in ("ack", "nack"):
            return "answer"
        return "numbered" if seq != MISSING else "timed" if exchange_ts_ns != MISSING else "plain"

    columns_ = zip(known_types(windows), windows.seq.tolist(), windows.exchange_ts_ns.tolist(), strict=True)
    return [[kind(*message) for message in zip(*row, strict=True)] for row in columns_]


def test_bigram_shares(windows: Windows) -> None:
    names = ("numbered", "timed", "plain", "answer")
    for row, actual in zip(kinds(windows), columns(windows, "bigram_"), strict=True):
        pairs = list(zip(row, row[1:], strict=False))
        expected = [pairs.count((first, second)) / 49 for first in names for second in names]
        assert_allclose(actual, expected, rtol=1e-15)


def test_bigram_names_say_first_then_second() -> None:
    row = np.full((1, WINDOW_SIZE), MsgType.OTHER, dtype=np.int64)
    row[0, 0] = MsgType.ACK
    windows = Windows(recv_ts_ns=row, exchange_ts_ns=row, seq=row, request_id=row, msg_type=row, payload_bytes=row)
    assert columns(windows, "bigram_answer_numbered_share") == pytest.approx(1 / 49)
    assert columns(windows, "bigram_numbered_answer_share") == 0


def answered(windows: Windows) -> list[tuple[dict[int, list[int]], int]]:
    """Walk through each window as a person would: keep the open request of each id, close it at its first answer."""
    result = []
    for times, types, ids in zip(times_ns(windows), windows.msg_type, windows.request_id, strict=True):
        open_at: dict[int, int] = {}
        latencies: dict[int, list[int]] = {MsgType.ACK: [], MsgType.NACK: []}
        n_requests = 0
        for time, kind, request_id in zip(times, types.tolist(), ids.tolist(), strict=True):
            if request_id == MISSING:
                continue
            if kind == MsgType.NEW:
                open_at[request_id] = time
                n_requests += 1
            elif kind in latencies and request_id in open_at:
                latencies[kind].append(max(time - open_at.pop(request_id), 0))
        result.append((latencies, n_requests))
    return result


@pytest.mark.parametrize("kind", [MsgType.ACK, MsgType.NACK])
def test_latencies(windows: Windows, kind: MsgType) -> None:
    def expected(latencies: list[int], n_requests: int) -> tuple[float, float, float]:
        total = sum(latencies)
        level = math.log10(total / len(latencies) / 1000) if total else math.nan
        spread = statistics.pstdev(latencies) / statistics.mean(latencies) if total and len(latencies) > 1 else math.nan
        return level, spread, len(latencies) / n_requests if n_requests else math.nan

    rows = [expected(latencies[kind], n_requests) for latencies, n_requests in answered(windows)]
    name = kind.name.lower()
    actual = np.concatenate([columns(windows, f"{name}_latency_"), columns(windows, f"request_{name}_share")], axis=1)
    assert_allclose(actual, rows, rtol=1e-9, atol=1e-12)


def test_sequence_steps(windows: Windows) -> None:
    def expected(row: list[int]) -> tuple[float, float]:
        present = [seq for seq in row if seq != MISSING]
        steps = [b - a for a, b in zip(present, present[1:], strict=False)]
        if not steps:
            return math.nan, math.nan
        return sum(step > 1 for step in steps) / len(steps), sum(step <= 0 for step in steps) / len(steps)

    actual = np.concatenate([columns(windows, "seq_jump_share"), columns(windows, "seq_backward_share")], axis=1)
    assert_allclose(actual, [expected(row) for row in windows.seq.tolist()], rtol=1e-15)


def present(column: Int64Array) -> list[list[int]]:
    return [[value for value in row if value != MISSING] for row in column.tolist()]


def test_sequence_numbers_as_a_set(windows: Windows) -> None:
    def expected(numbers: list[int]) -> tuple[float, float]:
        if len(numbers) < 2:
            return math.nan, math.nan
        times_seen = Counter(numbers)
        continued = sum(number - 1 in times_seen for number in times_seen)
        again = sum(n - 1 for n in times_seen.values())
        return continued / (len(numbers) - 1), again / (len(numbers) - 1)

    rows = present(windows.seq)
    actual = np.concatenate([columns(windows, "seq_continued_share"), columns(windows, "seq_repeat_share")], axis=1)
    assert_allclose(actual, [expected(row) for row in rows], rtol=1e-15)
    assert_allclose(columns(windows, "seq_share"), [[len(row) / WINDOW_SIZE] for row in rows], rtol=1e-15)


def test_sequence_counters(windows: Windows) -> None:
    def expected(numbers: list[int]) -> float:
        ascending = sorted(numbers)
        apart = sum(b - a > 1_000_000 for a, b in zip(ascending, ascending[1:], strict=False))
        return 1 + apart if numbers else math.nan

    assert_allclose(columns(windows, "seq_counters")[:, 0], [expected(row) for row in present(windows.seq)])


@pytest.mark.parametrize("unit_ns", [1_000_000_000, 1_000_000, 1_000, 1, None])
def test_sequence_that_is_a_clock(windows: Windows, unit_ns: int | None) -> None:
    if unit_ns is not None:
        clocks = windows.recv_ts_ns // unit_ns - 5
        windows = Windows(**{**vars(windows), "seq": np.where(windows.seq == MISSING, MISSING, clocks)})

    def expected(numbers: list[int], first_ns: int) -> float:
        if not numbers:
            return math.nan
        middle = statistics.median_high(numbers)
        return any(abs(middle * unit - first_ns) < 86_400 * 10**9 for unit in (10**9, 10**6, 10**3, 1))

    firsts = [row[0] for row in times_ns(windows)]
    rows = [expected(numbers, first) for numbers, first in zip(present(windows.seq), firsts, strict=True)]
    assert_allclose(columns(windows, "seq_is_clock")[:, 0], rows)


def test_resolution_of_the_venues_time(windows: Windows) -> None:
    def expected(times: list[int]) -> list[float]:
        shares = [sum(time % step == 0 for time in times) / len(times) if times else math.nan for step in steps]
        return [len(times) / WINDOW_SIZE, *shares]

    steps = (1_000, 1_000_000, 1_000_000_000)
    actual = np.concatenate([columns(windows, "venue_time_share"), columns(windows, "venue_time_whole_")], axis=1)
    assert_allclose(actual, [expected(row) for row in present(windows.exchange_ts_ns)], rtol=1e-15)


def test_steps_of_the_venues_time(windows: Windows) -> None:
    def expected(times: list[int]) -> tuple[float, float]:
        steps = [b - a for a, b in zip(times, times[1:], strict=False)]
        if not steps:
            return math.nan, math.nan
        return sum(step == 0 for step in steps) / len(steps), sum(step < 0 for step in steps) / len(steps)

    names = ("venue_time_repeat_share", "venue_time_backward_share")
    actual = np.concatenate([columns(windows, name) for name in names], axis=1)
    assert_allclose(actual, [expected(row) for row in present(windows.exchange_ts_ns)], rtol=1e-15)


@pytest.mark.parametrize("percent", [10, 50, 90])
def test_quantiles_of_sizes(windows: Windows, percent: int) -> None:
    quantiles = np.quantile(windows.payload_bytes.astype(object), percent / 100, axis=1, method="nearest")
    expected = [[math.log10(quantile) if quantile > 0 else math.nan] for quantile in quantiles.tolist()]
    assert_allclose(columns(windows, f"payload_log10_p{percent}_bytes"), expected, rtol=1e-12, atol=1e-15)


def test_kinds_of_sizes(windows: Windows) -> None:
    distinct = [[len(set(row)) / WINDOW_SIZE] for row in windows.payload_bytes.tolist()]
    commonest = stats.mode(windows.payload_bytes, axis=1, keepdims=True).count / WINDOW_SIZE
    assert_allclose(columns(windows, "payload_distinct_share"), distinct, rtol=1e-15)
    assert_allclose(columns(windows, "payload_mode_share"), commonest, rtol=1e-15)
