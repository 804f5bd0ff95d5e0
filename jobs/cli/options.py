"""Options that several commands share; a flag beats the environment."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ingest.kafka.record_validity import MAX_EXCHANGE_CHARACTERS
from jobs.config import TOPIC
from model.artifact.shipped_artifacts import artifact_folder
from stack.user_folders import user_state_folder

_SERVICES = "Services"

Home = Annotated[
    Path,
    typer.Option(
        envvar="FINGERPRINT_HOME",
        help="Folder of the local stack: its data, logs and state.",
        default_factory=user_state_folder,
        show_default="the user's state folder",
        rich_help_panel=_SERVICES,
    ),
]
Kafka = Annotated[
    str | None,
    typer.Option(
        envvar="FINGERPRINT_KAFKA",
        metavar="HOST:PORT",
        help="Kafka's bootstrap servers, to use a broker of your own.",
        show_default="the local stack's",
        rich_help_panel=_SERVICES,
    ),
]
Flink = Annotated[
    str | None,
    typer.Option(
        envvar="FINGERPRINT_FLINK",
        metavar="URL",
        help="Flink's REST interface, to use a cluster of your own.",
        show_default="the local stack's",
        rich_help_panel=_SERVICES,
    ),
]


def _database_url(variable: str | None = None, option: str = "--database-url", for_what: str = "") -> Any:
    return typer.Option(
        option,
        envvar=["DATABASE_URL"] if variable is None else [variable, "DATABASE_URL"],
        metavar="URL",
        help=f"{for_what}postgresql://USER:PASSWORD@HOST:PORT/DATABASE, better set in the environment.",
        show_default="the local stack's",
        rich_help_panel=_SERVICES,
    )


DatabaseUrl = Annotated[str | None, _database_url()]
JobUrl = Annotated[str | None, _database_url("JOB_DATABASE_URL")]
ModelUrl = Annotated[str | None, _database_url("MODEL_DATABASE_URL")]
RedriveUrl = Annotated[str | None, _database_url("REDRIVE_DATABASE_URL")]
ReaderUrl = Annotated[str | None, _database_url("READER_DATABASE_URL")]
"""The database's address, by what a command does there: each may have a login of its own."""

ActivatingUrl = Annotated[
    str | None,
    _database_url("MODEL_DATABASE_URL", "--model-database-url", "Who activates the topic's first model: "),
]


def named_in_call(context: typer.Context, option: str) -> bool:
    """Tell whether an option stands in the command line itself, not in the environment."""
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


Topic = Annotated[str, typer.Option(help="Kafka topic of the messages.")]
DEFAULT_TOPIC = TOPIC


def _port(help_text: str, default: str) -> Any:
    return typer.Option(help=help_text, show_default=f"last time's, else {default}", rich_help_panel=_SERVICES)


KafkaPort = Annotated[int | None, _port("Port of the local Kafka broker, 0 for any.", "9092")]
FlinkPort = Annotated[int | None, _port("Port of the local Flink's web UI, 0 for any.", "8081")]
PostgresPort = Annotated[int | None, _port("Port of the local PostgreSQL, 0 for any.", "5432")]
PrometheusPort = Annotated[
    int | None,
    _port("Also run the Prometheus on the PATH here, to keep Flink's metrics; -1 to stop doing so.", "none"),
]
AllowRoot = Annotated[
    bool,
    typer.Option(
        "--allow-root",
        envvar="FINGERPRINT_ALLOW_ROOT",
        help="Let root run Flink and its jobs, in a container for example.",
        show_default="refused",
        rich_help_panel=_SERVICES,
    ),
]


def _check_declared(declared: str | None) -> str | None:
    if declared is not None and not (1 <= len(declared) <= MAX_EXCHANGE_CHARACTERS and declared.isprintable()):
        raise typer.BadParameter(f"Expected 1 to {MAX_EXCHANGE_CHARACTERS} printable characters, found {declared!r}")
    return declared


Declared = Annotated[
    str | None,
    typer.Option(
        "--declared",
        "--declare",
        callback=_check_declared,
        metavar="EXCHANGE",
        help="What the recordings' connections claim to be.",
    ),
]


def find_model(model: Path | None) -> Path | None:
    """Take `catalogue` for the artifact of that name that comes along; a callback of options."""
    return None if model is None else artifact_folder(model)


class OutputFormat(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"
