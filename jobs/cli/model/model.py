"""List the models that score a topic, and change them while the job runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from jobs.cli import options
from jobs.cli.console import err, out, print_json
from jobs.cli.options import OutputFormat
from jobs.cli.records import Column, print_records
from jobs.cluster.flink_client import find_running_job
from jobs.cluster.model_activation import activate, activate_from_start, roll_back
from jobs.cluster.service_addresses import Addresses
from jobs.config import JOB_NAME
from jobs.results.migrations import check_schema
from model.registry.database import connect
from stack.roles import Role
from udfs.errors import ConfigError

app = typer.Typer(no_args_is_help=True)

_LIST = """
    SELECT version.model_version,
           jsonb_array_length(version.manifest -> 'classes') - 1,
           version.activated_at,
           schedule.kafka_partition,
           schedule.from_offset,
           schedule.activated_at,
           schedule.model_version IS NOT NULL
    FROM model_versions AS version
    LEFT JOIN model_schedule AS schedule ON schedule.model_version = version.model_version AND schedule.topic = %s
    ORDER BY schedule.activated_at NULLS FIRST, version.activated_at, schedule.kafka_partition
"""


@app.command("list")
def print_models(
    home: options.Home,
    database_url: options.ReaderUrl = None,
    topic: options.Topic = options.DEFAULT_TOPIC,
    output: Annotated[OutputFormat, typer.Option("--format", help="How to print.")] = OutputFormat.TABLE,
) -> None:
    """List the registered models, and which part of the topic each one scores; the last is the active one."""
    url = Addresses(home=home, database_url=database_url).require_database_url(Role.READER)
    check_schema(url)
    with connect(url) as database, database.cursor() as cursor:
        cursor.execute(_LIST, (topic,))
        rows = cursor.fetchall()
    if output is OutputFormat.JSON:
        names = (
            "model_version",
            "exchanges",
            "registered_at",
            "kafka_partition",
            "from_offset",
            "activated_at",
            "scores",
        )
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    columns = [
        Column(name="model"),
        *(Column(name=name, is_number=True) for name in ("exchanges", "partition", "from offset")),
        Column(name="activated"),
        Column(name="registered", is_spare=True),
    ]
    records = []
    for version, exchanges, registered_at, partition, offset, activated_at, scores in rows:
        from_offset = f"{offset:,}" if out.is_terminal else str(offset)
        place = ("-", "-") if not scores else ("all", "0") if partition is None else (str(partition), from_offset)
        records.append([version, str(exchanges), *place, _time(activated_at), _time(registered_at)])
    if records or not out.is_terminal:
        print_records(columns, [("", records)])
    else:
        out.print("No model is registered: `fingerprint submit` registers the first one.", soft_wrap=True)


def _time(at: datetime | None) -> str:
    return "-" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


@app.command("activate")
def activate_model(
    model: Annotated[
        str, typer.Argument(help="A version that `model list` shows, the folder of an artifact, or `catalogue`.")
    ],
    home: options.Home,
    kafka: options.Kafka = None,
    flink: options.Flink = None,
    database_url: options.ModelUrl = None,
    topic: options.Topic = options.DEFAULT_TOPIC,
    false_unknown_rate: Annotated[
        float | None,
        typer.Option(help="For a folder: share of a known exchange's windows that may be called unknown."),
    ] = None,
    from_start: Annotated[
        bool,
        typer.Option("--from-start", help="Score the whole topic anew, once the job is submitted again."),
    ] = False,
) -> None:
    """Let another model score all new messages, without stopping the job.

    The model before scores the windows whose last message is in the topic by then, and this one all later ones, in a
    replay of the topic too. Each connection's verdict starts again with the windows of the new model.
    """
    addresses = Addresses(home=home, kafka=kafka, flink=flink, database_url=database_url)
    url = addresses.require_database_url(Role.MODEL_ADMIN)
    check_schema(url)
    if from_start:
        if find_running_job(addresses.require_flink()) is not None:
            raise ConfigError(
                f"Expected no running {JOB_NAME!r} job with --from-start, found one, which has read the topic already: "
                "stop it first with `fingerprint stop`"
            )
        version = activate_from_start(url, topic, model, false_unknown_rate=false_unknown_rate)
        out.print(
            f"{version} scores all of {topic} when the job is submitted next, without --resume",
            highlight=False,
            soft_wrap=True,
        )
        return
    with err.status("Checking the model") as status:
        version, offsets = activate(
            url, addresses.require_kafka(), topic, model, false_unknown_rate=false_unknown_rate, progress=status.update
        )
    _print_change(version, topic, offsets)


@app.command("rollback")
def roll_back_model(
    home: options.Home,
    kafka: options.Kafka = None,
    database_url: options.ModelUrl = None,
    topic: options.Topic = options.DEFAULT_TOPIC,
) -> None:
    """Let the model that was active before score all new messages; earlier scores stay as they are."""
    addresses = Addresses(home=home, kafka=kafka, database_url=database_url)
    url = addresses.require_database_url(Role.MODEL_ADMIN)
    check_schema(url)
    with err.status("Going back") as status:
        version, offsets = roll_back(url, addresses.require_kafka(), topic, status.update)
    _print_change(version, topic, offsets)


def _print_change(version: str, topic: str, offsets: list[int]) -> None:
    places = ", ".join(f"{partition}: {offset}" for partition, offset in enumerate(offsets))
    out.print(f"{version} scores {topic} from these offsets on - {places}", highlight=False, soft_wrap=True)
