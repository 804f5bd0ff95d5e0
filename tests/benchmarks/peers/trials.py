"""The two trials of a peer: how fast it is on a full topic, and how late and how soon back it is on a live one."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from bench_pipeline import Place
from peers.measuring import WARM_FROM, Meter, Rows, Steady, longest_gap, wait_until
from peers.running import Peer, PeerFailed, Run, running_peer, with_fresh_taskmanager
from peers.topics import FilledTopic, TopicMaker

from jobs.trials.sandbox import fresh_database
from stack.stack_status import StackStatus
from udfs.schema import WINDOW_SIZE, WINDOW_SLIDE

START_TIMEOUT_S = 300.0
DRAIN_TIMEOUT_S = 180.0
QUIET_S = 10.0
"""So long without rows means that no more come."""

WARM_UP_S = 6.0
"""At full speed, before the fixed rate."""

SETTLE_S = 5.0
"""At the fixed rate, before it is measured."""

BURST_S = 16.0
"""So much work is waiting at the kill, and more."""

LATENCY_WINDOWS_PER_S = 1000.0
MOST_LOADED = 0.6
"""Share of its steady rate at which a peer's latency is measured, if that is below the fixed rate."""

MOST_BURST = 2_000_000
LEAST_BURST_TURNS = 3 * WINDOW_SIZE
"""Messages of each connection: what forgets the last ones needs a whole window more before it has a row again."""

DATABASE = f"benchmark_peers_{os.getpid()}"


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """What a full topic has shown.

    Attributes
    ----------
    share : float
        Of the topic's windows that were scored before the time was over.
    start_s : float
        From the command to the first row.
    warm_up_windows_per_s, windows_per_s : float
        From the first row to 30% of the rows; from there to 90%.
    cpu_us : dict
        Of each part, a message, in the steady part.
    peak_mb : float
        Memory of the client.
    rows, lost, unexpected : int
        Rows found, expected and missing, found and not expected.
    compared, differing : int
        Rows whose scores were compared, and how many differ.
    written : list of (float, int)
        Seconds since the first row, and rows.
    """

    share: float
    start_s: float
    warm_up_windows_per_s: float
    windows_per_s: float
    cpu_us: dict[str, float]
    peak_mb: float
    rows: int
    lost: int
    unexpected: int
    compared: int
    differing: int
    written: list[tuple[float, int]]

    @property
    def all_cpu_us(self) -> float:
        """CPU time of client, broker and database together, in microseconds a message."""
        return sum(self.cpu_us.values())

    @property
    def n_wrong(self) -> int:
        """Count rows that are missing, must not be there, or have other scores."""
        return self.lost + self.unexpected + self.differing

    @property
    def messages_per_s(self) -> float:
        """A window is 25 messages more."""
        return self.windows_per_s * WINDOW_SLIDE


@dataclass(frozen=True, kw_only=True)
class Live:
    """What a live topic has shown.

    Attributes
    ----------
    latency_windows_per_s : float
        The rate.
    latency_ms : dict
        Broker append to row: p50, p95, p99.
    back_after_s : float
        From a kill -9 under full load until rows flow again.
    lost, unexpected : int
        Rows missing at the end, and rows that are of no window.
    """

    latency_windows_per_s: float
    latency_ms: dict[str, float]
    back_after_s: float
    lost: int
    unexpected: int


def try_throughput(peer: Peer, stack: StackStatus, topic: FilledTopic, most_s: float) -> Throughput:
    """Let a peer read a full topic, to its end or for some time."""
    if peer.on_flink:
        with_fresh_taskmanager(stack)
    os.sync()  # what the last peer has left to be written must not hold up this one's commits
    with fresh_database(stack, DATABASE) as url:
        place, rows = Place(stack=stack, topic=topic.name, database_url=url), Rows(database_url=url, topic=topic)
        started_s = time.time()
        with running_peer(peer, place) as run, Meter(stack, run) as meter:
            if not wait_until(rows.has_any, run, START_TIMEOUT_S):
                raise PeerFailed(f"Expected rows of {peer.title} within {START_TIMEOUT_S:.0f} s, found none")
            is_whole = wait_until(rows.has_final_ones, run, most_s)
            if is_whole:
                _wait_for_stragglers(rows, run)
        written = rows.written()
        counted = rows.compare(is_whole=is_whole)
        compared, differing = rows.differing_scores()
    steady, total = Steady.of(written), written[-1][1]
    first_s = written[0][0]
    warm_up_s = steady.from_s - first_s
    return Throughput(
        share=total / topic.n_windows,
        start_s=first_s - started_s,
        warm_up_windows_per_s=WARM_FROM * total / warm_up_s if warm_up_s else float("nan"),
        windows_per_s=steady.windows_per_s,
        cpu_us=meter.cpu_us(steady.from_s, steady.to_s, steady.rows * WINDOW_SLIDE),
        peak_mb=meter.peak_mb,
        compared=compared,
        differing=differing,
        written=[(at_s - first_s, n) for at_s, n in written],
        **counted,
    )


def try_live(peer: Peer, maker: TopicMaker, steady_windows_per_s: float, measured_s: float) -> Live:
    """Measure a peer's latency at a fixed rate, then kill it while it has much to do."""
    if not steady_windows_per_s > 0:
        raise PeerFailed(f"Expected a rate of {peer.title} to go by, found too few rows: give it more --seconds")
    stack = maker.stack
    rate = min(LATENCY_WINDOWS_PER_S, MOST_LOADED * steady_windows_per_s)
    with maker.topic("live") as topic, fresh_database(stack, DATABASE) as url:
        place, rows = Place(stack=stack, topic=topic.name, database_url=url), Rows(database_url=url, topic=topic)
        topic.stagger()
        topic.send_turns(max(WINDOW_SIZE, _turns(topic, steady_windows_per_s * WARM_UP_S, most=0.2)))
        topic.flush()
        os.sync()
        with running_peer(peer, place) as run:
            wait_until(rows.has_final_ones, run, START_TIMEOUT_S)
            messages_per_s = rate * WINDOW_SLIDE
            topic.send_turns(_turns(topic, rate * SETTLE_S, most=0.2), messages_per_s)
            begins = topic.ends.copy()
            topic.send_turns(_turns(topic, rate * measured_s, most=0.4), messages_per_s)
            topic.flush()
            wait_until(rows.has_final_ones, run, DRAIN_TIMEOUT_S)
            latencies_ms = rows.latencies_ms(stack.kafka, begins, topic.ends)
            burst = _turns(topic, min(steady_windows_per_s * BURST_S, MOST_BURST / WINDOW_SLIDE))
            topic.send_turns(min(max(burst, LEAST_BURST_TURNS), topic.n_left))
            topic.flush()
            killed_s = time.time()
            run.kill()
            _wait_for_the_rest(rows, run)
        counted = rows.compare(is_whole=True)
        back_after_s = longest_gap(rows.times_s(), killed_s)
    quantiles = np.quantile(latencies_ms, [0.5, 0.95, 0.99]) if latencies_ms else [float("nan")] * 3
    return Live(
        latency_windows_per_s=rate,
        latency_ms=dict(zip(("p50", "p95", "p99"), map(float, quantiles), strict=True)),
        back_after_s=back_after_s,
        lost=counted["lost"],
        unexpected=counted["unexpected"],
    )


def _turns(topic: FilledTopic, n_windows: float, most: float = 1.0) -> int:
    """Return how many messages of each connection make so many windows, a share of those that are left at most."""
    return max(1, min(round(n_windows * WINDOW_SLIDE / len(topic)), int(most * topic.n_left)))


def _wait_for_the_rest(rows: Rows, run: Run) -> None:
    """Wait until the last rows are there, or no more come: a peer that forgets makes other windows."""
    time.sleep(0.5)
    size, quiet_since_s, has_grown = rows.size(), time.monotonic(), False
    end_s = time.monotonic() + DRAIN_TIMEOUT_S

    def is_over() -> bool:
        nonlocal size, quiet_since_s, has_grown
        if rows.has_final_ones() or time.monotonic() > end_s:
            return True
        if (now := rows.size()) != size:
            size, quiet_since_s, has_grown = now, time.monotonic(), True
        return has_grown and time.monotonic() - quiet_since_s > QUIET_S

    wait_until(is_over, run, DRAIN_TIMEOUT_S)
    _wait_for_stragglers(rows, run)


def _wait_for_stragglers(rows: Rows, run: Run) -> None:
    """Wait for the last rows of connections that another process or subtask has, if they come."""
    wait_until(lambda: rows.compare(is_whole=True)["lost"] == 0, run, QUIET_S)


def as_json(measured: Throughput | Live | None) -> dict[str, Any] | None:
    """Turn what was measured into what JSON can hold."""
    return None if measured is None else asdict(measured)
