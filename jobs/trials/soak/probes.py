"""What is measured while the load goes on: memory, state, lag and latency."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psutil

from jobs.cluster.flink_client import ask
from model.registry.database import connect
from stack.control import status
from stack.java.runtime import find_java
from stack.stack_status import StackStatus
from udfs.errors import ServiceUnavailable

Sample = dict[str, Any]

_MB: Final = 1e6
_LATE: Final = timedelta(seconds=60)
"""No window ends so much earlier than another one that was written before it."""

_JVMS: Final = ("kafka", "jobmanager", "taskmanager")
_COLLECT_EVERY_S: Final = 120.0
"""Between two collections of garbage: each stops a process for some tenths of a second."""

_HEAP: Final = "Status.JVM.Memory.Heap.Used"
_LATENCIES: Final = ("p50", "p95", "p99", "max")


def memory_mb(home: Path) -> dict[str, dict[str, float]]:
    """Measure each part of a stack, each Python worker, and ourselves with what we have started for the load.

    Returns
    -------
    dict
        By name: `rss` and `pss`. Of several processes that share memory (PostgreSQL's, above all) only the sum of
        `pss` counts every page once.
    """
    families = {part.name: [part.pid] for part in status(home).parts if part.pid is not None}
    found = {name: _sizes(_with_children(pids[0]) if name == "postgres" else pids) for name, pids in families.items()}
    workers = _workers(families.get("taskmanager", [0])[0])
    found |= {f"worker {number}": _sizes([pid]) for number, pid in enumerate(workers, start=1)}
    found["publisher"] = _sizes(_with_children(os.getpid()))
    return found


def _with_children(pid: int) -> list[int]:
    with suppress(psutil.NoSuchProcess):
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    return []


def _workers(taskmanager: int) -> list[int]:
    """Return the Python workers, the oldest first."""
    found: list[tuple[float, int]] = []
    for pid in _with_children(taskmanager)[1:]:
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if "python" in process.name() and any("beam_boot" in word for word in process.cmdline()):
                found.append((process.create_time(), pid))
    return [pid for _, pid in sorted(found)]


def _sizes(pids: list[int]) -> dict[str, float]:
    sizes = {"rss": 0.0, "pss": 0.0}
    for pid in pids:
        with suppress(psutil.Error, OSError):
            found = psutil.Process(pid).memory_full_info()
            sizes["rss"] += found.rss / _MB
            sizes["pss"] += found.pss / _MB
    return sizes


def live_heap_mb(home: Path) -> dict[str, float]:
    """Measure what of each JVM's heap is in use after its garbage was collected, which is done for it.

    Empty where the Java that runs here has no `jcmd`.
    """
    jcmd = find_java().home / "bin" / "jcmd"
    found: dict[str, float] = {}
    for part in status(home).parts:
        if part.name in _JVMS and part.pid is not None and jcmd.exists():
            for command in ("GC.run", "GC.heap_info"):
                done = subprocess.run([jcmd, str(part.pid), command], capture_output=True, text=True, check=False)
            used = re.search(r"used (\d+)K", done.stdout)
            found |= {} if used is None else {part.name: int(used[1]) * 1024 / _MB}
    return found


@dataclass(frozen=True, kw_only=True)
class FlinkProbe:
    """Asks a cluster's REST interface about itself and one job."""

    flink_url: str
    job_id: str

    def heap_mb(self) -> dict[str, float]:
        """Return the used heap of JobManager and TaskManager."""
        paths = {"jobmanager": "/jobmanager"}
        for manager in ask(self.flink_url, "/taskmanagers")["taskmanagers"]:
            paths["taskmanager"] = f"/taskmanagers/{manager['id']}"
        return {name: value / _MB for name, path in paths.items() for value in self._metrics(path, [_HEAP]).values()}

    def checkpoint(self) -> dict[str, float] | None:
        """Return number, size and duration of the last complete checkpoint."""
        last = ask(self.flink_url, f"/jobs/{self.job_id}/checkpoints")["latest"]["completed"]
        if last is None:
            return None
        return {"id": last["id"], "state_mb": last["state_size"] / _MB, "duration_ms": last["end_to_end_duration"]}

    def lag(self) -> int | None:
        """Return how many records the source has still to fetch."""
        waiting = list(self._of_source("pendingRecords"))
        return round(sum(waiting)) if waiting else None

    def restarts(self) -> int:
        """Return how often the job was restarted."""
        return round(self._metrics(f"/jobs/{self.job_id}", ["numRestarts"]).get("numRestarts", 0))

    def _of_source(self, name: str) -> Iterator[float]:
        for vertex in ask(self.flink_url, f"/jobs/{self.job_id}")["vertices"]:
            path = f"/jobs/{self.job_id}/vertices/{vertex['id']}"
            names = [m["id"] for m in ask(self.flink_url, f"{path}/metrics") if m["id"].endswith(f".{name}")]
            yield from self._metrics(path, names).values() if names else ()

    def _metrics(self, path: str, names: list[str]) -> dict[str, float]:
        found = ask(self.flink_url, f"{path}/metrics", get=",".join(names))
        return {metric["id"]: float(metric["value"]) for metric in found}


@dataclass(kw_only=True)
class LatencyProbe:
    """Asks the database what was written since it was last asked, by the index on the windows' ends."""

    database_url: str
    newest_end_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    newest_write_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def since_last(self) -> tuple[int, dict[str, float] | None]:
        """Return how many windows were written, and how long after their last messages' receipt."""
        with connect(self.database_url) as connection, connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT count(*), max(window_end_at), max(scored_at),
                       percentile_cont(ARRAY[0.5, 0.95, 0.99, 1]) WITHIN GROUP (
                           ORDER BY 1000 * extract(epoch FROM scored_at - window_end_at))
                FROM window_scores
                WHERE window_end_at > %s AND scored_at > %s""",
                (self.newest_end_at - _LATE, self.newest_write_at),
            )
            windows, end_at, write_at, found = cursor.fetchone() or (0, None, None, None)
        if not windows:
            return 0, None
        self.newest_end_at, self.newest_write_at = max(end_at, self.newest_end_at), write_at
        return windows, dict(zip(_LATENCIES, found, strict=True))

    def dead_letters(self) -> int:
        """Count the rows of dead_letters."""
        with connect(self.database_url) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM dead_letters")
            (dead_letters,) = cursor.fetchone() or (0,)
            return int(dead_letters)


@dataclass(kw_only=True)
class Sampler:
    """Takes one sample after another."""

    stack: StackStatus
    flink: FlinkProbe
    database: LatencyProbe
    started_s: float = field(default_factory=time.monotonic)
    collected_s: float = field(default_factory=time.monotonic)

    def sample(self) -> Sample:
        """Measure everything once; what does not answer is left out, and named under `missing`."""
        taken: Sample = {"at_s": time.monotonic() - self.started_s, "time": datetime.now(UTC).isoformat()}
        taken["memory_mb"] = memory_mb(self.stack.home)
        missing = []
        for name in ("heap_mb", "checkpoint", "lag", "restarts"):
            try:
                taken[name] = getattr(self.flink, name)()
            except ServiceUnavailable:
                missing.append(name)
        try:
            taken["windows"], taken["latency_ms"] = self.database.since_last()
        except ServiceUnavailable:
            missing.append("windows")
        if time.monotonic() - self.collected_s >= _COLLECT_EVERY_S:
            self.collected_s = time.monotonic()
            taken["live_heap_mb"] = live_heap_mb(self.stack.home)
        return taken | {"missing": missing}
