"""How fast the whole job is, and how soon a window's row is in the table.

`python tests/benchmarks/bench_pipeline.py throughput` preloads a topic and lets the job read it to the end;
`... throughput --parallelism 2 --taskmanagers 2 --kill-after 40` lets two TaskManagers share it, and kills one of them.
`... latency` sends 1,000 windows a second and compares each row's time with the broker's.

Options that are none of these are the job's: `--parallelism 2`, `--state-backend rocksdb`, `--bundle-ms 20`.

Everything runs for real on this machine: broker, Flink cluster, Python worker, PostgreSQL. The load comes from
librdkafka, because a Python client would take the core that is to be measured.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from ingest.kafka.message_json import encode
from jobs.cluster.flink_client import find_running_job
from jobs.cluster.submission import Submission
from jobs.reference.result_rows import hash_results
from jobs.results.stored_results import read_results, versions_of
from jobs.trials.chaos.faults import kill_part
from jobs.trials.sandbox import ENDED, addresses_of, delete_topic, end_job, fresh_database, idle_stack, job_state
from model.registry.database import connect
from stack.control import status
from stack.stack_status import StackStatus
from synthetic.sessions import synthetic_sessions
from udfs.schema import WINDOW_SLIDE, Session
from udfs.windows import count_windows

PARTITIONS = 4
START_NS = 1_790_000_000_000_000_000
WARM_UP_SHARE = 0.3
"""The first part of a run is Java compiling itself; it is left out of the sustained rate."""
SAMPLE_S = 0.5
WORKERS = "python workers"
TICK_S = 0.005

Message = tuple[bytes, bytes]
Samples = list[tuple[float, int]]
"""How many rows there were at a time, in seconds since the epoch."""


def draw_messages(n_connections: int, n_each: int) -> list[list[Message]]:
    """Draw every connection's messages as key and value."""
    per_exchange = -(-n_connections // 3)
    drawn = synthetic_sessions(per_exchange=per_exchange, seed=n_each, start_ns=START_NS, n_messages=n_each)
    sessions = [labelled.session for labelled in drawn][:n_connections]
    return [list(zip(repeat(session.connection_id.encode()), _copies(session), strict=False)) for session in sessions]


def _copies(session: Session) -> Iterator[bytes]:
    """Copy each encoded message: orjson leaves 4 KB behind each, which millions at once would add up."""
    return (bytes(memoryview(value)) for value in encode(session))


@dataclass(frozen=True, kw_only=True)
class Place:
    """A stack, and what is made on it for one run.

    Attributes
    ----------
    stack : StackStatus
        No other job of ours runs on it.
    topic : str
        Of the messages.
    database_url : str
        A database with empty tables.
    """

    stack: StackStatus
    topic: str
    database_url: str

    def submit(self, *options: str) -> str:
        """Submit the job on the topic, and return its id."""
        stack = self.stack
        addresses = addresses_of(stack, self.database_url)
        return Submission(addresses=addresses, topic=self.topic, job_options=options).run(lambda _: None)


@contextmanager
def running_stack(home: Path | None, taskmanagers: int = 1, partitions: int = PARTITIONS) -> Iterator[Place]:
    """Use the stack of `home`, or an own one on free ports, with a database and a topic that are gone afterwards."""
    topic = f"benchmark_{time.time_ns()}"
    with TemporaryDirectory() as nowhere, idle_stack(home or Path(nowhere), print, taskmanagers=taskmanagers) as stack:
        if len(taskmanagers_of(stack)) != taskmanagers:
            raise SystemExit(f"Expected a stack with {taskmanagers} TaskManagers, found another: leave out --home")
        admin = AdminClient({"bootstrap.servers": stack.kafka})  # must outlive what it promises
        config = {"message.timestamp.type": "LogAppendTime"}
        for made in admin.create_topics([NewTopic(topic, partitions, config=config)]).values():
            made.result()
        with fresh_database(stack, "benchmark") as url:
            place = Place(stack=stack, topic=topic, database_url=url)
            try:
                yield place
            finally:
                job = find_running_job(stack.flink_url)
                end_job(stack, url, topic, "" if job is None else job.job_id)
                delete_topic(stack, topic)


def taskmanagers_of(stack: StackStatus) -> list[str]:
    """List the names of a stack's TaskManagers."""
    return [part.name for part in stack.parts if part.name.startswith("taskmanager")]


def send(producer: Producer, topic: str, messages: Sequence[Message]) -> None:
    """Hand messages to librdkafka, waiting while its queue is full."""
    for key, value in messages:
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
    producer.poll(0)


def new_producer(stack: StackStatus) -> Producer:
    """Make a producer that a user would make: idempotent, compressed."""
    settings = {"enable.idempotence": True, "linger.ms": 5, "compression.type": "lz4", "partitioner": "murmur2_random"}
    return Producer({"bootstrap.servers": stack.kafka, "log_level": 2, **settings})  # it outlives the stack


def measure_throughput(
    home: Path | None,
    n_connections: int,
    n_each: int,
    job_options: Sequence[str],
    taskmanagers: int,
    partitions: int,
    kill_after_s: float | None,
) -> None:
    """Preload the topic, let the job read it to the end, and print the rate at which rows appear.

    The last TaskManager is killed, if one is, so long after the submission.
    """
    messages = draw_messages(n_connections, n_each)
    expected = n_connections * count_windows(n_each)
    with running_stack(home, taskmanagers, partitions) as place:
        producer = new_producer(place.stack)
        for block in range(0, n_each, 500):
            for connection in messages:
                send(producer, place.topic, connection[block : block + 500])
        producer.flush()
        used = [(time.time(), _cpu_s(place.stack))]
        job_id = place.submit("--stop-at-end", *job_options)
        kill_at_s = math.inf if kill_after_s is None else time.monotonic() + kill_after_s
        while (state := job_state(place.stack, job_id)) not in ENDED:
            time.sleep(SAMPLE_S)
            if time.monotonic() > kill_at_s:
                kill_part(place.stack.home, taskmanagers_of(place.stack)[-1])
                print(f"killed {taskmanagers_of(place.stack)[-1]} at {time.time():.1f}")
                kill_at_s = math.inf
            used.append((time.time(), _cpu_s(place.stack)))
        if state != "FINISHED":
            raise SystemExit(f"Expected the job to finish, found it {state}: look at Flink's logs")
        written = read_written(place.database_url)
        results = hash_results(read_results(place.database_url, *versions_of(place.database_url, place.topic)))
    if written[-1][1] != expected:
        raise SystemExit(f"Expected {expected} rows, found {written[-1][1]}: look at Flink's logs")
    n_messages = n_connections * n_each
    print(f"{n_messages:,} messages, {expected:,} windows, {taskmanagers} TaskManagers, {' '.join(job_options)}")
    _print_throughput(written, n_messages)
    print(f"CPU in seconds, start included: {_cpu_text(_spent_s(used), n_messages)}")
    warm = [sample for sample in used if sample[0] >= _warm_at_s(written)]
    left_ratio = 1 - max(rows for at_s, rows in written if at_s <= warm[0][0]) / expected
    print(f"after {WARM_UP_SHARE:.0%} of the rows: {_cpu_text(_spent_s(warm), n_messages * left_ratio)}")
    print(f"results {results.hash}")


def _warm_at_s(written: Samples) -> float:
    return next(at_s for at_s, rows in written if rows >= WARM_UP_SHARE * written[-1][1])


def _spent_s(used: Sequence[tuple[float, dict[str, float]]]) -> dict[str, float]:
    """Return the CPU time of each part from the first sample on; a worker that has ended tells none."""
    names = {name for _, sample in used for name in sample}
    most_s = {name: max(sample.get(name, 0.0) for _, sample in used) for name in sorted(names)}
    return {name: part_s - used[0][1].get(name, 0.0) for name, part_s in most_s.items()}


def _cpu_text(spent_s: dict[str, float], n_messages: float) -> str:
    parts = ", ".join(f"{name} {part_s:.1f}" for name, part_s in spent_s.items())
    return f"{parts}; {sum(spent_s.values()) * 1e6 / n_messages:.1f} µs a message"


def _cpu_s(stack: StackStatus) -> dict[str, float]:
    """Return the CPU time of each part so far, with that of its children, Python workers apart; unlike a rate, it
    hardly depends on who shares the cores. A part that was killed tells what its successor has used.
    """
    spent_s: Counter[str] = Counter()
    for part in status(stack.home).parts:
        if part.pid is None:
            continue
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(part.pid)
            for process in (parent, *parent.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    name = WORKERS if process.name().startswith("python") else part.name
                    spent_s[name] += own_cpu_s(process, with_ended=not part.name.startswith("taskmanager"))
    return dict(spent_s)


def own_cpu_s(process: psutil.Process, *, with_ended: bool) -> float:
    """Return what a process has used, and those of its children that have ended if they are not counted apart.

    A TaskManager's are its Python workers: at the end of a job they would count as theirs and as its own.
    """
    times = process.cpu_times()
    used_s: float = times.user + times.system
    return used_s + times.children_user + times.children_system if with_ended else used_s


def read_written(database_url: str) -> Samples:
    """Read afterwards how many rows there were when; to count them meanwhile would take half a core."""
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT at_s, sum(n) OVER (ORDER BY at_s)::bigint FROM ("
            "SELECT ceil(extract(epoch FROM scored_at) / %s) * %s AS at_s, count(*) AS n FROM window_scores GROUP BY 1"
            ") AS written ORDER BY at_s",
            (SAMPLE_S, SAMPLE_S),
        )
        return [(float(at_s), rows) for at_s, rows in cursor.fetchall()]


def _wait_for_rows(database_url: str, expected: int) -> None:
    with connect(database_url) as connection, connection.cursor() as cursor:
        rows = 0
        while rows < expected:
            time.sleep(0.5)
            cursor.execute("SELECT count(*) FROM window_scores")
            (rows,) = cursor.fetchone() or (0,)


def _print_throughput(written: Samples, n_messages: int) -> None:
    expected, whole_s = written[-1][1], written[-1][0] - written[0][0] + SAMPLE_S
    print(f"from the first row to the last: {whole_s:.1f} s, {expected / whole_s:,.0f} windows/s")
    warm_at_s = _warm_at_s(written)
    warm = [sample for sample in written if sample[0] >= warm_at_s]
    if len(warm) < 2:
        print("too few rows for a sustained rate")
        return
    rate = (warm[-1][1] - warm[0][1]) / (warm[-1][0] - warm[0][0])
    messages_per_s = rate * n_messages / expected
    print(f"after {WARM_UP_SHARE:.0%} of the rows: {rate:,.0f} windows/s = {messages_per_s:,.0f} messages/s")


def measure_latency(
    home: Path | None,
    n_connections: int,
    windows_per_s: int,
    warm_up_s: int,
    measured_s: int,
    job_options: Sequence[str],
) -> None:
    """Send at a fixed rate, and print how long a row took from the broker's append to its insertion."""
    per_tick = max(1, round(windows_per_s * 25 * TICK_S))
    n_each = -(-per_tick * round((warm_up_s + measured_s) / TICK_S) // n_connections)
    ahead, turns = _staggered(draw_messages(n_connections, n_each + WINDOW_SLIDE), n_each)
    with running_stack(home) as place:
        place.submit(*job_options)
        producer = new_producer(place.stack)
        send(producer, place.topic, [message for connection in draw_messages(3, 50) for message in connection])
        _wait_for_rows(place.database_url, 3)  # until then the job is starting, and would have to catch up
        send(producer, place.topic, ahead)
        sending_s = _send_steadily(producer, place.topic, turns, per_tick)
        time.sleep(5)
        appended_ms = _read_append_times(place)
        with connect(place.database_url) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT kafka_partition, last_offset, extract(epoch FROM scored_at) * 1000 FROM window_scores"
            )
            rows = cursor.fetchall()
    last_ms = max(appended_ms.values())
    latencies = [
        float(scored_ms) - appended_ms[partition, offset]
        for partition, offset, scored_ms in rows
        if appended_ms[partition, offset] > last_ms - measured_s * 1000
    ]
    rate = len(turns) / sending_s
    print(f"{rate:,.0f} messages/s of {n_connections} connections, {rate / 25:,.0f} windows/s {' '.join(job_options)}")
    p50, p95, p99, p999 = np.quantile(latencies, [0.5, 0.95, 0.99, 0.999])
    print(f"{len(latencies):,} windows of the last {measured_s} s, mean {statistics.fmean(latencies):.0f} ms")
    print(f"broker append to row: p50 {p50:.0f}, p95 {p95:.0f}, p99 {p99:.0f}, p99.9 {p999:.0f} ms")


def _staggered(connections: Sequence[Sequence[Message]], n_each: int) -> tuple[list[Message], list[Message]]:
    """Return one message of every connection in turn, and before them what some are ahead by.

    Else the windows of all connections would end in the same turn, as those of real ones do not.
    """
    ahead = [connection[: number % WINDOW_SLIDE] for number, connection in enumerate(connections)]
    rest = [messages[len(first) :][:n_each] for messages, first in zip(connections, ahead, strict=True)]
    return [message for first in ahead for message in first], [m for turn in zip(*rest, strict=True) for m in turn]


def _send_steadily(producer: Producer, topic: str, messages: Sequence[Message], per_tick: int) -> float:
    started_s = time.monotonic()
    for tick, first in enumerate(range(0, len(messages), per_tick)):
        time.sleep(max(0.0, started_s + tick * TICK_S - time.monotonic()))
        send(producer, topic, messages[first : first + per_tick])
    producer.flush()
    return time.monotonic() - started_s


def _read_append_times(place: Place) -> dict[tuple[int, int], int]:
    """Read the broker's append time, in ms since the epoch, of every record."""
    consumer = Consumer({"bootstrap.servers": place.stack.kafka, "group.id": "benchmark", "fetch.queue.backoff.ms": 5})
    partitions = [TopicPartition(place.topic, number, 0) for number in range(PARTITIONS)]
    left = sum(consumer.get_watermark_offsets(partition)[1] for partition in partitions)
    consumer.assign(partitions)
    appended_ms: dict[tuple[int, int], int] = {}
    while len(appended_ms) < left:
        for record in consumer.consume(10_000, timeout=1):
            appended_ms[record.partition(), record.offset()] = record.timestamp()[1]
    consumer.close()
    return appended_ms


def main() -> None:
    """Run one of the two benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["throughput", "latency"])
    parser.add_argument("--connections", type=int, default=500)
    parser.add_argument("--messages", type=int, default=6000, help="of each connection, for throughput")
    parser.add_argument("--windows-per-second", type=int, default=1000, help="for latency")
    parser.add_argument("--warm-up", type=int, default=90, help="seconds, for latency")
    parser.add_argument("--seconds", type=int, default=60, help="measured, for latency")
    parser.add_argument("--taskmanagers", type=int, default=1, help="for throughput")
    parser.add_argument("--partitions", type=int, default=PARTITIONS, help="of the topic, for throughput")
    parser.add_argument("--kill-after", type=float, help="seconds after which one is killed, for throughput")
    parser.add_argument("--home", type=Path, help="of a stack that runs")
    chosen, job_options = parser.parse_known_args()
    if chosen.what == "throughput":
        measure_throughput(
            chosen.home,
            chosen.connections,
            chosen.messages,
            job_options,
            chosen.taskmanagers,
            chosen.partitions,
            chosen.kill_after,
        )
    else:
        measure_latency(
            chosen.home,
            chosen.connections,
            chosen.windows_per_second,
            chosen.warm_up,
            chosen.seconds,
            job_options,
        )


if __name__ == "__main__":
    main()
