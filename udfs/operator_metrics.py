"""What the scoring operator counts, a few times a batch: for Flink's web UI and for Prometheus."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Protocol

import pandas as pd
import psutil

from udfs.schema import UNKNOWN

MEMORY_EVERY_S: Final = 1.0
"""A gauge is read after every batch; asking the system takes longer than that is worth."""


class MetricGroup(Protocol):
    """What is needed of PyFlink's."""

    def counter(self, name: str) -> Any:
        """Register a counter, with `inc(n)`."""

    def gauge(self, name: str, obj: Callable[[], int]) -> None:
        """Register a gauge."""

    def add_group(self, name: str, extra: str) -> MetricGroup:
        """Return the group whose metrics carry the label `name` with the value `extra`."""


class ScoringMetrics:
    """Counts windows, batches and the time they took; a mean is the quotient of two rates.

    PyFlink's distributions reach reporters as text, which Prometheus cannot hold: so there are none.

    Parameters
    ----------
    group : MetricGroup
        Of the operator.
    """

    def __init__(self, group: MetricGroup) -> None:
        self._group = group
        self._windows = group.counter("windows_scored")
        self._unknown = group.counter("windows_unknown")
        self._batches = group.counter("batches_scored")
        self._scoring_us = group.counter("scoring_time_us")
        self._by_model: dict[str, Any] = {}
        self._last_windows = self._last_us = 0
        group.gauge("last_batch_windows", lambda: self._last_windows)
        group.gauge("last_batch_scoring_time_us", lambda: self._last_us)
        group.gauge("worker_memory_bytes", _resident_bytes())

    def add(self, rows: pd.DataFrame, scoring_us: int) -> None:
        """Count one batch, as `udfs.window_records.record_rows` lays it out."""
        self._last_windows, self._last_us = len(rows), scoring_us
        self._windows.inc(len(rows))
        self._unknown.inc(int((rows["predicted_exchange"].to_numpy() == UNKNOWN).sum()))
        self._batches.inc()
        self._scoring_us.inc(scoring_us)
        for version, n_windows in Counter(rows["model_version"].to_list()).items():
            self._of_model(version).inc(n_windows)

    def _of_model(self, version: str) -> Any:
        if version not in self._by_model:
            self._by_model[version] = self._group.add_group("model_version", version).counter("windows")
        return self._by_model[version]


def _resident_bytes() -> Callable[[], int]:
    """Return a function that tells the memory of this process, at most `MEMORY_EVERY_S` old."""
    process, read_at_s, n_bytes = psutil.Process(), float("-inf"), 0

    def read() -> int:
        nonlocal read_at_s, n_bytes
        now_s = time.monotonic()
        if now_s - read_at_s >= MEMORY_EVERY_S:
            read_at_s, n_bytes = now_s, int(process.memory_info().rss)
        return n_bytes

    return read
