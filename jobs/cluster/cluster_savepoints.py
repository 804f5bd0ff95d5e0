"""Savepoints of a cluster of the user's own: its JobManager is asked what jobs of ours that have ended have left."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from jobs.cluster.flink_client import ask, list_jobs
from jobs.cluster.savepoints import Savepoints, check_layout_of
from jobs.config import JOB_NAME
from stack.ports import without_password
from udfs.errors import ConfigError

_PARAMETER: Final = "fingerprint.state"
_ENDED: Final = ("FINISHED", "FAILED", "CANCELED")
_MS_PER_S: Final = 1000


@dataclass(frozen=True, kw_only=True)
class SavedState:
    """A savepoint or checkpoint on a cluster.

    Attributes
    ----------
    place : str
        As the cluster sees it.
    name : str
        Of the state, with its layout.
    at_s : float
        When it was complete, in seconds since the epoch by the cluster's clock.
    """

    place: str
    name: str
    at_s: float


def naming_options(savepoints: Savepoints) -> dict[str, str]:
    """Return Flink's options by which a job says whose state it has."""
    return {"pipeline.global-job-parameters": f"{_PARAMETER}:{savepoints.name}"}


def last_on_cluster(flink_url: str, savepoints: Savepoints) -> SavedState:
    """Return the newest state that a job has left which read this topic into this database.

    Raises
    ------
    ConfigError
        If the cluster knows of none, or only of another version of this software.
    """
    found = [
        state
        for job in list_jobs(flink_url)
        if job.name == JOB_NAME and job.state in _ENDED
        for state in _left_by(flink_url, job.job_id, job.state)
        if savepoints.are_of_same(state.name)
    ]
    if not found:
        raise ConfigError(
            f"Expected a job on {without_password(flink_url)} that has read the topic {savepoints.topic} into this "
            "database and ended, found none, and a JobManager forgets it after an hour: name the place that "
            "`fingerprint stop` printed with --from-savepoint, or leave out --resume"
        )
    newest = max(found, key=lambda state: state.at_s)
    check_layout_of(newest.name, newest.place)
    return newest


def _left_by(flink_url: str, job_id: str, state: str) -> list[SavedState]:
    told = ask(flink_url, f"/jobs/{job_id}/config").get("execution-config", {}).get("user-config", {})
    if _PARAMETER not in told:
        return []
    latest: dict[str, Any] = ask(flink_url, f"/jobs/{job_id}/checkpoints").get("latest") or {}
    # Of a job that was stopped with a savepoint the checkpoints are deleted.
    kinds = ("savepoint",) if state == "FINISHED" else ("savepoint", "completed")
    return [
        SavedState(place=one["external_path"], name=told[_PARAMETER], at_s=one["latest_ack_timestamp"] / _MS_PER_S)
        for kind in kinds
        # What cannot be gone on from has no place, or one of words in angle brackets.
        if (one := latest.get(kind)) and not one["discarded"] and re.match(r"\w+:", one["external_path"] or "")
    ]
