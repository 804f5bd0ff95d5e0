"""`submit` and `migrate`: the job on the cluster, and the tables that it writes to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingest.publish import ensure_topics
from jobs import options
from jobs.addresses import Addresses
from jobs.config import DEAD_LETTER_TOPIC, TOPIC, TOPIC_PARTITIONS, JobSettings
from jobs.console import err, out
from jobs.flink_client import find_running_job, flink_run
from jobs.migrate import check_schema, register_model
from jobs.migrate import migrate as apply_migrations
from model.artifact import DEFAULT_ARTIFACT, load_predictor
from stack.flink import client_environment
from stack.jars import ensure_jars


def submit(
    home: options.Home,
    kafka: options.Kafka = None,
    flink: options.Flink = None,
    database_url: options.DatabaseUrl = None,
    topic: options.Topic = options.DEFAULT_TOPIC,
    model: Annotated[Path, typer.Option(help="Folder of the model artifact.")] = DEFAULT_ARTIFACT,
    parallelism: Annotated[
        int, typer.Option(min=1, help="Flink subtasks of every operator.")
    ] = JobSettings.parallelism,
    stop_at_end: Annotated[
        bool, typer.Option("--stop-at-end", help="Finish when what is in the topic now is read.")
    ] = False,
    unless_running: Annotated[
        bool, typer.Option("--unless-running", help="Do nothing, and succeed, if the job runs already.")
    ] = False,
    worker_python: Annotated[
        str | None,
        typer.Option(envvar="FINGERPRINT_WORKER_PYTHON", help="Python on the machines of a cluster of your own."),
    ] = None,
) -> None:
    """Submit the job with `flink run`, with everything it needs shipped along."""
    addresses = Addresses(home=home, kafka=kafka, flink=flink, database_url=database_url)
    if unless_running and (running := find_running_job(addresses.require_flink())):
        err.print(f"The job runs already: {running.job_id}")
        return
    job_id = submit_job(
        addresses,
        topic=topic,
        model=model,
        parallelism=parallelism,
        stop_at_end=stop_at_end,
        worker_python=worker_python,
    )
    out.print(f"Job {job_id} runs: {addresses.require_flink()}/#/job/running/{job_id}/overview", soft_wrap=True)


def submit_job(
    addresses: Addresses,
    *,
    topic: str = TOPIC,
    model: Path = DEFAULT_ARTIFACT,
    parallelism: int = JobSettings.parallelism,
    stop_at_end: bool = False,
    worker_python: str | None = None,
) -> str:
    """Check everything that can be checked before the job starts, then start it and return its id."""
    database_url, kafka, flink = addresses.require_database_url(), addresses.require_kafka(), addresses.require_flink()
    manifest = load_predictor(model).manifest
    check_schema(database_url)
    ensure_topics(kafka, [topic, DEAD_LETTER_TOPIC], TOPIC_PARTITIONS)
    register_model(
        database_url,
        model_version=manifest.model_version,
        manifest_json=manifest.to_json(),
        sha256=manifest.booster_sha256,
    )
    jars = ensure_jars("flink", lambda line: err.print(f"  {line}", highlight=False))
    arguments = [
        *("--kafka", kafka, "--topic", topic, "--model", str(model.absolute())),
        *("--parallelism", str(parallelism), "--jars", *map(str, jars)),
        *(["--stop-at-end"] if stop_at_end else []),
    ]
    with err.status("Submitting the job to Flink"):
        environment = client_environment(addresses.home, flink) | {"DATABASE_URL": database_url}
        return flink_run(flink, arguments, environment=environment, worker_python=worker_python)


def migrate(
    home: options.Home,
    database_url: options.DatabaseUrl = None,
    retention_days: Annotated[
        int | None, typer.Option(min=1, help="Drop results older than this.", show_default="keep everything")
    ] = None,
) -> None:
    """Bring the database's tables and views up to date; doing it again changes nothing."""
    url = Addresses(home=home, database_url=database_url).require_database_url()
    applied = apply_migrations(url, retention_days=retention_days, progress=lambda line: err.print(f"  {line}"))
    err.print(f"{len(applied)} migrations applied." if applied else "The tables are up to date.")
