"""Faults of a connection's numbers and pauses: the job's own Java and Python raise the same events."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import CompletedProcess

import numpy as np

from jobs.reference.health import Health
from udfs.schema import MISSING, MsgType

START_NS = 1_790_000_000_000_000_000
HIGH = 2**63 - 1

Message = tuple[int, int, int, int]
"""Type, number, predecessor, receive time."""


def draw_messages(rng: np.random.Generator) -> list[Message]:
    """Draw some hundred messages of one to four chains and of numbers without predecessors, with all faults."""
    n, n_chains = int(rng.integers(200, 1200)), int(rng.integers(1, 5))
    base = int(rng.choice([0, -50, 10**6, HIGH - 10**5]))
    last = [base + int(rng.integers(0, 10**4)) for _ in range(n_chains)]
    pauses_ns = rng.choice([0, 10**6, 10**7, 10**8, 10**10], n, p=[0.1, 0.3, 0.4, 0.199, 0.001])
    often = float(rng.choice([0.02, 0.2]))
    fault, messages, plain = float(rng.choice([0, 0.002, 0.02])), list[Message](), 0
    for time_ns in (START_NS + np.cumsum(pauses_ns)).tolist():
        kind = rng.choice(["link", "plain", "ack", "heartbeat"], p=[0.97 - often, often, 0.005, 0.025])
        if kind == "plain":
            plain += 1
            messages.append((int(MsgType.NEW), int(rng.choice([plain, last[0]])), MISSING, time_ns))
        elif kind == "ack":
            messages.append((int(MsgType.ACK), MISSING, MISSING, time_ns))
        elif kind == "heartbeat":
            messages.append((int(MsgType.HEARTBEAT), int(rng.choice([MISSING, plain, plain - 1])), MISSING, time_ns))
        else:
            chain = int(rng.integers(n_chains))
            if rng.random() < fault:
                last[chain] += int(rng.choice([5, -40, 10**5, -1, -(10**4)]))
            if rng.random() < fault:
                last[chain] = -1
            prev_seq = int(np.clip(last[chain], -HIGH, HIGH))
            last[chain] = min(prev_seq + int(rng.choice([0, 1, 1, 1, 7])), HIGH)
            messages.append((int(MsgType.NEW), last[chain], prev_seq, time_ns))
            if rng.random() < fault:
                messages.append(messages[-1])
    return messages


def draw_counters(rng: np.random.Generator) -> list[Message]:
    """Draw messages of one to five counters that step by one, with all faults, and of answers and heartbeats."""
    n, n_counters = int(rng.integers(400, 2000)), int(rng.integers(1, 6))
    last = [int(rng.integers(0, 10**6)) for _ in range(n_counters)]
    fault, messages = float(rng.choice([0, 0.001, 0.01])), list[Message]()
    for i in range(n):
        time_ns = START_NS + i * 10**7
        kind, counter = rng.random(), int(rng.integers(n_counters))
        if kind < 0.01:
            messages.append((int(MsgType.ACK), MISSING, MISSING, time_ns))
            continue
        if kind < 0.03:
            messages.append((int(MsgType.HEARTBEAT), last[counter], MISSING, time_ns))
            continue
        last[counter] += 1 if rng.random() >= fault else int(rng.choice([6, -40, 10**5, -(10**4), 0]))
        messages.append((int(MsgType.NEW), last[counter], MISSING, time_ns))
    return messages


def chain_of(n: int, step: int, pause_ns: int) -> list[Message]:
    return [(0, (i + 1) * step, i * step, START_NS + i * pause_ns) for i in range(n)]


def edges() -> list[list[Message]]:
    """Write what random messages hardly show: more chains than are kept, and numbers as far apart as 64 bits allow."""
    many = [
        (0, 1000 * chain + i + 1, 1000 * chain + i, START_NS + 10**6 * (i * 130 + chain))
        for i in range(125)
        for chain in range(130)
        if not (chain == 3 and i == 110)
    ]
    far = [(0, i + 1, i, START_NS + i * 10**6) for i in range(-HIGH, -HIGH + 120)]
    far = [(kind, seq, prev_seq, START_NS + k * 10**6) for k, (kind, seq, prev_seq, _) in enumerate(far)]
    after = [(0, HIGH - 99 + i, HIGH - 100 + i, START_NS + 10**9 + i * 10**7) for i in range(100)]
    back = [(0, i + 1, i, START_NS + 10**10 + i * 10**8) for i in range(100)]
    counters = [(0, 10**6 * k + i, MISSING, START_NS + 10**6 * (i * 40 + k)) for i in range(150) for k in range(40)]
    lowest = [(0, -HIGH + i, MISSING, START_NS + i * 10**6) for i in range(5)]
    return [many, far + after + back, chain_of(300, 3, 4 * 10**18 // 300), counters, lowest]


def describe(series: int, messages: list[Message]) -> list[str]:
    """Walk over a series as `HealthWalk.java` does; write each event as it does."""
    health, lines = Health(), []
    for offset, (kind, seq, prev_seq, time_ns) in enumerate(messages):
        for event in health.take((time_ns, offset), kind, seq, prev_seq):
            shown = [event[name] for name in ("kind", "since_at", "since_offset", "seq_before", "seq", "n_missing")]
            lines.append(" ".join([*map(str, (series, offset)), *("null" if v is None else str(v) for v in shown)]))
    return lines


def to_line(messages: list[Message]) -> str:
    values = [value for message in messages for value in message]
    return " ".join([str(len(messages)), *("-" if value == MISSING else str(value) for value in values)])


def test_java_raises_the_same_events(run_java: Callable[..., CompletedProcess[str]]) -> None:
    rng = np.random.default_rng(11)
    series = [*edges(), *(draw_messages(rng) for _ in range(200)), *(draw_counters(rng) for _ in range(100))]
    run = run_java("exchangefingerprint.flink.health.HealthWalk", text="\n".join(map(to_line, series)))
    assert run.returncode == 0, run.stderr
    expected = [line for number, messages in enumerate(series) for line in describe(number, messages)]
    for kind in ("gap", "repeat", "reset", "stall"):
        assert sum(line.split()[2] == kind for line in expected) > 5, kind
    assert run.stdout.splitlines() == expected
