"""`stop`: end the job with a savepoint."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.cli import options
from jobs.cli.console import err, out
from jobs.cluster.failing_job import end_failing, has_checkpoint, wait_until_started
from jobs.cluster.flink_client import find_running_job, stop_with_savepoint
from jobs.cluster.service_addresses import Addresses
from jobs.config import JOB_NAME
from stack.ports import without_password
from stack.services.flink import savepoint_folder_of
from udfs.errors import ConfigError, PipelineError


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
    """Stop the running job with a savepoint, and print where it is: `submit --resume` goes on from there.

    With a folder of your own, or a cluster of your own, `submit --from-savepoint` takes the printed place.

    A job that keeps failing cannot save its state: it ends as it is, and its last checkpoint stays for --resume.
    """
    flink_url = Addresses(home=home, flink=flink).require_flink()
    running = find_running_job(flink_url)
    if running is None:
        shown = without_password(flink_url)
        raise ConfigError(f"Expected a running {JOB_NAME!r} job on {shown}, found none: there is nothing to stop")
    own = savepoint_folder_of(home, running.job_id)
    folder = savepoint if savepoint is not None or own is None else own.as_uri()
    with err.status("Waiting until the job has started"):
        wait_until_started(flink_url, running.job_id)
    try:
        with err.status("Stopping the job with a savepoint"):
            out.print(stop_with_savepoint(flink_url, running.job_id, folder), soft_wrap=True, highlight=False)
    except PipelineError:
        with err.status("Ending the job"):
            failure = end_failing(flink_url, running.job_id)
        if failure is None:
            raise
        if has_checkpoint(flink_url, running.job_id):
            what_now = "`submit --resume` goes on from its last checkpoint"
        else:
            what_now = "it had made no checkpoint: submit it as it was submitted"
        err.print(
            f"The job kept failing and has ended without a savepoint; {what_now}. It failed with: {failure}",
            soft_wrap=True,
            highlight=False,
        )
