"""Talks to a Flink cluster: submits the job with `flink run`, and asks its REST interface what runs."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyflink
import requests

from jobs.config import JOB_NAME
from udfs.errors import ConfigError, PipelineError

_FLINK_HOME = Path(pyflink.__file__).parent
_JOB_FILE = Path(__file__).parent / "score.py"
_SUBMITTED = re.compile(r"JobID ([0-9a-f]{32})")
_TIMEOUT_S = 10
_STOP_TIMEOUT_S = 300
_POLL_S = 0.25


@dataclass(frozen=True, kw_only=True)
class RunningJob:
    """A job that a cluster knows of.

    Attributes
    ----------
    job_id, name, state : str
        As Flink has them; RUNNING does not mean that its tasks run.
    n_tasks, n_running : int
        All tasks of it, and those that run: a task begins by loading its models.
    unchanged_s : float
        For how long no task has changed its state, by the cluster's clock.
    """

    job_id: str
    name: str
    state: str
    n_tasks: int
    n_running: int
    unchanged_s: float


def list_jobs(flink_url: str) -> list[RunningJob]:
    """Ask a cluster for its jobs, finished ones too.

    Raises
    ------
    ConfigError
        If no Flink REST interface answers there.
    """
    try:
        response = requests.get(f"{flink_url.rstrip('/')}/jobs/overview", timeout=_TIMEOUT_S)
        response.raise_for_status()
        jobs = response.json()["jobs"]
    except (requests.RequestException, ValueError, KeyError) as error:
        raise ConfigError(
            f"Expected Flink's REST interface at {flink_url}, found none ({type(error).__name__}): start it, or run "
            "`fingerprint up`, or correct --flink"
        ) from error
    return [_job(job) for job in jobs]


def _job(overview: dict[str, Any]) -> RunningJob:
    now_ms = overview["start-time"] + overview["duration"]
    tasks = overview["tasks"]
    return RunningJob(
        job_id=overview["jid"],
        name=overview["name"],
        state=overview["state"],
        n_tasks=tasks["total"],
        n_running=tasks["running"],
        unchanged_s=(now_ms - overview["last-modification"]) / 1000,
    )


def find_running_job(flink_url: str) -> RunningJob | None:
    """Find our job on a cluster, if it is running or about to."""
    ended = {"FINISHED", "FAILED", "CANCELED", "FAILING", "CANCELLING"}
    return next((job for job in list_jobs(flink_url) if job.name == JOB_NAME and job.state not in ended), None)


def stop_with_savepoint(flink_url: str, job_id: str, folder: str | None) -> str:
    """Stop a job once its state is saved, and return where.

    Parameters
    ----------
    flink_url : str
        The cluster's REST interface.
    job_id : str
        A job that is running.
    folder : str or None
        Where the savepoint goes, as the cluster sees it; None for the cluster's own.

    Raises
    ------
    PipelineError
        If the cluster refuses, fails, or takes longer than five minutes.
    """
    job = f"{flink_url.rstrip('/')}/jobs/{job_id}"
    body = {"drain": False} | ({} if folder is None else {"targetDirectory": folder})
    trigger = _ask("POST", f"{job}/stop", body)["request-id"]
    end_s = time.monotonic() + _STOP_TIMEOUT_S
    while (answer := _ask("GET", f"{job}/savepoints/{trigger}"))["status"]["id"] != "COMPLETED":
        if time.monotonic() > end_s:
            raise PipelineError(
                f"Expected a savepoint of job {job_id} within {_STOP_TIMEOUT_S} s, found it unfinished: look at the "
                "job's checkpoints in the web UI"
            )
        time.sleep(_POLL_S)
    operation = answer["operation"]
    if "location" not in operation:
        cause = _last_cause(operation.get("failure-cause", {}).get("stack-trace", ""))
        raise PipelineError(f"Expected a savepoint of job {job_id}, found: {cause}; the job goes on")
    return str(operation["location"])


def _ask(method: str, url: str, body: object = None) -> Any:
    try:
        response = requests.request(method, url, json=body, timeout=_TIMEOUT_S)
        answer = response.json()
    except (requests.RequestException, ValueError) as error:
        raise PipelineError(
            f"Expected an answer from {url}, found none ({type(error).__name__}): is Flink still there?"
        ) from error
    if not response.ok:
        raise PipelineError(f"Expected {url} to be done, found: {_last_cause(' '.join(answer.get('errors', [])))}")
    return answer


def _last_cause(trace: str) -> str:
    """Take the sentence out of a Java exception's text."""
    lines = [line.strip() for line in trace.splitlines() if line.strip() and not line.startswith(("\t", " "))]
    causes = [line for line in lines if line.startswith("Caused by:")] or lines[:1] or ["no reason given"]
    return causes[-1].removeprefix("Caused by:").strip()


def flink_run_command(
    flink_url: str,
    job_arguments: list[str],
    *,
    worker_python: str,
    savepoint: str | None = None,
    flink_options: Mapping[str, str] | None = None,
) -> list[str]:
    """Write the `flink run -py jobs/score_windows.py` that submits the job.

    Parameters
    ----------
    flink_url : str
        The cluster's REST interface.
    job_arguments : list of str
        What `jobs/score_windows.py` is told.
    worker_python : str
        Python on the cluster's machines.
    savepoint : str, optional
        Savepoint or checkpoint whose state the job goes on with.
    flink_options : mapping of str to str, optional
        Flink's options for this job, where they are not the cluster's.
    """
    address = urlsplit(flink_url)
    return [
        *(str(_FLINK_HOME / "bin" / "flink"), "run", "--detached"),
        *("--jobmanager", f"{address.hostname}:{address.port or 8081}"),
        *("--pyClientExecutable", sys.executable),
        *("--pyExecutable", worker_python),
        *(f"-D{name}={value}" for name, value in (flink_options or {}).items()),
        *(("--fromSavepoint", savepoint) if savepoint else ()),
        *("--python", str(_JOB_FILE), *job_arguments),
    ]


def flink_run(command: list[str], environment: dict[str, str]) -> str:
    """Run what `flink_run_command` wrote, and return the id of the job.

    Parameters
    ----------
    command : list of str
        The command.
    environment : dict
        The client's environment, with the database's address: command lines can be read by everybody on the machine.

    Raises
    ------
    PipelineError
        If the client or the cluster refuses; the message ends with what it said.
    """
    done = subprocess.run(  # noqa: S603  # our own command, no shell
        command, env=environment, capture_output=True, text=True, check=False
    )
    submitted = _SUBMITTED.search(done.stdout)
    if done.returncode != 0 or submitted is None:
        raise PipelineError(f"Expected Flink to take the job, but `flink run` ended with: {_reason(done)}")
    return submitted.group(1)


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """Pick the line that a person needs out of a client's output."""
    lines = [line.strip() for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
    # That our own program ended is what Flink's client says last, and no cause.
    causes = [
        line for line in lines if line.startswith(("Error:", "Caused by:")) and "Python process exits" not in line
    ]
    return (causes or lines or [f"exit code {done.returncode}"])[-1].removeprefix("Error: ")
