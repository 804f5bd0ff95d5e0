"""`submit`: the job onto the cluster."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs.cli import options
from jobs.cli.console import err, out, say
from jobs.cli.progress import shown_steps
from jobs.cluster.cluster_savepoints import last_on_cluster
from jobs.cluster.flink_client import find_running_job
from jobs.cluster.savepoints import Savepoints
from jobs.cluster.service_addresses import Addresses
from jobs.cluster.submission import Submission
from stack.ports import without_password
from stack.roles import Role
from udfs.errors import ConfigError


def submit(
    context: typer.Context,
    home: options.Home,
    kafka: options.Kafka = None,
    flink: options.Flink = None,
    database_url: options.JobUrl = None,
    model_database_url: options.ActivatingUrl = None,
    topic: options.Topic = options.DEFAULT_TOPIC,
    model: Annotated[
        Path | None,
        typer.Option(
            callback=options.find_model,
            help="Folder of the topic's first model, or `catalogue`; later ones are activated.",
            show_default="the active one, or ours",
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
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Check and make ready Kafka, the database and the models, and submit nothing: an application cluster "
            "starts the job by itself.",
        ),
    ] = False,
    from_savepoint: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Resume from this savepoint or checkpoint instead of the topic's beginning."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume from the cluster's last savepoint or checkpoint of this topic.")
    ] = False,
    job_options: Annotated[
        list[str] | None, typer.Argument(help="After `--`: options of the job itself; `-- --help` lists them.")
    ] = None,
) -> None:
    """Submit the job with `flink run`, and ship everything that it needs.

    A job that resumes from a savepoint may have another `-- --parallelism`.
    """
    if options.named_in_call(context, "database_url") and not options.named_in_call(context, "model_database_url"):
        model_database_url = database_url
    addresses = Addresses(
        home=home,
        kafka=kafka,
        flink=flink,
        database_url=database_url,
        database_urls={} if model_database_url is None else {Role.MODEL_ADMIN: model_database_url},
    )
    saved_at_s = None
    if resume:
        from_savepoint, saved_at_s = _last_savepoint(addresses, topic, from_savepoint)
    submission = Submission(
        addresses=addresses,
        topic=topic,
        model=model,
        job_options=job_options or (),
        worker_python=worker_python,
        savepoint=from_savepoint,
        saved_at_s=saved_at_s,
    )
    if check:
        submission.check(say)
        err.print(f"All is ready for the job on the topic {topic}.", markup=False, highlight=False, soft_wrap=True)
        return
    if print_command:
        typer.echo(shlex.join(submission.printed_command(say)))
        return
    flink_url = submission.addresses.require_flink()
    if unless_running and (running := find_running_job(flink_url)):
        err.print(f"The job runs already: {running.job_id}")
        return
    with shown_steps("Submitting the job to Flink", "submit"):
        job_id = submission.run(say)
    if submission.savepoint is not None:
        err.print(f"It resumes from {submission.savepoint}", markup=False, highlight=False, soft_wrap=True)
    out.print(
        f"Job {job_id} is submitted: {without_password(flink_url)}/#/job/running/{job_id}/overview", soft_wrap=True
    )


def _last_savepoint(addresses: Addresses, topic: str, from_savepoint: str | None) -> tuple[str, float | None]:
    """Return where it is, and when it was complete if only its cluster knows."""
    if from_savepoint is not None:
        raise ConfigError("Expected --resume or --from-savepoint, found both: leave one out")
    savepoints = Savepoints(addresses=addresses, topic=topic)
    if addresses.uses_local_flink():
        return savepoints.last().as_uri(), None
    state = last_on_cluster(addresses.require_flink(), savepoints)
    return state.place, state.at_s
