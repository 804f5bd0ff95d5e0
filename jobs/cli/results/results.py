"""Compare results by a hash that depends on nothing but their values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.markup import escape
from rich.table import Table

from ingest.kafka.topic_reader import TopicReader
from jobs.cli import options
from jobs.cli.console import err, out, print_json
from jobs.cli.exit_codes import ExitCode
from jobs.cli.options import OutputFormat
from jobs.cli.progress import progress_bar
from jobs.cluster.replay_checks import beginning_note
from jobs.cluster.service_addresses import Addresses
from jobs.config import JobSettings, to_idle_gap_ns
from jobs.reference.comparison import LoadableModels, RowsOfTopic
from jobs.reference.result_rows import Chunk, Difference, ResultsHash, differences, hash_results
from jobs.reference.topic_results import TopicResults
from jobs.results.migrations import check_schema
from jobs.results.read_topics import check_results_are_of
from jobs.results.stored_results import read_results, versions_of
from model.artifact.artifact_folder import explainer_of, load_predictor
from model.registry.database import connect
from model.registry.topic_models import OneModel, RegistryModels
from stack.roles import Role
from udfs.errors import ConfigError
from udfs.model_schedule import Models

app = typer.Typer(no_args_is_help=True)

_OF_TOPIC = "What is computed from the topic"

Model = Annotated[
    Path | None,
    typer.Option(
        callback=options.find_model,
        help="Folder of an artifact that scores all of the topic, or `catalogue`.",
        show_default="the models that were activated",
        rich_help_panel=_OF_TOPIC,
    ),
]
IdleGapMinutes = Annotated[
    float,
    typer.Option(
        help="After a longer idle gap a connection starts again at message 1; as the job was told.",
        rich_help_panel=_OF_TOPIC,
    ),
]
OfTopic = Annotated[str, typer.Option(help="Kafka topic of the messages.")]


@app.command("hash")
def print_hash(
    home: options.Home,
    database_url: options.ReaderUrl = None,
    kafka: options.Kafka = None,
    topic: OfTopic = options.DEFAULT_TOPIC,
    model_version: Annotated[
        str | None, typer.Option(help="Whose rows count.", show_default="the models that were activated")
    ] = None,
    from_topic: Annotated[
        bool,
        typer.Option("--from-topic", help="Compute the results from the topic, without Flink and without the tables."),
    ] = False,
    model: Model = None,
    idle_gap_minutes: IdleGapMinutes = JobSettings.idle_gap_minutes,
    output: Annotated[OutputFormat, typer.Option("--format", help="How to print.")] = OutputFormat.TABLE,
) -> None:
    """Print a hash of the results: the same for the same rows, whenever and in whatever order they were written.

    It covers every column of window_scores, connection_verdicts, connection_events, health_events and dead_letters but
    the time of writing. With --from-topic it is the hash that the tables must have once the job has read the topic to
    its present end.
    """
    addresses = Addresses(home=home, kafka=kafka, database_url=database_url)
    if from_topic:
        if model_version is not None:
            raise ConfigError(
                f"Expected --model to say whose results to compute from the topic, found --model-version "
                f"{model_version}: leave it out"
            )
        models = _models(addresses, topic, model)
        if model is None:
            _check_topic(addresses.require_database_url(Role.READER), addresses, topic)
        with (
            TopicReader(addresses.require_kafka(), topic) as reader,
            _computed(reader, models, idle_gap_minutes) as chunks,
        ):
            found = hash_results(chunks)
        _print(found, _versions(models), output)
        return
    url = addresses.require_database_url(Role.READER)
    check_schema(url)
    versions = (model_version,) if model_version else versions_of(url, topic)
    _print(hash_results(read_results(url, *versions)), versions, output)


@app.command("diff")
def print_differences(
    home: options.Home,
    database_url: options.ReaderUrl = None,
    kafka: options.Kafka = None,
    topic: OfTopic = options.DEFAULT_TOPIC,
    model: Model = None,
    idle_gap_minutes: IdleGapMinutes = JobSettings.idle_gap_minutes,
    rows: Annotated[int, typer.Option(min=1, help="Rows shown at most of each table.")] = 5,
) -> None:
    """Compare the tables with what the topic says, row by row, and show where they differ; exit code 1 if they do.

    Rows of records that Kafka has deleted are left out, and what a model has scored that this version does not load:
    it says how many, and which.
    """
    addresses = Addresses(home=home, kafka=kafka, database_url=database_url)
    url = addresses.require_database_url(Role.READER)
    check_schema(url)
    _check_topic(url, addresses, topic)
    with TopicReader(addresses.require_kafka(), topic) as reader:
        begins = {span.partition: span.first for span in reader.spans}
        models = LoadableModels(_models(addresses, topic, model), begins)
        stored = RowsOfTopic(read_results(url, *models.versions), begins)
        with _computed(reader, models, idle_gap_minutes) as chunks:
            found, counts = differences(stored, models.without_refused(chunks), most=rows)
    for line in _left_out(models, stored):
        err.print(line, markup=False, highlight=False, soft_wrap=True)
    if not found:
        shown = ", ".join(models.versions)
        out.print(f"The tables hold what the topic says, for {shown}.", markup=False, soft_wrap=True)
        return
    out.print(_difference_table(found))
    out.print(", ".join(f"{count:,} rows of {table} differ" for table, count in counts.items()), soft_wrap=True)
    raise typer.Exit(ExitCode.FAILED)


def _models(addresses: Addresses, topic: str, model: Path | None) -> Models:
    if model is not None:
        predictor = load_predictor(model)
        return OneModel(predictor, explainer_of(predictor))
    url = addresses.require_database_url(Role.READER)
    check_schema(url)
    return RegistryModels(url, topic)


def _check_topic(url: str, addresses: Addresses, topic: str) -> None:
    """Refuse a topic that was made anew under the name of the one that the tables are of."""
    with connect(url) as database:
        check_results_are_of(database, addresses.require_kafka(), topic)


def _versions(models: Models) -> tuple[str, ...]:
    return tuple(sorted({activation.model_version for activation in models.schedule().activations}))


def _left_out(models: LoadableModels, stored: RowsOfTopic) -> Iterator[str]:
    """Say what is not compared."""
    for version, error in models.refused.items():
        yield f"What {version} scored is not compared. {error}"
    if n_gone := stored.n_gone.total():
        tables = ", ".join(f"{count:,} of {table}" for table, count in stored.n_gone.items() if count)
        yield f"{n_gone:,} rows are of records that the topic does not have any more, and are not compared: {tables}"


@contextmanager
def _computed(reader: TopicReader, models: Models, idle_gap_minutes: float) -> Iterator[Iterator[Chunk]]:
    """Read a topic behind a progress bar; at the end, say which records are invalid or gone."""
    with progress_bar(transient=True) as bar:
        results = TopicResults(reader, models, to_idle_gap_ns(idle_gap_minutes))
        task = bar.add_task("Reading and scoring", total=sum(map(len, reader.spans)))
        yield results.chunks(lambda done: bar.update(task, completed=done))
    n_rejected = sum(results.rejected.values())
    err.print(f"{results.records:,} records, {n_rejected:,} of them invalid", highlight=False)
    for reason, count in results.rejected.most_common():
        err.print(f"  {count:,}: {reason}", markup=False, highlight=False)
    for span in reader.spans:
        if span.first:
            err.print(beginning_note(span), highlight=False, soft_wrap=True)


def _print(found: ResultsHash, versions: tuple[str, ...], output: OutputFormat) -> None:
    if output is OutputFormat.JSON:
        tables = {name: {"rows": table.rows, "hash": table.hash} for name, table in found.tables.items()}
        print_json({"hash": found.hash, "model_versions": versions, "tables": tables})
        return
    shown = Table("table", title=f"Results of {escape(', '.join(versions))}")
    shown.add_column("rows", justify="right")
    shown.add_column("hash", overflow="fold")
    for name, table in found.tables.items():
        shown.add_row(name, f"{table.rows:,}", table.hash)
    out.print(shown)
    out.print(found.hash, highlight=False, soft_wrap=True)


def _difference_table(found: list[Difference]) -> Table:
    shown = Table("table", title="Where the tables differ from the topic")
    for heading in ("row", "column", "in the table", "from the topic"):
        shown.add_column(heading, overflow="fold")
    for difference in found:
        row = (difference.table, escape(" ".join(map(str, difference.key))))
        if difference.only_in is not None:
            shown.add_row(*row, "", *(("there", "missing") if difference.only_in == 0 else ("missing", "there")))
        for name, values in difference.values.items():
            shown.add_row(*row, name, *(escape(_shown(value)) for value in values))
    return shown


def _shown(value: Any) -> str:
    return "NULL" if value is None else orjson.dumps(value).decode()
