"""The end of a job: one that starts is waited for, one that keeps failing ends as it is."""

from __future__ import annotations

import time
from typing import Final

from jobs.cluster.flink_client import ask, cancel, check_job, find_running_job
from jobs.cluster.job_failures import read_failures
from udfs.errors import ServiceUnavailable

_GIVE_UP_AFTER_S: Final = 300
_POLL_S: Final = 0.25


def wait_until_started(flink_url: str, job_id: str) -> None:
    """Wait until all tasks of a job run, it keeps failing, or it has ended: one that starts has no state to save yet.

    Raises
    ------
    ServiceUnavailable
        If the cluster does not answer, or none is so after five minutes.
    """
    end_s = time.monotonic() + _GIVE_UP_AFTER_S
    while find_running_job(flink_url) is not None and (check := check_job(flink_url)).job_id != job_id:
        if read_failures(flink_url, job_id).keeps_failing:
            return
        if time.monotonic() > end_s:
            raise ServiceUnavailable(
                f"Expected the job {job_id} to run within {_GIVE_UP_AFTER_S} s, found that {check.problem}: look at it "
                "in the web UI"
            )
        time.sleep(_POLL_S)


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
    failure = read_failures(flink_url, job_id).last_reason
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


def has_checkpoint(flink_url: str, job_id: str) -> bool:
    """Tell whether a job, also one that has ended, has made a checkpoint."""
    return bool(ask(flink_url, f"/jobs/{job_id}/checkpoints")["counts"]["completed"])
