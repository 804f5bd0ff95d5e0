"""How often a clean connection is called sick, and how many faults are seen; nothing but NumPy runs.

`python tests/benchmarks/bench_health.py --captures DIR` examines recordings and fresh synthetic sessions, and then the
same synthetic sessions with one fault each.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ingest.recordings.capture import read_capture
from jobs.reference.health import health_events
from synthetic.anomalies import drop, duplicate, stall
from synthetic.open_world.unknown_venues import stranger_sessions
from synthetic.sessions import synthetic_sessions
from udfs.schema import MISSING, Session

START_NS = 1_790_000_000_000_000_000
FAULT_AT = 0.75
"""Where in a session a fault is, as a share of its messages."""

Fault = Callable[[Session, int], Session]


def recorded(folder: Path) -> Iterator[Session]:
    """Read every recording of one part."""
    return (read_capture(path) for path in sorted(folder.rglob("*.jsonl.gz")))


def drawn(per_kind: int, n_messages: int, seed: int) -> list[Session]:
    """Draw sessions of each exchange, and half as many strangers as of all."""
    known = synthetic_sessions(per_exchange=per_kind, seed=seed, start_ns=START_NS, n_messages=n_messages)
    n_strangers = 3 * per_kind // 2
    strangers = stranger_sessions(n=n_strangers, seed=seed, start_ns=START_NS, n_messages=n_messages)
    return [labelled.session for labelled in (*known, *strangers)]


def examine(session: Session) -> list[dict[str, Any]]:
    """List the session's events."""
    return health_events(session, np.arange(len(session)))


def print_alarms(name: str, sessions: Iterable[Session]) -> None:
    """Count the events of sessions that are clean."""
    kinds: Counter[str] = Counter()
    n_sessions = n_messages = span_ns = 0
    for session in sessions:
        n_sessions, n_messages = n_sessions + 1, n_messages + len(session)
        span_ns += int(session.recv_ts_ns[-1] - session.recv_ts_ns[0])
        for event in examine(session):
            kinds[event["kind"]] += 1
            print(f"  {session.connection_id}: {_numbers(event)}")
    counted = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())) or "none"
    print(f"{name}: {n_sessions} sessions, {n_messages:,} messages, {span_ns / 3.6e12:.1f} h; events: {counted}")


def _numbers(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if value is not None and not name.endswith("_offset")}


def _lose_five(session: Session, at: int) -> Session:
    return drop(session, first=at, last=at + 4, share=1.0, rng=np.random.default_rng(0)).sessions[0]


def _repeat_five(session: Session, at: int) -> Session:
    return duplicate(session, first=at, last=at + 4, share=1.0, rng=np.random.default_rng(0)).sessions[0]


def _number_anew(session: Session, at: int) -> Session:
    """Let the numbers begin at 1 again, all streams' alike."""
    seq = session.seq.copy()
    is_later = (seq != MISSING) & (np.arange(len(seq)) >= at)
    seq[is_later] -= seq[is_later].min(initial=2**63 - 1) - 1
    return replace(session, seq=seq)


def _hold_30_s(session: Session, at: int) -> Session:
    return stall(session, first=at, duration_s=30).sessions[0]


FAULTS: dict[str, tuple[Fault, set[str]]] = {
    "5 messages in a row lost": (_lose_five, {"gap"}),
    "5 messages in a row twice": (_repeat_five, {"repeat", "reset"}),
    "numbers begin at 1 again": (_number_anew, {"reset"}),
    "nothing for 30 s, then all of it": (_hold_30_s, {"stall"}),
}
"""What is done to a session, and the kinds of events that tell it."""


def print_detected(sessions: list[Session]) -> None:
    """Count in how many sessions a fault is seen within the 25 messages that follow."""
    for name, (inflict, kinds) in FAULTS.items():
        seen = 0
        for session in sessions:
            at = round(FAULT_AT * len(session))
            events = examine(inflict(session, at))
            seen += any(e["kind"] in kinds and at <= e["kafka_offset"] <= at + 25 for e in events)
        print(f"{name}: seen in {seen} of {len(sessions)}")


def main() -> None:
    """Count alarms, and faults that are seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captures", type=Path)
    parser.add_argument("--sessions", type=int, default=100, help="of each exchange")
    parser.add_argument("--messages", type=int, default=5000, help="of each")
    parser.add_argument("--seed", type=int, default=2026)
    chosen = parser.parse_args()
    if chosen.captures is not None:
        print_alarms("recordings", recorded(chosen.captures))
    sessions = drawn(chosen.sessions, chosen.messages, chosen.seed)
    print_alarms("synthetic", sessions)
    print_detected(sessions)


if __name__ == "__main__":
    main()
