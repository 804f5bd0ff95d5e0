"""How often a steady rate is said to have drifted, and how soon a change is seen; nothing but Python runs.

`python tests/benchmarks/bench_drift.py --captures DIR` draws long synthetic sessions whose rate does not change, the
same ones with the rate of their latter part changed, and examines recordings, by what the job's events are computed
with offline. A change that comes while a connection is learnt anew, after a false alarm, is one that is missed.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingest.recordings.capture import read_capture
from jobs.reference.drift import LEVEL_UNITS, N_IN_BLOCK, Drift, compare
from synthetic.generate import generate_session
from synthetic.profiles import profiles
from udfs.schema import WINDOW_SIZE, WINDOW_SLIDE, Float64Array, Int64Array

START_NS = 1_790_000_000_000_000_000
CHANGED_AT = 800
"""The window after which the rate is another, and up to seven more: blocks of eight begin anywhere before it."""

FACTORS = (1.5, 1 / 1.5, 2.0, 0.5)
IN_TIME = 40
STEADY_SPREADS = (0.08, 0.12, 0.2, np.inf)
"""Sessions are counted by how much the logarithm of their rate over 32 windows differs from time to time."""


@dataclass(frozen=True)
class Course:
    """What was said of a session.

    Attributes
    ----------
    alarms : sequence of int
        The windows, counted from 1, at which a change was told.
    judged : int
        Windows at whose blocks one could have been.
    spread : float
        How unsteady the rate was: the median of the standard deviations of its logarithm over 32 windows; NaN if none.
    """

    alarms: Sequence[int]
    judged: int
    spread: float


def follow(recv_ts_ns: Int64Array) -> Course:
    """Say what the job says of a session of these receive times."""
    drift, alarms, spreads = Drift(), [], []
    for n, end_ns in enumerate(recv_ts_ns[WINDOW_SIZE - 1 :: WINDOW_SLIDE].tolist(), 1):
        n_blocks = len(drift.blocks)
        if drift.take((end_ns, n)):
            alarms.append(n)
        elif len(drift.blocks) > n_blocks and (compared := compare(drift.blocks)):
            spreads.append(math.sqrt(compared.variance) / LEVEL_UNITS * math.log(2))
    judged = N_IN_BLOCK * (len(alarms) + len(spreads))
    return Course(alarms, judged, float(np.median(spreads)) if spreads else np.nan)


def draw(number: int, seed: int, n_windows: int, factor: float = 1.0) -> Int64Array:
    """Draw the receive times of a session, of the same subscriptions and market for any factor of its rate."""
    behaviour = profiles()[number % len(profiles())]
    session = generate_session(
        behaviour,
        rng=np.random.default_rng((seed, number)),
        start_ns=START_NS,
        connection_id="c",
        n_messages=25 * (n_windows + 1),
        rate_factor=factor,
    )
    return session.recv_ts_ns


def changed(plain: Int64Array, other: Int64Array, at: int) -> Int64Array:
    """Go on with another session's messages, without its opening."""
    n, opening = 25 * (at + 1), 500
    later = other[opening : opening + 25 * (IN_TIME + 2)]
    gap_ns = int(np.median(np.diff(plain[:n])))
    return np.concatenate([plain[:n], later - later[0] + plain[n - 1] + gap_ns])


def squeezed(plain: Int64Array, factor: float, at: int) -> Int64Array:
    """Let everything happen so many times as fast from the change on."""
    n = 25 * (at + 1)
    later = np.diff(plain[n - 1 : n + 25 * (IN_TIME + 2)]) / factor
    return np.concatenate([plain[:n], plain[n - 1] + np.cumsum(later.astype(np.int64))])


def delay(course: Course, at: int) -> float:
    """Count windows from the change to the first that shows it; infinite if none in time does."""
    return next((float(n - at) for n in course.alarms if at < n <= at + IN_TIME), np.inf)


def print_alarms(name: str, courses: Sequence[Course]) -> None:
    """Count alarms, also among those whose rate is steady."""
    for limit in STEADY_SPREADS:
        chosen = [course for course in courses if course.spread <= limit]
        windows, alarms = sum(c.judged for c in chosen), sum(len(c.alarms) for c in chosen)
        if windows:
            per_1000 = f"{alarms} alarms, {1000 * alarms / windows:.2f} per 1,000"
            print(f"{name}, spread up to {limit}: {len(chosen)} sessions, {windows:,} windows judged; {per_1000}")


def print_delays(name: str, spreads: Float64Array, delays: Float64Array) -> None:
    """Say which share of changes is seen in time, and after how many windows."""
    for limit in STEADY_SPREADS:
        chosen = delays[spreads <= limit]
        if len(chosen):
            in_time = np.mean(chosen <= IN_TIME)
            print(
                f"{name}, spread up to {limit}: {in_time:.0%} of {len(chosen)}, median {np.median(chosen):.0f} windows"
            )


def recorded(folder: Path) -> Iterator[tuple[str, Course]]:
    """Follow every recording of one part."""
    for path in sorted(folder.rglob("*.jsonl.gz")):
        yield path.name, follow(read_capture(path).recv_ts_ns)


def main() -> None:
    """Count false alarms, delays, and what recordings show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captures", type=Path)
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--windows", type=int, default=2000, help="of each")
    parser.add_argument("--seed", type=int, default=2026)
    chosen = parser.parse_args()
    plain = [draw(i, chosen.seed, chosen.windows) for i in range(chosen.sessions)]
    courses = [follow(times) for times in plain]
    print_alarms("no change", courses)
    spreads = np.array([follow(times[: 25 * (CHANGED_AT + 1)]).spread for times in plain])
    places = [CHANGED_AT + i % N_IN_BLOCK for i in range(chosen.sessions)]
    for factor in FACTORS:
        others = [draw(i, chosen.seed, 2 * IN_TIME, factor) for i in range(chosen.sessions)]
        for name, made in (
            ("livelier market", [changed(*one) for one in zip(plain, others, places, strict=True)]),
            ("all times divided", [squeezed(p, factor, at) for p, at in zip(plain, places, strict=True)]),
        ):
            delays = np.array([delay(follow(times), at) for times, at in zip(made, places, strict=True)])
            print_delays(f"rate x {factor:.2f}, {name}", spreads, delays)
    if chosen.captures is not None:
        found = list(recorded(chosen.captures))
        print_alarms("recordings", [course for _, course in found])
        for name, course in found:
            if course.alarms:
                print(f"  {name}: alarms after windows {course.alarms}")


if __name__ == "__main__":
    main()
