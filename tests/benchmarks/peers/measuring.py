"""What is measured of a peer: rows over time, CPU time and memory of each part, latency, and whether rows are right."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
import psutil
from bench_pipeline import WORKERS, Samples, own_cpu_s, read_written
from peers.running import Run
from peers.topics import FilledTopic

from ingest.kafka.topic_reader import Span, TopicReader
from model.registry.database import connect
from stack.stack_status import StackStatus
from udfs.rows import read_array_literal

WARM_FROM, WARM_TO = 0.3, 0.9
"""Shares of the rows between which the rate is called steady."""

SAMPLE_S = 0.5
MEMORY_EVERY = 4
"""Samples: what processes share is counted page by page, which takes a while."""

MB = 1e6
N_CHECKED = 6
"""Connections of which every row is compared."""

_BROKER_AND_DATABASE = {"kafka": "broker", "postgres": "database"}


class Meter:
    """Samples CPU time and memory of a peer's parts, of the broker and of the database, in a thread."""

    def __init__(self, stack: StackStatus, run: Run) -> None:
        self._services = {
            _BROKER_AND_DATABASE[part.name]: [psutil.Process(part.pid)]
            for part in stack.parts
            if part.pid is not None and part.name in _BROKER_AND_DATABASE
        }
        self._client = run.parts()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self.cpu_s: list[tuple[float, Counter[str]]] = []
        self.peak_mb = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        number = 0
        while not self._ended.wait(SAMPLE_S):
            self.cpu_s.append((time.time(), self._spent()))
            if number % MEMORY_EVERY == 0:
                self.peak_mb = max(self.peak_mb, self._memory_mb())
            number += 1

    def _spent(self) -> Counter[str]:
        spent_s: Counter[str] = Counter()
        for name, roots in (self._client | self._services).items():
            for process in _with_children(roots):
                with suppress(psutil.NoSuchProcess):
                    is_worker = name == "taskmanager" and process.name().startswith("python")
                    used_s = own_cpu_s(process, with_ended=name != "taskmanager")
                    spent_s[WORKERS if is_worker else name] += used_s
        return spent_s

    def _memory_mb(self) -> float:
        """Measure the client's memory, each page that processes share once."""
        total = 0.0
        for process in _with_children([root for roots in self._client.values() for root in roots]):
            with suppress(psutil.Error, OSError):
                total += process.memory_full_info().pss / MB
        return total

    def cpu_us(self, from_s: float, to_s: float, n_messages: float) -> dict[str, float]:
        """Return the CPU time that each part spent between two times, in microseconds a message."""
        inside = [spent for at_s, spent in self.cpu_s if from_s <= at_s <= to_s]
        if len(inside) < 2:
            return {}
        times = [at_s for at_s, _ in self.cpu_s if from_s <= at_s <= to_s]
        share = (times[-1] - times[0]) / (to_s - from_s)
        names = sorted(inside[-1])
        return {name: (inside[-1][name] - inside[0][name]) * 1e6 / n_messages / share for name in names}


def _with_children(roots: list[psutil.Process]) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for root in roots:
        with suppress(psutil.NoSuchProcess):
            found += [root, *root.children(recursive=True)]
    return found


@dataclass(kw_only=True)
class Rows:
    """The rows that a peer has written into `window_scores`; none of them is counted while it works."""

    database_url: str
    topic: FilledTopic

    def has_any(self) -> bool:
        """Tell whether there is a row."""
        return bool(self._ask("SELECT EXISTS (SELECT FROM window_scores)")[0][0])

    def has_final_ones(self) -> bool:
        """Tell whether the last row of each partition is there, found by its key."""
        wanted = self.topic.final_rows()
        query = "SELECT count(*) FROM window_scores WHERE (connection_id, kafka_partition, last_offset) IN %s"
        return bool(self._ask(query, (tuple(wanted),))[0][0] == len(wanted))

    def size(self) -> int:
        """Return the table's size: a page is some ten rows."""
        query = "SELECT sum(pg_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'window_scores'::regclass"
        return int(self._ask(query)[0][0])

    def written(self) -> Samples:
        """Return how many rows there were when."""
        return read_written(self.database_url)

    def times_s(self) -> list[float]:
        """Return when each row was written, in seconds since the epoch, in order."""
        return [
            float(at_s) for (at_s,) in self._ask("SELECT extract(epoch FROM scored_at) FROM window_scores ORDER BY 1")
        ]

    def compare(self, *, is_whole: bool) -> dict[str, int]:
        """Count rows that are missing and rows that must not be there.

        Of a peer that was stopped before the end, each connection's first rows are expected, as many as there are.
        """
        found: dict[str, set[int]] = defaultdict(set)
        for name, offset in self._ask("SELECT connection_id, last_offset FROM window_scores"):
            found[name].add(offset)
        lost = unexpected = 0
        for number in range(len(self.topic)):
            there, offsets = found[self.topic.name_of(number)], self.topic.last_offsets(number).tolist()
            expected = set(offsets if is_whole else offsets[: len(there)])
            lost += len(expected - there)
            unexpected += len(there - expected)
        return {"rows": sum(map(len, found.values())), "lost": lost, "unexpected": unexpected}

    def differing_scores(self) -> tuple[int, int]:
        """Compare some connections' rows with what is computed without any peer: how many, how many differ."""
        n_compared = n_differing = 0
        for number in np.linspace(0, len(self.topic) - 1, N_CHECKED).astype(int).tolist():
            wanted = self.topic.reference_rows(number).set_index("last_offset")
            rows = self._ask(
                "SELECT last_offset, first_offset, predicted_exchange, confidence, unknown_score, signature, "
                "probabilities, features FROM window_scores WHERE connection_id = %s",
                (self.topic.name_of(number),),
            )
            for (
                last_offset,
                first_offset,
                predicted,
                confidence,
                unknown_score,
                signature,
                probabilities,
                features,
            ) in rows:
                row = wanted.loc[last_offset]
                scored = (first_offset, predicted, confidence, unknown_score, signature, probabilities)
                as_wanted = tuple(
                    row[["first_offset", "predicted_exchange", "confidence", "unknown_score", "signature"]]
                )
                is_same = scored == (*as_wanted, json.loads(row["probabilities"]))
                is_same &= np.array_equal(
                    _floats(features), _floats(read_array_literal(row["features"])), equal_nan=True
                )
                n_compared += 1
                n_differing += not is_same
        return n_compared, n_differing

    def latencies_ms(self, kafka: str, begins: Any, ends: Any) -> list[float]:
        """Return the time from the broker's append of a window's last message to its row, for a range of offsets."""
        appended_ms: dict[tuple[int, int], int] = {}
        with TopicReader(kafka, self.topic.name) as reader:
            for partition, (first, end) in enumerate(zip(begins, ends, strict=True)):
                for records in reader.read(Span(partition=partition, first=int(first), end=int(end))):
                    for record in records:
                        appended_ms[partition, record.offset] = record.timestamp_ms
        rows = self._ask("SELECT kafka_partition, last_offset, extract(epoch FROM scored_at) * 1000 FROM window_scores")
        return [float(at_ms) - appended_ms[p, offset] for p, offset, at_ms in rows if (p, offset) in appended_ms]

    def _ask(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with connect(self.database_url) as connection, connection.cursor() as cursor:
            cursor.execute(query, values)
            return list(cursor.fetchall())


def _floats(values: list[float | None]) -> Any:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float32)


def wait_until(is_so: Callable[[], bool], run: Run, timeout_s: float, every_s: float = SAMPLE_S) -> bool:
    """Wait until something is so, and tell whether it came to be; a peer that ends meanwhile ends the benchmark."""
    end_s = time.monotonic() + timeout_s
    while time.monotonic() < end_s:
        if is_so():
            return True
        run.check()
        time.sleep(every_s)
    return is_so()


@dataclass(kw_only=True)
class Steady:
    """The part of a run in which all is warm."""

    from_s: float
    to_s: float
    rows: int

    @classmethod
    def of(cls, written: Samples) -> Steady:
        """Find it in the number of rows over time."""
        total = written[-1][1]
        first = next(sample for sample in written if sample[1] >= WARM_FROM * total)
        last = next(sample for sample in written if sample[1] >= WARM_TO * total)
        if first == last:  # too few rows to tell anything apart
            first, last = written[0], written[-1]
        return cls(from_s=first[0], to_s=last[0], rows=last[1] - first[1])

    @property
    def windows_per_s(self) -> float:
        """Rows a second."""
        return self.rows / (self.to_s - self.from_s) if self.to_s > self.from_s else float("nan")


def longest_gap(times_s: list[float], killed_s: float) -> float:
    """Return after how many seconds from a kill on rows flow again: where the longest time without any ends.

    >>> longest_gap([1.0, 2.0, 3.0, 9.0, 9.5, 12.0], killed_s=2.5)
    6.5
    """
    after = np.array([killed_s, *(at_s for at_s in times_s if at_s > killed_s)])
    if len(after) < 2:
        return float("nan")
    return float(after[1:][np.argmax(np.diff(after))] - killed_s)
