"""A seeded load, a real job, one fault after another, and the results compared with those of an undisturbed run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import requests
from confluent_kafka.admin import AdminClient

from ingest.broker import Broker, ensure_topics
from jobs.addresses import Addresses
from jobs.chaos_digest import results_digest
from jobs.chaos_faults import Fault
from jobs.chaos_load import Load
from jobs.chaos_watch import Watch, seconds_to_recovery, wait_until
from jobs.config import TOPIC_PARTITIONS
from jobs.database import connect
from jobs.flink_client import list_jobs, stop_with_savepoint
from jobs.migrate import migrate
from jobs.submission import Submission
from stack.status import StackStatus
from udfs.errors import PipelineError

DISTURBED: Final = "chaos_disturbed"
UNDISTURBED: Final = "chaos_undisturbed"
"""The databases of the two runs."""

_REST_TIMEOUT_S: Final = 10


@dataclass(frozen=True, kw_only=True)
class Injury:
    """A fault that was inflicted, when, and how long results then stood still."""

    fault: str
    at_s: float
    recovery_s: float


@dataclass(kw_only=True)
class ChaosReport:
    """What a run has shown."""

    seed: int
    injuries: list[Injury] = field(default_factory=list)
    messages: int = 0
    disturbed: tuple[str, dict[str, int]] = ("", {})
    undisturbed: tuple[str, dict[str, int]] = ("", {})

    @property
    def is_same(self) -> bool:
        """Whether the disturbed run has written what the undisturbed one has, and anything at all."""
        return self.disturbed == self.undisturbed and self.disturbed[1].get("window_scores", 0) > 0

    def recoveries(self) -> dict[str, dict[str, float]]:
        """Return count, median and maximum of the recovery times by kind of fault, and of all."""
        times: dict[str, list[float]] = {}
        for injury in self.injuries:
            times.setdefault(injury.fault, []).append(injury.recovery_s)
        if self.injuries:
            times["all"] = [injury.recovery_s for injury in self.injuries]
        return {name: {"n": len(t), "p50_s": median(t), "max_s": max(t)} for name, t in times.items()}

    def to_json(self) -> dict[str, Any]:
        """Lay out the report as one JSON object."""
        return asdict(self) | {"is_same": self.is_same, "recoveries": self.recoveries()}


class Chaos:
    """One run on a local stack, on a topic and in databases of its own.

    Parameters
    ----------
    stack : StackStatus
        A running stack, no part of which is external and on which no job of ours runs.
    seed : int
        Draws the load.
    progress : callable
        Called with a line of text at each step.
    """

    def __init__(self, stack: StackStatus, seed: int, progress: Callable[[str], None]) -> None:
        self._stack, self._seed, self._progress = stack, seed, progress
        self._topic = f"chaos_{time.time_ns() // 10**6}"
        self._disturbed = self._make_database(DISTURBED)
        self._parallelism = 1
        self._job_id = ""
        self._watch = Watch(
            home=stack.home,
            kafka=stack.kafka,
            flink_url=stack.flink_url,
            database_url=self._disturbed,
            topic=self._topic,
        )
        self.report = ChaosReport(seed=seed)

    def run(self, faults: Sequence[Fault], *, per_exchange: int) -> ChaosReport:
        """Inflict the faults one after another, wait after each until results flow, and compare at the end."""
        ensure_topics(self._stack.kafka, [self._topic], TOPIC_PARTITIONS)
        load = Load(kafka=self._stack.kafka, topic=self._topic, seed=self._seed, per_exchange=per_exchange)
        load.start()
        try:
            self._progress("Submitting the job")
            self._job_id = self._submit(self._disturbed)
            started_s = time.monotonic()
            seconds_to_recovery(
                self._watch.newest_window, self._watch.is_whole, since_s=started_s, noticed_within_s=5.0
            )
            for number, fault in enumerate(faults, start=1):
                load.check()
                self._inflict(fault, f"{number} of {len(faults)}", started_s)
        finally:
            self.report.messages = load.stop()
        self._compare()
        return self.report

    def rescale(self, _home: object) -> None:
        """Stop the job with a savepoint and resume it with another parallelism, two after one and one after two."""
        savepoint = stop_with_savepoint(self._stack.flink_url, self._job_id, None)
        self._parallelism = 3 - self._parallelism
        self._job_id = self._submit(self._disturbed, "--parallelism", str(self._parallelism), savepoint=savepoint)

    def clean_up(self) -> None:
        """Remove topic and databases, whatever has happened before."""
        for job in list_jobs(self._stack.flink_url):
            if job.job_id == self._job_id and job.state not in ("FINISHED", "FAILED", "CANCELED"):
                self._cancel()
        admin = AdminClient(Broker(self._stack.kafka).settings)  # without a name it would be gone before its answer
        admin.delete_topics([self._topic])[self._topic].exception()
        with connect(self._stack.database_url) as connection, connection.cursor() as cursor:
            for name in (DISTURBED, UNDISTURBED):
                cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _inflict(self, fault: Fault, number: str, started_s: float) -> None:
        at_s = time.monotonic() - started_s
        fault.inflict(self._stack.home)
        recovery_s = seconds_to_recovery(
            self._watch.newest_window,
            self._watch.is_whole,
            since_s=time.monotonic(),
            noticed_within_s=fault.noticed_within_s,
        )
        self.report.injuries.append(Injury(fault=fault.name, at_s=at_s, recovery_s=recovery_s))
        self._progress(f"{number}: {fault.name}: results flow again after {recovery_s:.1f} s")

    def _compare(self) -> None:
        """Let the job read to the end of the topic, and another one all of it, undisturbed."""
        self._progress(f"Reading to the end of {self.report.messages:,} messages")
        wait_until(self._watch.has_read_all, what="the job to read to the end of the topic")
        self._cancel()
        self._progress("Reading them again, undisturbed")
        undisturbed = self._make_database(UNDISTURBED)
        job_id = self._submit(undisturbed, "--stop-at-end")
        wait_until(lambda: self._state(job_id) in ("FINISHED", "FAILED"), what="the undisturbed run to end")
        if self._state(job_id) == "FAILED":
            raise PipelineError("Expected the undisturbed run to end well, found it failed: see Flink's web UI")
        self.report.disturbed = results_digest(self._disturbed)
        self.report.undisturbed = results_digest(undisturbed)

    def _submit(self, database_url: str, *options: str, savepoint: str | None = None) -> str:
        stack = self._stack
        addresses = Addresses(home=stack.home, kafka=stack.kafka, flink=stack.flink_url, database_url=database_url)
        submission = Submission(addresses=addresses, topic=self._topic, job_options=options, savepoint=savepoint)
        return submission.run(lambda _line: None)

    def _cancel(self) -> None:
        url = f"{self._stack.flink_url}/jobs/{self._job_id}"
        requests.patch(url, params={"mode": "cancel"}, timeout=_REST_TIMEOUT_S)
        wait_until(lambda: self._state(self._job_id) == "CANCELED", what="the end of the job")

    def _state(self, job_id: str) -> str:
        return next((job.state for job in list_jobs(self._stack.flink_url) if job.job_id == job_id), "gone")

    def _make_database(self, name: str) -> str:
        with connect(self._stack.database_url) as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            cursor.execute(f"CREATE DATABASE {name}")
        url = urlunsplit(urlsplit(self._stack.database_url)._replace(path=f"/{name}"))
        migrate(url)
        return url
