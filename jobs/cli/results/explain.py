"""`explain`: why a connection or a recording is called what it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from ingest.recordings.reading import Reading
from jobs.cli import options
from jobs.cli.console import print_json, warn
from jobs.cli.exit_codes import failed_if
from jobs.cli.explanation_text import print_explanations
from jobs.cli.options import OutputFormat, find_model
from jobs.cluster.service_addresses import Addresses
from jobs.reference.connection_explanation import ConnectionExplanation, explain_connection
from jobs.reference.scored_captures import score_capture
from jobs.results.migrations import check_schema
from jobs.results.stored_explanation import explain_stored
from model.artifact.artifact_folder import load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT, SHIPPED
from model.registry.database import connect
from stack.roles import Role
from udfs.errors import ConfigError

_OF_FILES: Final = (".gz", ".jsonl")


def explain(
    connection: Annotated[
        str, typer.Argument(metavar="CONNECTION|RECORDING", help="A connection's id, or a recording or folder of them.")
    ],
    home: options.Home,
    database_url: options.ReaderUrl = None,
    declared: options.Declared = None,
    model: Annotated[
        Path,
        typer.Option(
            callback=find_model,
            help="Folder of the model artifact, or `catalogue`, for recordings.",
            show_default=SHIPPED,
        ),
    ] = DEFAULT_ARTIFACT,
    output: Annotated[OutputFormat, typer.Option("--format", help="How to print.")] = OutputFormat.TABLE,
) -> None:
    """Say why a connection is called what it is called: what speaks for it, and against what it declares.

    A connection is looked up in the results, a path is read. The explanation is of its last 16 windows, by the model
    that scored them.
    """
    reading = Reading(warn)
    if Path(connection).suffix in _OF_FILES and not Path(connection).exists():
        raise ConfigError(f"Expected a recording, found no file {connection}: name one that is there")
    if Path(connection).exists():
        explanations = _of_recordings(reading, Path(connection), declared, model)
    else:
        explanations = [_of_results(Addresses(home=home, database_url=database_url), connection)]
    if output is OutputFormat.JSON:
        for explanation in explanations:
            print_json(explanation.facts())
    else:
        print_explanations(explanations)
    raise typer.Exit(failed_if(not reading.is_whole))


def _of_recordings(reading: Reading, path: Path, declared: str | None, model: Path) -> list[ConnectionExplanation]:
    predictor = load_predictor(model)
    read = reading.read_each(
        reading.find([path]),
        lambda parts, tell: score_capture(parts, predictor, declared_exchange=declared, tell=tell),
    )
    return [explain_connection(scored.standing(), scored.last_windows, predictor) for _, scored in read]


def _of_results(addresses: Addresses, connection_id: str) -> ConnectionExplanation:
    url = addresses.require_database_url(Role.READER)
    check_schema(url)
    with connect(url) as database:
        return explain_stored(database, connection_id)
