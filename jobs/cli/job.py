"""`submit`, `stop` and `migrate`: the job on the cluster, and the tables that it writes to."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs.cli import options
from jobs.cli.console import err, out
from jobs.cluster.flink_client import find_running_job, stop_with_savepoint
from jobs.cluster.savepoints import Snapshots
from jobs.cluster.service_addresses import Addresses
from jobs.cluster.submission import Submission
from jobs.config import JOB_NAME
from jobs.results.migrations import migrate as apply_migrations
from stack.services.flink import snapshot_folder_of
from udfs.errors import ConfigError


def submit(
    home: options.Home,
    kafka: options.Kafka = None,
    flink: options.Flink = None,
    database_url: options.DatabaseUrl = None,
    topic: options.Topic = options.DEFAULT_TOPIC,
    model: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the topic's first model; later ones are activated.", show_default="the active one, or ours"
        ),
    ] = None,
    worker_python: Annotated[
        str,
        typer.Option(
            envvar="FINGERPRINT_WORKER_PYTHON",
            help="Python on the machines of a cluster of your own.",
            show_default="the one that runs this",
        ),
    ] = sys.executable,
    unless_running: Annotated[
        bool, typer.Option("--unless-running", help="Do nothing, and succeed, if the job runs already.")
    ] = False,
    print_command: Annotated[
        bool, typer.Option("--print-command", help="Print the `flink run` command instead of running it.")
    ] = False,
    from_savepoint: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Go on from this savepoint or checkpoint instead of the topic's beginning."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the local stack's last savepoint or checkpoint of this topic.")
    ] = False,
    job_options: Annotated[
        list[str] | None, typer.Argument(help="After `--`: options of the job itself; `-- --help` lists them.")
    ] = None,
) -> None:
    """Submit the job with `flink run`, with everything it needs shipped along.

    Going on from a savepoint, it may have another `-- --parallelism`.
    """
    addresses = Addresses(home=home, kafka=kafka, flink=flink, database_url=database_url)
    submission = Submission(
        addresses=addresses,
        topic=topic,
        model=model,
        job_options=job_options or (),
        worker_python=worker_python,
        savepoint=_last_snapshot(addresses, topic, from_savepoint) if resume else from_savepoint,
    )
    if print_command:
        typer.echo(shlex.join(submission.command(_say)))
        return
    flink_url = submission.addresses.require_flink()
    if unless_running and (running := find_running_job(flink_url)):
        err.print(f"The job runs already: {running.job_id}")
        return
    with err.status("Submitting the job to Flink"):
        job_id = submission.run(_say)
    if submission.savepoint is not None:
        err.print(f"It goes on from {submission.savepoint}", highlight=False, soft_wrap=True)
    out.print(f"Job {job_id} is submitted: {flink_url}/#/job/running/{job_id}/overview", soft_wrap=True)


def stop(
    home: options.Home,
    flink: options.Flink = None,
    savepoint: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the savepoint, as the cluster sees it.",
            show_default="where --resume looks",
        ),
    ] = None,
) -> None:
    """Stop the running job with a savepoint, from which `submit --from-savepoint` goes on."""
    flink_url = Addresses(home=home, flink=flink).require_flink()
    running = find_running_job(flink_url)
    if running is None:
        raise ConfigError(f"Expected a running {JOB_NAME!r} job on {flink_url}, found none: there is nothing to stop")
    own = snapshot_folder_of(home, running.job_id)
    folder = savepoint if savepoint is not None or own is None else own.as_uri()
    with err.status("Stopping the job with a savepoint"):
        out.print(stop_with_savepoint(flink_url, running.job_id, folder), soft_wrap=True, highlight=False)


def _last_snapshot(addresses: Addresses, topic: str, from_savepoint: str | None) -> str:
    if from_savepoint is not None:
        raise ConfigError("Expected --resume or --from-savepoint, found both: leave one out")
    return Snapshots(addresses=addresses, topic=topic).last().as_uri()


def migrate(
    home: options.Home,
    database_url: options.DatabaseUrl = None,
    retention_days: Annotated[
        int | None, typer.Option(min=1, help="Drop results older than this.", show_default="keep everything")
    ] = None,
) -> None:
    """Bring the database's tables and views up to date; doing it again changes nothing."""
    url = Addresses(home=home, database_url=database_url).require_database_url()
    applied = apply_migrations(url, retention_days=retention_days, progress=_say)
    err.print(f"{len(applied)} migrations applied." if applied else "The tables are up to date.")


def _say(line: str) -> None:
    err.print(f"  {line}", highlight=False, soft_wrap=True)
