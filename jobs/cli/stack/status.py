"""`status`: what runs where, and whether the job does."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from jobs.cli import options
from jobs.cli.configuration import find_configuration
from jobs.cli.console import out, print_json, print_sentence
from jobs.cli.options import OutputFormat
from jobs.cli.records import Column, print_records
from jobs.cluster.flink_client import check_job
from jobs.cluster.job_failures import find_failures
from model.registry.database_url import parse_database_url
from stack.control import status as read_stack
from stack.stack_status import StackStatus

_USABLE: Final = ("ready", "external")
_STATE_STYLES: Final = {
    "ready": "green",
    "external": "cyan",
    "starting": "yellow",
    "dead": "bold red",
    "runs": "green",
    "keeps failing": "bold red",
    "does not run": "yellow",
}


@dataclass(frozen=True, kw_only=True)
class JobStatus:
    """How the job is, by the Flink of a stack.

    Attributes
    ----------
    state : str
        `runs`, `keeps failing`, or `does not run`.
    job_id : str
        Of a job that runs.
    restarts, failures_lately : int
        How often Flink has started it again, and how often it failed in the last ten minutes.
    last_failure_at : datetime or None
        When it failed last.
    message : str
        What is wrong, or was.
    """

    state: str
    job_id: str
    restarts: int
    failures_lately: int
    last_failure_at: datetime | None
    message: str


def status(
    home: options.Home,
    output: Annotated[OutputFormat, typer.Option("--format", help="How to print.")] = OutputFormat.TABLE,
    show_password: Annotated[
        bool, typer.Option("--show-password", help="Show the database's addresses with their passwords.")
    ] = False,
) -> None:
    """Show what runs where, how to reach the database, and whether the job runs or keeps failing.

    With --format json it is one object with the parts, the database's address for each role, the job, and which
    configuration file is in use.
    """
    state, configuration = read_stack(home), find_configuration(os.environ, Path.cwd())
    job = read_job(state.flink_url) if state.is_ready and state.flink_url else None
    if output is OutputFormat.JSON:
        parts = [asdict(part) for part in state.parts]
        urls = database_urls(state, with_password=show_password)
        found = {"home": str(state.home), "parts": parts, "database_urls": urls}
        used = None if configuration is None else str(configuration)
        print_json(found | {"job": None if job is None else asdict(job), "configuration": used})
        return
    print_parts(state)
    if configuration is not None:
        print_sentence(f"Defaults of options are from {configuration}.")
    for role, url in database_urls(state, with_password=show_password).items():
        out.print(f"Database, as {role}: {url}", markup=False, highlight=False, soft_wrap=True)
    if job is not None:
        text = f"The job {job.state}" + (f": {job.message}" if job.message else "")
        print_sentence(text, _STATE_STYLES[job.state])


def database_urls(state: StackStatus, *, with_password: bool) -> dict[str, str]:
    """Return the database's address for each role, as DATABASE_URL takes it, with its password if asked."""
    given = state.database_urls.items()
    return {role: url if with_password else parse_database_url(url).open_url for role, url in given}


def read_job(flink_url: str) -> JobStatus:
    """Ask a cluster how the job is."""
    check, failures = check_job(flink_url), find_failures(flink_url)
    state = "keeps failing" if failures.keeps_failing else "does not run" if check.problem else "runs"
    return JobStatus(
        state=state,
        job_id=check.job_id,
        restarts=failures.n_restarts,
        failures_lately=failures.n_lately,
        last_failure_at=failures.last_at,
        message="; ".join(text for text in (check.problem, f"it {failures}" if str(failures) else "") if text),
    )


def print_parts(state: StackStatus) -> None:
    """Print a record for each part of a stack; on a terminal with the log only of a part that cannot be used."""
    if not state.parts:
        print_sentence(f"No stack runs in {state.home}: `fingerprint up` starts one.", is_aside=True)
        return
    print_sentence(f"The stack in {state.home}:", is_aside=True)
    columns = [
        *(Column(name=name) for name in ("part", "state", "address")),
        Column(name="pid", is_number=True, is_spare=True),
        Column(name="restarts", is_number=True),
        Column(name="web UI"),
        Column(name="log", is_sentence=True),
    ]
    records = [
        [
            part.name,
            part.state,
            part.address,
            str(part.pid or "-"),
            str(part.restarts),
            part.web_url or "-",
            "" if out.is_terminal and part.state in _USABLE else part.log or "-",
        ]
        for part in state.parts
    ]
    print_records(columns, [("", records)], styles=[_STATE_STYLES[part.state] for part in state.parts])
