"""How often a steady rate is said to have drifted, and how soon a change is seen; nothing but NumPy runs.

`python tests/benchmarks/bench_drift.py --captures DIR` draws long synthetic sessions whose rate does not change, the
same ones with the rate of their latter part changed, and examines recordings, by the computation that the view
`drifting_connections` is tested against. Of an alarm, a false one or a seen change, counts the first window; what
follows within 64 windows belongs to it.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from ingest.capture import read_capture
from synthetic.generate import generate_session
from synthetic.profiles import profiles
from udfs.schema import Float64Array, Int64Array
from udfs.windows import slide

START_NS = 1_790_000_000_000_000_000
CHANGED_AT = 800
"""The window after which the rate is another."""

FACTORS = (1.5, 1 / 1.5, 2.0, 0.5)
IN_TIME = 40
HELD = 64
STEADY_SPREADS = (0.08, 0.12, 0.2, np.inf)
"""Sessions are counted by how much the logarithm of their rate over 32 windows differs from time to time."""


def load_naive() -> ModuleType:
    """Load the computation beside the view's tests."""
    path = Path(__file__).parents[1] / "sql" / "naive_drift.py"
    spec = importlib.util.spec_from_file_location("naive_drift", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


naive = load_naive()


@dataclass(frozen=True)
class Course:
    """What was said after each window: whether it drifts, and how unsteady the rate was before; NaN where unjudged."""

    drifts: Sequence[bool]
    spreads: Sequence[float]

    @property
    def alarms(self) -> list[int]:
        """The first windows of alarms."""
        at = [i for i, drifts in enumerate(self.drifts) if drifts]
        return [i for n, i in enumerate(at) if n == 0 or i - at[n - 1] > HELD]

    @property
    def spread(self) -> float:
        """The median of the spreads."""
        judged = [spread for spread in self.spreads if not np.isnan(spread)]
        return float(np.median(judged)) if judged else np.nan


def follow(recv_ts_ns: Int64Array, first: int = 0, last: int | None = None) -> Course:
    """Say of each window from the second on, or of some of them, what the view would have said after it."""
    logs = naive.log_intervals(slide(recv_ts_ns).max(axis=1) / 1e9)
    found = [naive.drift_at(naive.blocks_of(logs[max(0, n - 392) : n])) for n in range(first + 1, len(logs) + 1)[:last]]
    return Course([d is not None and d.is_one for d in found], [np.nan if d is None else d.spread for d in found])


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


def changed(plain: Int64Array, other: Int64Array) -> Int64Array:
    """Go on with another session's messages, without its opening."""
    n, opening = 25 * (CHANGED_AT + 1), 500
    later = other[opening : opening + 25 * (IN_TIME + 2)]
    gap_ns = int(np.median(np.diff(plain[:n])))
    return np.concatenate([plain[:n], later - later[0] + plain[n - 1] + gap_ns])


def squeezed(plain: Int64Array, factor: float) -> Int64Array:
    """Let everything happen so many times as fast from the change on."""
    n = 25 * (CHANGED_AT + 1)
    later = np.diff(plain[n - 1 : n + 25 * (IN_TIME + 2)]) / factor
    return np.concatenate([plain[:n], plain[n - 1] + np.cumsum(later.astype(np.int64))])


def delay(course: Course) -> float:
    """Count windows from the change to the first that shows it; infinite if none in time does."""
    return next((i + 1.0 for i, drifts in enumerate(course.drifts[:IN_TIME]) if drifts), np.inf)


def print_alarms(name: str, courses: Sequence[Course]) -> None:
    """Count alarms, also among those whose rate is steady."""
    for limit in STEADY_SPREADS:
        chosen = [course for course in courses if course.spread <= limit]
        windows = sum(int((~np.isnan(course.spreads)).sum()) for course in chosen)
        alarms, shown = sum(len(c.alarms) for c in chosen), sum(sum(c.drifts) for c in chosen)
        if windows:
            per_1000 = (
                f"{1000 * alarms / windows:.2f} alarms and {1000 * shown / windows:.2f} windows in alarm per 1,000"
            )
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
    spreads = np.array([course.spreads[CHANGED_AT - 2] for course in courses])
    for factor in FACTORS:
        others = [draw(i, chosen.seed, 2 * IN_TIME, factor) for i in range(chosen.sessions)]
        for name, made in (
            ("livelier market", [changed(p, o) for p, o in zip(plain, others, strict=True)]),
            ("all times divided", [squeezed(p, factor) for p in plain]),
        ):
            delays = np.array([delay(follow(times, CHANGED_AT - 1, IN_TIME)) for times in made])
            print_delays(f"rate x {factor:.2f}, {name}", spreads, delays)
    if chosen.captures is not None:
        found = list(recorded(chosen.captures))
        print_alarms("recordings", [course for _, course in found])
        for name, course in found:
            if course.alarms:
                print(f"  {name}: alarms after windows {[i + 1 for i in course.alarms]}")


if __name__ == "__main__":
    main()
