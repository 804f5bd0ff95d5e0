"""Changes of a connection's rate, against floating point over slices."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from jobs.reference.drift import Change, Drift, log2
from udfs.schema import Float64Array

START_NS = 1_790_000_000_000_000_000


def draw_ends(seed: int, *, n: int, factor: float = 1.0, n_after: int = 0, spread: float = 0.3) -> list[int]:
    """Draw the ends of n windows; before the last ones the rate changed by a factor."""
    steps_s = np.random.default_rng(seed).lognormal(0.7, spread, n - 1)
    steps_s[n - 1 - n_after :] /= factor
    return (START_NS + np.round(np.append(0.0, np.cumsum(steps_s)) * 1e9)).astype(np.int64).tolist()


def walk(ends_ns: list[int]) -> list[tuple[int, Change]]:
    """Let windows end at these times, with offsets from 0; return each change with the window that shows it."""
    drift = Drift()
    found = [(n, drift.take((end_ns, n))) for n, end_ns in enumerate(ends_ns)]
    return [(n, change) for n, change in found if change is not None]


def naive_change(logs: Float64Array) -> tuple[float, float, float] | None:
    """Compare the mean logarithms of seconds per message; return the rate before and now, and the score."""
    blocks = logs[: len(logs) // 8 * 8].reshape(-1, 8).mean(axis=1)
    before, now = blocks[-48:-8], blocks[-4:].mean()
    if len(before) < 16:
        return None
    means = np.array([before[i : i + 4].mean() for i in range(len(before) - 3)])
    parts = len(before) / 4
    variance = max(means.var() * parts / (parts - 1), before.var() / 4, 0.02**2)
    t = abs(now - before.mean()) / np.sqrt(variance * (1 + 1 / parts))
    f = parts - 1
    score = (8 * f + 1) / (8 * f + 3) * np.sqrt(f * np.log(1 + t * t / f))
    if score <= 3 or abs(now - before.mean()) <= np.log(1.25):
        return None
    sign, middle = np.sign(now - before.mean()), (now + before.mean()) / 2
    n_since = 1 + np.argmax([sign * (blocks[-n:] - middle).sum() for n in range(1, 9)])
    return float(np.exp(-before.mean())), float(np.exp(-blocks[-n_since:].mean())), float(score)


def naive_walk(ends_ns: list[int]) -> list[tuple[int, float, float, float]]:
    """Look at all windows since the last change whenever eight more have come."""
    found, first = [], 0
    logs = np.log(np.maximum(np.diff(np.array(ends_ns, dtype=np.int64)) / 1e9, 1e-6) / 25)
    for last in range(len(ends_ns)):
        if last > first and (last - first) % 8 == 0 and (change := naive_change(logs[first:last])):
            found.append((last, *change))
            first = last
    return found


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("factor", "n_after"), [(2.0, 60), (0.5, 45), (3.0, 400), (1.2, 300)])
def test_changes_are_those_of_a_naive_walk(seed: int, factor: float, n_after: int) -> None:
    ends_ns = draw_ends(seed, n=700, factor=factor, n_after=n_after, spread=(0.1, 0.3, 1.2)[seed % 3])
    found = [(n, change.rate_before, change.rate_now, change.score) for n, change in walk(ends_ns)]
    expected = naive_walk(ends_ns)
    # A logarithm is rounded down to a 16,384th: rates are right to four digits, scores to a thousandth.
    assert [one[0] for one in found] == [one[0] for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert one[1:3] == pytest.approx(other[1:3], rel=1e-4)
        assert one[3] == pytest.approx(other[3], rel=2e-3)
    if factor in (2.0, 0.5) and seed % 3 == 0:
        assert found


def test_one_change_is_one_event_that_says_when_and_how_much() -> None:
    """25 messages in 4 s, give or take some, then in 2 s, from the 200th window on: the end of the 25th block."""
    steps_ns = [4 * 10**9 + n % 3 * 10**8 for n in range(200)] + [2 * 10**9 + n % 3 * 5 * 10**7 for n in range(500)]
    ends_ns = np.cumsum([START_NS, *steps_ns]).tolist()
    ((last, change),) = walk(ends_ns)
    assert last in (208, 216, 224, 232)
    assert change.since == (ends_ns[200], 200)
    assert change.rate_before == pytest.approx(25 / 4.1, rel=1e-3)
    assert change.rate_now == pytest.approx(25 / 2.05, rel=5e-3)
    assert change.score > 3


@pytest.mark.parametrize(("n_windows", "is_told"), [(193, True), (192, False)])
def test_nothing_is_told_before_there_are_193_windows(n_windows: int, is_told: bool) -> None:
    """The 193rd window ends the 24th block: the last four are now, the first sixteen before."""
    steps_ns = [4 * 10**9] * 160 + [10**9] * (n_windows - 161)
    assert [last for last, _ in walk(np.cumsum([START_NS, *steps_ns]).tolist())] == ([192] if is_told else [])


@pytest.mark.parametrize(("factor", "is_told"), [(1.26, True), (1.24, False)])
def test_a_change_by_less_than_a_quarter_never_counts(factor: float, is_told: bool) -> None:
    steps_ns = [4 * 10**9] * 200 + [round(4e9 / factor)] * 60
    assert bool(walk(np.cumsum([START_NS, *steps_ns]).tolist())) is is_told


def test_windows_that_end_at_once_or_in_the_wrong_order_are_a_microsecond_apart() -> None:
    steps_ns = [10**6] * 200 + [0, -5] * 40
    ((_, change),) = walk(np.cumsum([START_NS, *steps_ns]).tolist())
    assert change.rate_before == pytest.approx(25_000, rel=1e-4)


def test_logarithms_are_right_to_their_last_bit() -> None:
    rng = np.random.default_rng(1)
    numbers = [1, 2, 3, *(int(2**x) for x in rng.uniform(0, 62.9, 2000))]
    assert all(-1.01 < log2(x) - np.log2(float(x)) * 2**14 < 1e-2 for x in numbers)
    assert all(log2(x) <= log2(y) for x, y in pairwise(sorted(numbers)))
