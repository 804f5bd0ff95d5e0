"""`status`: what runs where, and whether the job does."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from jobs.cli import options
from jobs.cli.console import out, print_json
from jobs.cli.options import OutputFormat
from jobs.cluster.flink_client import check_job
from jobs.cluster.job_failures import find_failures
from model.registry.database_url import parse_database_url
from stack.control import status as read_stack
from stack.stack_status import StackStatus

_STATE_STYLES = {
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

    With --format json it is one object with the parts, the database's address for each role, and the job.
    """
    state = read_stack(home)
    job = read_job(state.flink_url) if state.is_ready and state.flink_url else None
    if output is OutputFormat.JSON:
        parts = [asdict(part) for part in state.parts]
        urls = database_urls(state, with_password=show_password)
        found = {"home": str(state.home), "parts": parts, "database_urls": urls}
        print_json(found | {"job": None if job is None else asdict(job)})
        return
    out.print(status_table(state))
    for role, url in database_urls(state, with_password=show_password).items():
        out.print(f"Database, as {role}: {url}", markup=False, highlight=False, soft_wrap=True)
    if job is not None:
        text = f"The job {job.state}" + (f": {job.message}" if job.message else "")
        out.print(text, style=_STATE_STYLES[job.state], markup=False, highlight=False, soft_wrap=True)


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


def status_table(state: StackStatus) -> Table:
    """Draw the parts of a stack."""
    table = Table(
        "part", "state", "address", "pid", "restarts", "web UI or log", title=escape(f"Stack in {state.home}")
    )
    for part in state.parts:
        style = _STATE_STYLES[part.state]
        where = escape(part.web_url or part.log or "")
        pid = str(part.pid or "")
        table.add_row(part.name, f"[{style}]{part.state}[/]", part.address, pid, str(part.restarts), where)
    return table
