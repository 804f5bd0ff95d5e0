"""How many messages a process can bring into Kafka, and what each step of that takes.

`python tests/benchmarks/bench_ingest.py replay [RECORDINGS ...]` replays synthetic sessions, and recordings if named,
as fast as possible: reading and mapping, encoding, producing, and all of it as `fingerprint replay` does it.
`python tests/benchmarks/bench_ingest.py adapter [RECORDING]` lets a local venue say a recording's frames again and
again, as fast as a live adapter on one core takes them: with a sink that only counts, one that maps, and Kafka.

The broker is real, and started for the occasion unless one is named. CPU time is that of the whole process, so
librdkafka's threads are in it, but not the broker; of several rounds the median is shown.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import cycle, islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated

import support_path  # noqa: F401  # so that fingerprint_testing is found
import typer

from fingerprint_testing.venue import Peer, Venue
from ingest.adapters.generic import generic_feed
from ingest.frame import Frame
from ingest.kafka.backlog import Capacity
from ingest.kafka.broker import ensure_topics
from ingest.kafka.message_json import encode, encode_one
from ingest.kafka.producer import Producer
from ingest.kafka.session_publisher import publish
from ingest.live.feed import Feed, Sink
from ingest.live.feed_loop import watch_feeds
from ingest.live.sinks import KafkaSink, Tee
from ingest.live.subscription_watch import SubscriptionWatch
from ingest.mapping.frame_mapper import map_frame
from ingest.recordings.capture import read_capture, read_frames
from ingest.recordings.capture_files import find_recordings
from stack.control import up, wipe
from stack.settings import StackSettings
from synthetic.sessions import synthetic_sessions
from udfs.schema import Session

TOPIC = "benchmark_ingest"
PARTITIONS = 4
START_NS = 1_790_000_000_000_000_000
CAPACITY = Capacity(messages=100_000, value_bytes=100_000_000)
SMALL_FRAME = (
    '{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161253932,"s":"BTCUSDT","t":3743582416,'
    '"p":"61700.01000000","q":"0.00123000","T":1723161253931,"m":false,"M":true}}'
)

app = typer.Typer(help=__doc__, add_completion=False)

KafkaOption = Annotated[str | None, typer.Option(help="A running broker's HOST:PORT, instead of an own stack.")]
RoundsOption = Annotated[int, typer.Option(min=1, help="How often each step is measured.")]


@app.callback()
def main() -> None:
    """Measure one way into Kafka."""


@app.command()
def replay(
    recordings: Annotated[list[Path] | None, typer.Argument(help="Recordings, or folders of them.")] = None,
    kafka: KafkaOption = None,
    connections: Annotated[int, typer.Option(min=3, help="Synthetic connections.")] = 60,
    messages: Annotated[int, typer.Option(min=1, help="Messages of each.")] = 2_000,
    rounds: RoundsOption = 5,
) -> None:
    """Replay ready sessions and recordings as fast as possible."""
    drawn = synthetic_sessions(per_exchange=connections // 3, seed=1, start_ns=START_NS, n_messages=messages)
    with nullcontext(kafka) if kafka else running_broker() as bootstrap:
        ensure_topics(bootstrap, [TOPIC], PARTITIONS)
        measure_sessions("synthetic", [labelled.session for labelled in drawn], bootstrap, rounds)
        if recordings:
            measure_recordings(find_recordings(recordings), bootstrap, rounds)


@app.command()
def adapter(
    recording: Annotated[Path | None, typer.Argument(help="What the venue says.", show_default="a small frame")] = None,
    kafka: KafkaOption = None,
    frames: Annotated[int, typer.Option(min=1, help="Frames of each round.")] = 200_000,
    rounds: RoundsOption = 5,
) -> None:
    """Take frames from a local venue, which has another core, as fast as possible."""
    texts = [SMALL_FRAME] if recording is None else [f.text for f in read_frames(recording) if f.direction == "recv"]
    print(f"frames of {statistics.mean(map(len, texts)):,.0f} characters in the mean")
    with nullcontext(kafka) if kafka else running_broker() as bootstrap, talking_venue(texts, frames) as url:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        ensure_topics(bootstrap, [TOPIC], PARTITIONS)
        feed = generic_feed(url, name="benchmark")
        measure("adapter: socket and session", frames, rounds, lambda: watch(feed, Counting(frames)))
        measure("adapter: and mapping", frames, rounds, lambda: watch(feed, Mapping(frames)))
        measure("adapter: and producing, all of it", frames, rounds, lambda: ingest(feed, frames, bootstrap))


class Counting:
    """A sink that only counts, and says when it has had enough."""

    def __init__(self, enough: int) -> None:
        self.stop = asyncio.Event()
        self._left = enough

    full = False

    def open(self, connection_id: str, feed: Feed) -> None:
        """Do nothing."""

    def write(self, connection_id: str, frame: Frame) -> None:
        """Count."""
        self._left -= 1
        if self._left <= 0:
            self.stop.set()

    def close(self, connection_id: str, reason: str) -> None:
        """Do nothing."""


class Mapping(Counting):
    """Also makes the message."""

    def write(self, connection_id: str, frame: Frame) -> None:
        """Map and encode."""
        encode_one(map_frame(frame.text, frame.direction, frame.ts_ns), connection_id, None)
        super().write(connection_id, frame)


def watch(feed: Feed, sink: Counting, *more: Sink) -> None:
    """Take frames until the sink has enough."""
    asyncio.run(watch_feeds([feed], Tee([*more, sink]) if more else sink, stop=sink.stop))


def ingest(feed: Feed, frames: int, bootstrap: str) -> None:
    """Take frames into Kafka, as `fingerprint ingest` does."""
    with Producer(bootstrap, TOPIC, capacity=CAPACITY) as producer:
        watch(feed, Counting(frames), KafkaSink(producer, SubscriptionWatch(feed)))
        producer.flush()


@contextmanager
def talking_venue(texts: Sequence[str], frames: int) -> Iterator[str]:
    """Run a venue in another process that says so many frames on every connection."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=talk, args=(theirs, texts, frames), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def talk(pipe: Connection, texts: Sequence[str], frames: int) -> None:
    """Say the frames again and again, on any core but the first; runs in the venue's process."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, set(cores[1:]) or set(cores))

    async def flood(peer: Peer) -> None:
        await peer.flood(islice(cycle(texts), frames))
        peer.sent.clear()  # kept for tests, and would grow for ever

    with Venue(flood, compress=False) as venue:
        pipe.send(venue.url)
        threading.Event().wait()


@contextmanager
def running_broker() -> Iterator[str]:
    """Start an own stack on free ports, and return Kafka's address."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "stack"
        try:
            yield up(StackSettings(home=home, kafka_port=0, flink_port=0, postgres_port=0), lambda _: None).kafka
        finally:
            wipe(home)


def measure_recordings(recordings: Sequence[Sequence[Path]], bootstrap: str, rounds: int) -> None:
    """Measure the steps from recordings, each one or several files, to Kafka."""
    sessions = list(map(read_capture, recordings))
    n_messages = sum(map(len, sessions))
    measure(
        "recordings: reading and mapping", n_messages, rounds, lambda: [read_capture(files) for files in recordings]
    )
    measure_sessions("recordings", sessions, bootstrap, rounds)
    measure(
        "recordings: all of it",
        n_messages,
        rounds,
        lambda: publish(list(map(read_capture, recordings)), bootstrap_servers=bootstrap, topic=TOPIC),
    )


def measure_sessions(name: str, sessions: Sequence[Session], bootstrap: str, rounds: int) -> None:
    """Measure the steps from ready sessions to Kafka."""
    # Copied, for orjson leaves 4 KB behind each message, which so many at once would add up.
    ready = [(s.connection_id.encode(), bytes(memoryview(value))) for s in sessions for value in encode(s)]
    measure(f"{name}: encoding", len(ready), rounds, lambda: [sum(1 for _ in encode(session)) for session in sessions])
    measure(f"{name}: producing", len(ready), rounds, lambda: produce(ready, bootstrap))
    measure(
        f"{name}: publishing, which is both in order of time",
        len(ready),
        rounds,
        lambda: publish(sessions, bootstrap_servers=bootstrap, topic=TOPIC),
    )


def produce(messages: Sequence[tuple[bytes, bytes]], bootstrap: str) -> None:
    """Send ready messages, waiting while the buffer is full, until all are acknowledged."""
    with Producer(bootstrap, TOPIC, capacity=CAPACITY) as producer:
        for key, value in messages:
            while producer.full:
                producer.poll(0.1)
            producer.send(key, value)
        producer.flush()


def measure(what: str, n_messages: int, rounds: int, run: Callable[[], object]) -> None:
    """Print how many messages a second a step handles, and how much CPU time one takes."""
    rates, cpus_us = [], []
    for _ in range(rounds):
        started_s, started_cpu_s = time.perf_counter(), time.process_time()
        run()
        rates.append(n_messages / (time.perf_counter() - started_s))
        cpus_us.append((time.process_time() - started_cpu_s) / n_messages * 1e6)
    rate, cpu_us = statistics.median(rates), statistics.median(cpus_us)
    print(f"{what:58} {n_messages:9,} messages {rate:9,.0f}/s {cpu_us:7.1f} µs of CPU each", flush=True)


if __name__ == "__main__":
    app()
