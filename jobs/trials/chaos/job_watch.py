"""Sees from outside whether results flow, whether the job is whole, and whether it has read everything."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import requests

from ingest.kafka.committed_offsets import consumer_lags
from jobs.config import JOB_NAME
from model.registry.database import connect
from stack.control import status
from udfs.errors import ConfigError, PipelineError

STANDSTILL_S: Final = 2.0
"""Results that come further apart have stood still."""

STEADY_S: Final = 3.0
GIVE_UP_S: Final = 900.0
_POLL_S: Final = 0.5
_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What is watched: one job of the local stack, its topic and its results."""

    home: Path
    kafka: str
    flink_url: str
    database_url: str
    topic: str

    def newest_window(self) -> datetime | None:
        """Return the end of the newest window that has its row, None if there is none or the database is away."""
        with suppress(ConfigError), connect(self.database_url) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT max(window_end_at) FROM window_scores")
            (newest,) = cursor.fetchone() or (None,)
            return newest if isinstance(newest, datetime) else None
        return None

    def is_whole(self) -> bool:
        """Tell whether every part is ready and every task of the job runs."""
        return status(self.home).is_ready and self._tasks_run()

    def has_read_all(self) -> bool:
        """Tell whether every reader's checkpoints, with the rows that belong to them, reach the topic's end."""
        with suppress(ConfigError):  # a broker that is busy may take long to answer
            return set(consumer_lags(self.kafka, self.topic)) == {0}
        return False

    def _tasks_run(self) -> bool:
        try:
            jobs = requests.get(f"{self.flink_url}/jobs/overview", timeout=_TIMEOUT_S).json()["jobs"]
        except (requests.RequestException, ValueError, KeyError):
            return False
        ours = [job for job in jobs if job["name"] == JOB_NAME and job["state"] == "RUNNING"]
        return len(ours) == 1 and ours[0]["tasks"]["running"] == ours[0]["tasks"]["total"]


def seconds_to_recovery(
    progress: Callable[[], Any],
    is_whole: Callable[[], bool],
    *,
    newest: Any,
    since_s: float,
    noticed_within_s: float,
) -> float:
    """Wait until results flow steadily again.

    Parameters
    ----------
    progress : callable
        Returns something that grows with each result, None while that cannot be told.
    is_whole : callable
        Tells whether everything runs again.
    newest : object
        What `progress` returned before the fault: only what is newer is a new result.
    since_s : float
        When the fault was over, by the monotonic clock.
    noticed_within_s : float
        How long results may still flow before they stop.

    Returns
    -------
    float
        Seconds from `since_s` to the first new result after the last standstill; 0 if there was none.

    Raises
    ------
    PipelineError
        If that has not come about after `GIVE_UP_S`.
    """
    last_new_s = resumed_s = since_s
    while True:
        value, now_s = progress(), time.monotonic()
        if value is not None and (newest is None or value > newest):
            if now_s - last_new_s > STANDSTILL_S:
                resumed_s = now_s
            newest, last_new_s = value, now_s
        steady = now_s - last_new_s <= STANDSTILL_S and now_s - resumed_s >= STEADY_S
        if steady and now_s - since_s >= noticed_within_s and is_whole():
            return resumed_s - since_s
        if now_s - since_s > GIVE_UP_S:
            raise PipelineError(
                f"Expected results to flow again, found none for {now_s - last_new_s:.0f} s: see `fingerprint status` "
                "and the job's exceptions in Flink's web UI"
            )
        time.sleep(_POLL_S)


def wait_until(condition: Callable[[], bool], *, what: str, timeout_s: float = GIVE_UP_S) -> None:
    """Wait for a condition, or raise PipelineError."""
    end_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end_s:
            raise PipelineError(f"Expected {what} within {timeout_s:.0f} s, waited in vain: see `fingerprint status`")
        time.sleep(_POLL_S)
