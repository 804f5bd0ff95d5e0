"""Changes of a connection's rate: the job's own Java and Python compute the same bits."""

from __future__ import annotations

import struct
from collections.abc import Callable
from subprocess import CompletedProcess

import numpy as np

from jobs.reference.drift import Drift
from udfs.schema import Int64Array

START_NS = 1_790_000_000_000_000_000


def draw_ends(rng: np.random.Generator) -> Int64Array:
    """Draw the ends of 150 to 1,000 windows; before the last ones the rate changed."""
    n, spread, factor = int(rng.integers(150, 1000)), rng.choice([0.01, 0.1, 0.3, 1.0, 3.0]), np.exp(rng.normal(0, 0.8))
    steps_s = rng.lognormal(0.7, spread, n - 1)
    steps_s[n - 1 - int(rng.integers(0, n)) :] /= factor
    return (START_NS + np.round(np.append(0.0, np.cumsum(steps_s)) * 1e9)).astype(np.int64)


def describe(number: int, ends_ns: list[int]) -> list[str]:
    """Walk over a series as `DriftWalk.java` does; write each change as it does."""
    drift, lines = Drift(), []
    for offset, end_ns in enumerate(ends_ns):
        if change := drift.take((end_ns, offset)):
            bits = struct.unpack(">3q", struct.pack(">3d", change.rate_before, change.rate_now, change.score))
            lines.append(" ".join([*map(str, (number, offset, *change.since)), *(f"{value:x}" for value in bits)]))
    return lines


def test_java_computes_the_same_bits(run_java: Callable[..., CompletedProcess[str]]) -> None:
    rng = np.random.default_rng(7)
    series = [draw_ends(rng).tolist() for _ in range(800)]
    # The widest that 64 bits allow, and the narrowest.
    series.append(np.cumsum(rng.choice([0, 1, 10**15], 600)).tolist())
    series.append(np.cumsum(np.repeat([0, 10**15, 1], 200)).tolist())
    text = "\n".join(f"{len(ends_ns)} {' '.join(map(str, ends_ns))}" for ends_ns in series)
    run = run_java("exchangefingerprint.flink.health.DriftWalk", text=text)
    assert run.returncode == 0, run.stderr
    expected = [line for number, ends_ns in enumerate(series) for line in describe(number, ends_ns)]
    assert len(expected) > 200
    assert run.stdout.splitlines() == expected
