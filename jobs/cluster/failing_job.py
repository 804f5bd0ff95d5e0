"""A job that keeps failing: why, and its end."""

from __future__ import annotations

import re
import time
from typing import Final

from jobs.cluster.flink_client import ask, cancel, check_job, find_running_job, last_cause
from udfs.errors import ServiceUnavailable

_SENTENCE: Final = re.compile(r"(?:Error|Exception|Unavailable): (Expected .+)")
_GIVE_UP_AFTER_S: Final = 300
_POLL_S: Final = 0.25


def end_failing(flink_url: str, job_id: str) -> str | None:
    """End a job that does not run, without saving anything, and return what it failed with last.

    Its last checkpoint stays. Nothing happens, and None is returned, if all of its tasks run.

    Raises
    ------
    ServiceUnavailable
        If the cluster does not answer, or the job has not ended after five minutes.
    """
    if check_job(flink_url).job_id == job_id:
        return None
    failure = last_failure(flink_url, job_id)
    cancel(flink_url, job_id)
    end_s = time.monotonic() + _GIVE_UP_AFTER_S
    while (job := find_running_job(flink_url)) is not None and job.job_id == job_id:
        if time.monotonic() > end_s:
            raise ServiceUnavailable(
                f"Expected the job {job_id} to end within {_GIVE_UP_AFTER_S} s, found it {job.state}: look at it in "
                "the web UI"
            )
        time.sleep(_POLL_S)
    return failure


def last_failure(flink_url: str, job_id: str) -> str:
    """Return what a job failed with last, in a sentence of ours if there is one."""
    history = ask(flink_url, f"/jobs/{job_id}/exceptions").get("exceptionHistory", {}).get("entries", [])
    trace = history[0].get("stacktrace", "") if history else ""
    sentences = _SENTENCE.findall(trace)
    return sentences[-1].strip() if sentences else last_cause(trace)
