"""Print how many windows a second the API scores, and how long one takes: `python tests/benchmarks/bench_api.py`."""

from __future__ import annotations

import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import orjson
import psutil
import support_path  # noqa: F401  # puts fingerprint_testing on the path

from fingerprint_testing.paths import EXAMPLES
from fingerprint_testing.served_api import ServedApi, served_api
from ingest.kafka.message_json import encode
from ingest.recordings.capture import read_capture
from udfs.schema import WINDOW_SIZE, WINDOW_SLIDE

BATCH = 500
N_BATCHES = 20
N_CLIENTS = 2
N_SINGLE = 300
TARGET_WINDOWS_PER_S = 2000
TARGET_P99_MS = 20


def bodies() -> tuple[bytes, bytes]:
    """Return a request of `BATCH` windows of the examples, and one of a single window."""
    windows = []
    for path in sorted(EXAMPLES.glob("*.jsonl.gz")):
        messages = [orjson.loads(value) for value in encode(read_capture(path))]
        starts = range(0, len(messages) - WINDOW_SIZE + 1, WINDOW_SLIDE)
        windows += [messages[start : start + WINDOW_SIZE] for start in starts]
    batch = [windows[i % len(windows)] for i in range(BATCH)]
    return orjson.dumps({"windows": batch}), orjson.dumps({"windows": batch[:1]})


def cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def measure_batches(api: ServedApi, body: bytes) -> None:
    (scorer,) = api.scorers()
    before_s, began_s = cpu_s(scorer), time.perf_counter()
    with ThreadPoolExecutor(N_CLIENTS) as clients:
        for answer in clients.map(lambda _: api.post_bytes("/v1/windows", body), range(N_BATCHES)):
            answer.raise_for_status()
    elapsed_s, spent_s = time.perf_counter() - began_s, cpu_s(scorer) - before_s
    n = BATCH * N_BATCHES
    print(f"batches of {BATCH}, {N_CLIENTS} clients: {n / elapsed_s:,.0f} windows/s")
    print(f"a core of the scoring process: {n / spent_s:,.0f} windows/s (aim {TARGET_WINDOWS_PER_S:,})")


def measure_single(api: ServedApi, body: bytes) -> None:
    (scorer,) = api.scorers()
    parts = (scorer, psutil.Process(api.process.pid))
    before_s, times_ms = sum(cpu_s(part) for part in parts), []
    for _ in range(N_SINGLE):
        began_s = time.perf_counter()
        api.post_bytes("/v1/windows", body).raise_for_status()
        times_ms.append((time.perf_counter() - began_s) * 1000)
    spent_ms = (sum(cpu_s(part) for part in parts) - before_s) * 1000 / N_SINGLE
    p50, p95, p99 = np.percentile(times_ms, [50, 95, 99])
    print(
        f"one window, a connection each: p50 {p50:.1f}, p95 {p95:.1f}, p99 {p99:.1f} ms (aim {TARGET_P99_MS}), "
        f"CPU of both processes {spent_ms:.1f} ms"
    )


def main() -> None:
    batch, single = bodies()
    with tempfile.TemporaryDirectory() as home, served_api(Path(home)) as api:
        api.post_bytes("/v1/windows", batch).raise_for_status()
        for _ in range(3):
            measure_batches(api, batch)
            measure_single(api, single)
            print(f"load {os.getloadavg()[0]:.1f}", flush=True)


if __name__ == "__main__":
    main()
