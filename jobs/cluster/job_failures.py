"""How often a job has failed and was started again: Flink calls one RUNNING that does nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from jobs.cluster.flink_client import ask, find_running_job, list_jobs
from jobs.config import JOB_NAME
from udfs.errors import PipelineError

LATELY_S: Final = 600
KEEPS_FAILING: Final = 3
"""A job that has failed so often in `LATELY_S` keeps failing. A part that is killed costs one failure, or two."""

_SENTENCE: Final = re.compile(r"(?:Error|Exception|Unavailable): (Expected .+)")
_TOPIC_IS_GONE: Final = re.compile(r"Failed to get metadata for topics \[(.+?)\].*UnknownTopicOrPartition", re.DOTALL)
_NO_TASKMANAGER: Final = "NoResourceAvailableException"
"""What follows, attempt after attempt, from the end of a TaskManager, which is the failure before."""
_FAILED: Final = ("FAILED", "FAILING")
_MOST_ASKED: Final = 20
_MOST_CHARACTERS: Final = 200


@dataclass(frozen=True, kw_only=True)
class JobFailures:
    """How often a job has failed.

    Attributes
    ----------
    n_restarts : int
        How often it was started again since it was submitted, or since the last JobManager took it over.
    n_lately : int
        Failures of the last ten minutes, of which Flink keeps sixteen.
    last_at : datetime or None
        When it failed last; None if it never has.
    last_reason : str
        Why, in a line.
    has_ended : bool
        Whether it failed for good, so that it is not started again.
    """

    n_restarts: int = 0
    n_lately: int = 0
    last_at: datetime | None = None
    last_reason: str = ""
    has_ended: bool = False

    @property
    def keeps_failing(self) -> bool:
        """Whether it fails again and again."""
        return self.n_lately >= KEEPS_FAILING and not self.has_ended

    def __str__(self) -> str:
        """Write them in a sentence without a full stop; empty if there are none."""
        if self.last_at is None:
            return f"was started again {self.n_restarts} times" if self.n_restarts else ""
        if self.has_ended:
            return f"failed for good at {self.last_at:%H:%M:%S} UTC: {self.last_reason}"
        times = f"failed {self.n_lately} times in the last ten minutes, and was started again {self.n_restarts} times"
        return f"{times} in all; the last failure, at {self.last_at:%H:%M:%S} UTC, was: {self.last_reason}"


NO_FAILURES: Final = JobFailures()


def find_failures(flink_url: str) -> JobFailures:
    """Ask a cluster how often our job has failed; of no job, or no answer, there are no failures.

    If none runs, and the last one has failed for good, they are that one's.
    """
    try:
        job = find_running_job(flink_url)
        if job is not None:
            return read_failures(flink_url, job.job_id)
        ours = [job for job in list_jobs(flink_url) if job.name == JOB_NAME]
        last = max(ours, key=lambda job: job.started_at_ms, default=None)
        if last is None or last.state not in _FAILED:
            return NO_FAILURES
        return replace(read_failures(flink_url, last.job_id), has_ended=True)
    except PipelineError:
        return NO_FAILURES


def read_failures(flink_url: str, job_id: str, *, now: datetime | None = None) -> JobFailures:
    """Ask a cluster how often a job has failed; what can go wrong is that of `ask`.

    Parameters
    ----------
    flink_url, job_id : str
        The cluster's REST interface, and a job of its.
    now : datetime, optional
        With its zone; this machine's clock if None.
    """
    metrics = ask(flink_url, f"/jobs/{job_id}/metrics", get="numRestarts")
    restarts = [round(float(metric["value"])) for metric in metrics if metric["id"] == "numRestarts"]
    answer = ask(flink_url, f"/jobs/{job_id}/exceptions", maxExceptions=str(_MOST_ASKED))
    failures = answer.get("exceptionHistory", {}).get("entries", [])
    n_restarts = restarts[0] if restarts else 0
    if not failures:
        return JobFailures(n_restarts=n_restarts)
    since_ms = ((now or datetime.now(UTC)).timestamp() - LATELY_S) * 1000
    telling = [failure for failure in failures if _NO_TASKMANAGER not in failure.get("stacktrace", "")]
    last = max(telling or failures, key=lambda failure: failure["timestamp"])
    return JobFailures(
        n_restarts=n_restarts,
        n_lately=sum(failure["timestamp"] >= since_ms for failure in failures),
        last_at=datetime.fromtimestamp(last["timestamp"] / 1000, UTC),
        last_reason=_reason(last),
    )


def _reason(failure: dict[str, Any]) -> str:
    """Take the line out of a stack trace that says what went wrong: a sentence of ours, else the last cause of all."""
    if gone := _TOPIC_IS_GONE.search(failure.get("stacktrace", "")):
        return (
            f"Expected the topic {gone[1]} on Kafka, found that it is gone: one that is made anew under its name is "
            "another one, so submit the job with a database without results"
        )
    if _NO_TASKMANAGER in failure.get("stacktrace", ""):
        return "Expected a TaskManager with a free slot, found none: read the log of the one that ended"
    lines = failure.get("stacktrace", "").splitlines()
    sentences = [found[1] for line in lines if (found := _SENTENCE.search(line))]
    if sentences:
        return sentences[-1]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    reason = causes[-1] if causes else lines[0] if lines else failure.get("exceptionName", "unknown")
    return reason if len(reason) <= _MOST_CHARACTERS else f"{reason[: _MOST_CHARACTERS - 1]}…"
