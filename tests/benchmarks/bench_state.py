"""What Flink keeps of connections: bytes of each, and that a million of them come, go, and leave nothing behind.

`python tests/benchmarks/bench_state.py million` lets short-lived connections pass through the real job, beside a little
steady traffic, with a time to live so short that what is kept of them expires meanwhile, and draws the size of
checkpoints and the TaskManager's heap after garbage collection over time. `... bytes` measures both per live
connection, with 10 and with 60 messages each. `... flood` lets a million ids come twice that do not expire, and
tells how often the job had to start again. `--state-backend rocksdb` does each on RocksDB.

It needs the `jcmd` of a JDK, which asks the TaskManager to collect its garbage before its heap is measured.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
from confluent_kafka import Producer
from matplotlib.figure import Figure

from ingest.kafka.broker import ensure_topics
from ingest.kafka.message_json import encode
from jobs.cluster.submission import Submission
from jobs.config import DEAD_LETTER_TOPIC
from jobs.trials.sandbox import addresses_of, delete_topic, end_job, fresh_database, idle_stack
from jobs.trials.soak.probes import FlinkProbe, live_heap_mb
from stack.stack_status import StackStatus
from synthetic.sessions import synthetic_sessions
from udfs.errors import PipelineError

PARTITIONS = 4
START_NS = 1_790_000_000_000_000_000
NAME = "conn-template"
AT_ONCE = 500
"""Connections that say something in turn, before the next ones come."""

STEADY_CONNECTIONS = 100
SAMPLE_EVERY_S = 5.0
FLOOD_TIMEOUT_S = 900.0
"""So long the job may take for what one flood left it to read."""


def templates(n_each: int) -> list[tuple[bytes, bytes]]:
    """Draw a connection's messages, each in two parts between which its name belongs."""
    drawn = synthetic_sessions(exchanges=["kraken"], per_exchange=1, seed=3, start_ns=START_NS, n_messages=n_each)
    values = encode(replace(drawn[0].session, connection_id=NAME))
    return [(before, after) for before, _, after in (value.partition(NAME.encode()) for value in values)]


@dataclass
class Source:
    """Sends to one topic, from any thread."""

    kafka: str
    topic: str
    n_connections: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    def pass_by(self, n_connections: int, n_each: int, per_s: float) -> None:
        """Let connections come and go, at so many messages per second at most."""
        producer, parts = self._producer(), templates(n_each)
        started_s, n_sent = time.monotonic(), 0
        for first in range(self.n_connections, self.n_connections + n_connections, AT_ONCE):
            names = [b"passing-%d" % number for number in range(first, first + AT_ONCE)]
            for before, after in parts:
                for name in names:
                    self._send(producer, name, before + name + after)
                n_sent += len(names)
                time.sleep(max(0.0, started_s + n_sent / per_s - time.monotonic()))
            self.n_connections += AT_ONCE
        producer.flush(120)

    def go_on(self, per_s: float) -> None:
        """Send a little of some connections that stay, until stopped."""
        producer, parts = self._producer(), templates(5_000)
        names = [b"steady-%d" % number for number in range(STEADY_CONNECTIONS)]
        started_s, n_sent = time.monotonic(), 0
        while not self.stopped.is_set():
            before, after = parts[n_sent // len(names) % len(parts)]
            for name in names:
                self._send(producer, name, before + name + after)
            n_sent += len(names)
            time.sleep(max(0.0, started_s + n_sent / per_s - time.monotonic()))
        producer.flush(60)

    def _producer(self) -> Producer:
        settings = {"linger.ms": 20, "compression.type": "lz4", "partitioner": "murmur2_random"}
        return Producer({"bootstrap.servers": self.kafka, **settings})

    def _send(self, producer: Producer, key: bytes, value: bytes) -> None:
        while True:
            try:
                producer.produce(self.topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)


@dataclass(kw_only=True)
class Meter:
    """Measures what a job keeps."""

    stack: StackStatus
    probe: FlinkProbe

    def checkpoint_mb(self) -> float:
        """Return the size of the next complete checkpoint."""
        before = (self.probe.checkpoint() or {"id": 0})["id"]
        while (found := self.probe.checkpoint()) is None or found["id"] <= before:
            time.sleep(0.5)
        return found["state_mb"]

    def heap_mb(self) -> float:
        """Return the TaskManager's used heap, of which nothing is garbage, and what RocksDB holds is no part."""
        return live_heap_mb(self.stack.home)["taskmanager"]

    def settle(self) -> None:
        """Wait until the job has read everything."""
        quiet = 0
        while quiet < 3:
            time.sleep(4)
            quiet = quiet + 1 if self.probe.lag() == 0 else 0


@contextmanager
def running_job(home: Path | None, topic: str, *options: str) -> Iterator[tuple[Source, Meter]]:
    """Run the job on an empty topic of its own."""
    with TemporaryDirectory() as nowhere, idle_stack(home or Path(nowhere), print) as stack:
        ensure_topics(stack.kafka, [topic, DEAD_LETTER_TOPIC], PARTITIONS)
        with fresh_database(stack, "bench_state") as url:
            addresses = addresses_of(stack, url)
            job_id = Submission(addresses=addresses, topic=topic, job_options=options).run(lambda _line: None)
            probe = FlinkProbe(flink_url=stack.flink_url, job_id=job_id)
            source = Source(stack.kafka, topic)
            try:
                yield source, Meter(stack=stack, probe=probe)
            finally:
                source.stopped.set()
                end_job(stack, url, topic, job_id)
                delete_topic(stack, topic)


def measure_bytes(home: Path | None, n_connections: int, backend: str) -> None:
    """Print what a live connection takes, by how many messages it has had."""
    for n_each in (10, 60):
        with running_job(home, f"state_{n_each}_{time.time_ns()}", "--state-backend", backend) as (source, meter):
            source.pass_by(AT_ONCE, n_each, 5_000)
            meter.settle()
            before = meter.checkpoint_mb(), meter.heap_mb()
            started_s = time.monotonic()
            source.pass_by(n_connections, n_each, 1e9)
            meter.settle()
            seconds = time.monotonic() - started_s - 12
            after = meter.checkpoint_mb(), meter.heap_mb()
            checkpoint, heap = ((b - a) * 1e6 / n_connections for a, b in zip(before, after, strict=True))
            print(
                f"{backend}, {n_each} messages each, {n_connections:,} connections: {checkpoint:,.0f} bytes in a "
                f"checkpoint, {heap:,.0f} on the heap; about {n_connections * n_each / seconds:,.0f} messages/s",
                flush=True,
            )


def measure_million(home: Path | None, chosen: argparse.Namespace) -> None:
    """Let connections pass, wait until they have expired, and draw what was kept meanwhile."""
    ttl_s = 25 * chosen.idle_gap_minutes * 60 + chosen.downtime_hours * 3600
    lives = ("--idle-gap-minutes", str(chosen.idle_gap_minutes), "--downtime-hours", str(chosen.downtime_hours))
    backend = ("--state-backend", chosen.state_backend)
    samples: list[dict[str, float]] = []
    with running_job(home, f"state_{time.time_ns()}", *lives, *backend) as (source, meter):
        threading.Thread(target=source.go_on, args=(chosen.steady,), daemon=True).start()
        started_s = time.monotonic()
        passing = threading.Thread(
            target=source.pass_by, args=(chosen.connections, chosen.messages, chosen.rate), daemon=True
        )
        end_s = float("inf")
        while time.monotonic() < end_s:
            at_s = time.monotonic() - started_s
            if at_s > 30 and passing.ident is None:
                passing.start()
            elif passing.ident is not None and not passing.is_alive() and end_s == float("inf"):
                end_s = time.monotonic() + ttl_s + chosen.after
            sample = measure(meter) | {"at_s": at_s, "connections": source.n_connections}
            samples.append(sample)
            print(json.dumps(sample), flush=True)
            time.sleep(SAMPLE_EVERY_S)
    draw(samples, ttl_s, chosen.out)


def measure_flood(home: Path | None, chosen: argparse.Namespace) -> None:
    """Let a million ids come, and as many others, with the default time to live; say what that did to the job."""
    with running_job(home, f"flood_{time.time_ns()}", "--state-backend", chosen.state_backend) as (source, meter):
        for n_times in (1, 2):
            started_s = time.monotonic()
            source.pass_by(chosen.connections, chosen.messages, chosen.rate)
            end_s = time.monotonic() + FLOOD_TIMEOUT_S
            while (found := read_flood(meter)).get("lag") != 0 and time.monotonic() < end_s:
                print(json.dumps(found | {"at_s": round(time.monotonic() - started_s)}), flush=True)
                time.sleep(SAMPLE_EVERY_S)
            print(
                f"{chosen.state_backend}, {n_times} times {chosen.connections:,} ids of {chosen.messages} messages: "
                f"{json.dumps(found)} after {time.monotonic() - started_s:.0f} s",
                flush=True,
            )


def read_flood(meter: Meter) -> dict[str, float]:
    """Ask how often the job was restarted, what it has still to read, and what it keeps; empty if Flink is too busy."""
    with suppress(requests.RequestException, PipelineError):
        lag, checkpoint = meter.probe.lag(), meter.probe.checkpoint()
        found = {"restarts": meter.probe.restarts(), "heap_mb": meter.probe.heap_mb().get("taskmanager", 0.0)}
        return found | ({} if lag is None else {"lag": lag}) | ({} if checkpoint is None else checkpoint)
    return {}


def measure(meter: Meter) -> dict[str, float]:
    """Take one sample; what does not answer in a hurry is left out."""
    try:
        checkpoint, lag = meter.probe.checkpoint(), meter.probe.lag()
    except requests.RequestException:
        checkpoint, lag = None, None
    found = {"heap_mb": meter.heap_mb()}
    found |= {} if checkpoint is None else {"checkpoint_mb": checkpoint["state_mb"], "ms": checkpoint["duration_ms"]}
    return found | ({} if lag is None else {"lag": lag})


def draw(samples: list[dict[str, float]], ttl_s: float, path: Path) -> None:
    """Draw the course of a run."""
    figure = Figure(figsize=(11, 8), layout="constrained")
    figure.suptitle(f"{samples[-1]['connections']:,.0f} connections came and went; they expire after {ttl_s:.0f} s")
    for axes, (name, label) in zip(
        figure.subplots(3, 1, sharex=True),
        {"connections": "connections so far", "checkpoint_mb": "checkpoint, MB", "heap_mb": "heap, MB"}.items(),
        strict=True,
    ):
        there = [(one["at_s"], one[name]) for one in samples if name in one]
        axes.plot([at_s for at_s, _ in there], [value for _, value in there])
        axes.set(ylabel=label, ylim=(0, None), xlabel="seconds" if name == "heap_mb" else None)
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=100)


def main() -> None:
    """Run one of the benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["million", "bytes", "flood"])
    parser.add_argument("--connections", type=int, help="a million, and 100,000 to measure bytes")
    parser.add_argument("--messages", type=int, default=10, help="of each connection that passes")
    parser.add_argument("--rate", type=float, default=40_000, help="of their messages per second, at most")
    parser.add_argument("--steady", type=float, default=1_000, help="messages per second of those that stay")
    parser.add_argument("--idle-gap-minutes", type=float, default=0.02)
    parser.add_argument("--downtime-hours", type=float, default=0.01)
    parser.add_argument("--after", type=float, default=120, help="seconds to wait after what passed has expired")
    parser.add_argument("--state-backend", choices=["hashmap", "rocksdb"], default="hashmap")
    parser.add_argument("--home", type=Path, help="of a stack that runs")
    parser.add_argument("--out", type=Path, default=Path("state.png"))
    chosen = parser.parse_args()
    if chosen.what == "bytes":
        measure_bytes(chosen.home, chosen.connections or 100_000, chosen.state_backend)
        return
    chosen.connections = chosen.connections or 1_000_000
    (measure_flood if chosen.what == "flood" else measure_million)(chosen.home, chosen)


if __name__ == "__main__":
    main()
