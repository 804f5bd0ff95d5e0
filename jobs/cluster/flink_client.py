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
from stack.flink_tls import ask_flink, rest_port
from stack.java.flink_wheel import python_jar
from stack.ports import without_password
from stack.privacy import PRIVATE_UMASK
from udfs.errors import ConfigError, PipelineError, ServiceUnavailable

_FLINK_HOME = Path(pyflink.__file__).parent
_JOB_FILE = Path(__file__).parents[1] / "score_windows.py"
_SUBMITTED = re.compile(r"JobID ([0-9a-f]{32})")
_STATE_OF_ANOTHER_JOB = "Failed to rollback to checkpoint/savepoint"
"""How Flink begins to say that a savepoint has state of an operator that the job does not have."""
_TIMEOUT_S = 10
_STOP_TIMEOUT_S = 300
_POLL_S = 0.25
_SERVER_ERROR = 500
_NO_ADDRESS = (
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
)
_MAY_PASS = (404, 409)
"""What a JobManager that has just been started says of a job that it does not know yet, or that is not running yet."""


@dataclass(frozen=True, kw_only=True)
class RunningJob:
    """A job that a cluster knows of.

    Attributes
    ----------
    job_id, name, state : str
        As Flink has them; RUNNING does not mean that its tasks run.
    started_at_ms : int
        When it was submitted, by the cluster's clock.
    n_tasks, n_running : int
        All tasks of it, and those that run: a task begins by loading its models.
    unchanged_s : float
        For how long no task has changed its state, by the cluster's clock.
    """

    job_id: str
    name: str
    state: str
    started_at_ms: int
    n_tasks: int
    n_running: int
    unchanged_s: float


def ask(flink_url: str, path: str, *, method: str = "GET", body: object = None, **parameters: str) -> Any:
    """Ask a cluster's REST interface, and return what it answers.

    Raises
    ------
    ServiceUnavailable
        If it does not answer, or is not ready to.
    ConfigError
        If the address is none, something else than Flink answers there, or the two do not believe each other's
        certificates.
    PipelineError
        If it refuses; the message ends with what it said.
    """
    shown = without_password(flink_url)
    try:
        url = f"{flink_url.rstrip('/')}{path}"
        response = ask_flink(method, url, json=body, params=parameters, timeout=_TIMEOUT_S)
        answer = response.json()
    except _NO_ADDRESS as error:
        raise ConfigError(f"Expected Flink's address as http://HOST:PORT, found {shown!r}: correct it") from error
    except requests.JSONDecodeError as error:
        if response.status_code < _SERVER_ERROR:
            raise _is_something_else(flink_url) from error
        answer = {}
    except requests.RequestException as error:
        raise ServiceUnavailable(
            f"Expected Flink at {shown} to answer {path}, found no answer ({type(error).__name__}): start it, or "
            "run `fingerprint up`, or correct --flink"
        ) from error
    if response.ok:
        return answer
    said = _last_cause(" ".join(answer.get("errors", []))) if isinstance(answer, dict) else ""
    is_flink = isinstance(answer, dict) and "errors" in answer
    if response.status_code >= _SERVER_ERROR or (is_flink and response.status_code in _MAY_PASS):
        raise ServiceUnavailable(
            f"Expected Flink at {shown} to do {path}, found {said} ({response.status_code}): try again"
        )
    if not is_flink:
        raise _is_something_else(flink_url)
    raise PipelineError(f"Expected Flink at {shown} to do {path}, found {said}: see its web UI")


def _is_something_else(flink_url: str) -> ConfigError:
    return ConfigError(
        f"Expected Flink's REST interface at {without_password(flink_url)}, found something else: correct --flink"
    )


def list_jobs(flink_url: str) -> list[RunningJob]:
    """Ask a cluster for its jobs, finished ones too; what can go wrong is that of `ask`."""
    answer = ask(flink_url, "/jobs/overview")
    if not isinstance(answer, dict) or "jobs" not in answer:
        raise _is_something_else(flink_url)
    return [_job(job) for job in answer["jobs"]]


def _job(overview: dict[str, Any]) -> RunningJob:
    now_ms = overview["start-time"] + overview["duration"]
    tasks = overview["tasks"]
    return RunningJob(
        job_id=overview["jid"],
        name=overview["name"],
        state=overview["state"],
        started_at_ms=overview["start-time"],
        n_tasks=tasks["total"],
        n_running=tasks["running"],
        unchanged_s=(now_ms - overview["last-modification"]) / 1000,
    )


def has_pyflink(flink_url: str) -> bool:
    """Tell whether a JobManager has the jar of this PyFlink on its class path; one that does not answer has not."""
    try:
        class_path = ask(flink_url, "/jobmanager/environment")["classpath"]
    except ServiceUnavailable:
        return False
    return any(Path(jar).name == python_jar().name for jar in class_path)


def find_running_job(flink_url: str) -> RunningJob | None:
    """Find our job on a cluster, if it is running or about to."""
    ended = {"FINISHED", "FAILED", "CANCELED", "FAILING", "CANCELLING"}
    return next((job for job in list_jobs(flink_url) if job.name == JOB_NAME and job.state not in ended), None)


@dataclass(frozen=True, kw_only=True)
class JobCheck:
    """How our job on a cluster is.

    Attributes
    ----------
    problem : str
        Why it does not run; empty if it does.
    job_id : str
        Of a job that runs.
    unchanged_s : float
        For how long all its tasks have run.
    """

    problem: str = ""
    job_id: str = ""
    unchanged_s: float = 0.0


def check_job(flink_url: str) -> JobCheck:
    """Ask a cluster how our job is; one that is away runs none."""
    try:
        job = find_running_job(flink_url)
    except ServiceUnavailable as error:
        return JobCheck(problem=str(error))
    if job is None:
        return JobCheck(problem=f"Flink at {without_password(flink_url)} runs no job {JOB_NAME!r}")
    if job.state != "RUNNING":
        return JobCheck(problem=f"Flink has the job {job.job_id}, but it is {job.state}")
    if job.n_running < job.n_tasks:
        tasks = f"{job.n_running} of its {job.n_tasks} tasks"
        return JobCheck(problem=f"Flink calls the job {job.job_id} RUNNING, but {tasks} run")
    return JobCheck(job_id=job.job_id, unchanged_s=job.unchanged_s)


def cancel(flink_url: str, job_id: str) -> None:
    """Ask a cluster to end a job without saving anything."""
    ask(flink_url, f"/jobs/{job_id}", method="PATCH", mode="cancel")


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
    ServiceUnavailable
        If the cluster does not answer, cannot save the state now, or takes longer than five minutes.
    PipelineError
        If it refuses.
    """
    path = f"/jobs/{job_id}"
    body = {"drain": False} | ({} if folder is None else {"targetDirectory": folder})
    trigger = ask(flink_url, f"{path}/stop", method="POST", body=body)["request-id"]
    end_s = time.monotonic() + _STOP_TIMEOUT_S
    while (answer := ask(flink_url, f"{path}/savepoints/{trigger}"))["status"]["id"] != "COMPLETED":
        if time.monotonic() > end_s:
            raise ServiceUnavailable(
                f"Expected a savepoint of job {job_id} within {_STOP_TIMEOUT_S} s, found it unfinished: look at the "
                "job's checkpoints in the web UI"
            )
        time.sleep(_POLL_S)
    operation = answer["operation"]
    if "location" not in operation:
        cause = _last_cause(operation.get("failure-cause", {}).get("stack-trace", ""))
        raise ServiceUnavailable(f"Expected a savepoint of job {job_id}, found {cause}: try again, for the job goes on")
    return str(operation["location"])


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
    # Without its scheme Flink's client takes an address for one without TLS, whatever its options say.
    scheme = "https://" if address.scheme == "https" else ""
    return [
        *(str(_FLINK_HOME / "bin" / "flink"), "run", "--detached"),
        *("--jobmanager", f"{scheme}{address.hostname}:{rest_port(address)}"),
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
        The client's environment, with the database's address but not its password: the client logs it.

    Raises
    ------
    ConfigError
        If the savepoint that it goes on from is of a job with other operators.
    PipelineError
        If the client or the cluster refuses otherwise; the message ends with what it said.
    """
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, umask=PRIVATE_UMASK)
    submitted = _SUBMITTED.search(done.stdout)
    if done.returncode != 0 or submitted is None:
        reason = _reason(done)
        if _STATE_OF_ANOTHER_JOB in reason:
            # Flink's own advice, to leave out what fits nowhere, would begin connections anew in mid-stream.
            raise ConfigError(
                "Expected a savepoint or checkpoint of a job with the operators of this version, found one of another "
                "version of this software: submit without it, which reads the topic from its beginning and gives the "
                "same results"
            )
        raise PipelineError(
            f"Expected Flink to take the job, found that `flink run` ended with {reason}: mend that, or look at the "
            "log of Flink's JobManager"
        )
    return submitted.group(1)


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """Pick the line that a person needs out of a client's output."""
    lines = [line.strip() for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
    # That our own program ended is what Flink's client says last, and no cause.
    causes = [
        line for line in lines if line.startswith(("Error:", "Caused by:")) and "Python process exits" not in line
    ]
    return (causes or lines or [f"exit code {done.returncode}"])[-1].removeprefix("Error: ")
