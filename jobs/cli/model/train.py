"""`train`: a model from synthetic sessions and recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ingest.recordings.reading import Reading
from jobs.cli.console import out, print_sentence, warn
from jobs.cli.exit_codes import failed_if
from jobs.cli.model.catalogue_tables import print_catalogue
from jobs.cli.model.next_steps import say_what_comes_next
from jobs.cli.progress import shown_steps
from model.artifact.manifest import Manifest
from model.artifact.trained_artifact import train as train_model
from model.enrolment.cataloguing import FIGURES_NAME, train_catalogue
from model.training.training_run import Amounts
from udfs.errors import ConfigError


def train(
    out_folder: Annotated[Path, typer.Option("--out", help="Where the new artifact goes.")],
    captures: Annotated[
        Path | None,
        typer.Option(help="Folder of labelled recordings with their index.csv.", show_default="synthetic only"),
    ] = None,
    catalogue: Annotated[
        bool, typer.Option("--catalogue", help="Also name every family of venues that was recorded on three days.")
    ] = False,
    per_exchange: Annotated[int, typer.Option(min=1, help="Synthetic sessions of each exchange.")] = 600,
    unknown_venues: Annotated[int, typer.Option(min=1, help="Synthetic sessions of venues that do not exist.")] = 1500,
    messages: Annotated[
        int, typer.Option(min=50, help="Messages of a synthetic session; every second one has ten times as many.")
    ] = 700,
    seed: Annotated[int, typer.Option(help="Draws the same sessions and trees again.")] = 7,
) -> None:
    """Train a model on synthetic sessions and recordings, and measure it on sessions it has not seen."""
    amounts = Amounts(per_exchange=per_exchange, n_unknown_venues=unknown_venues, n_messages=messages)
    reading = Reading(warn)
    if catalogue:
        _train_catalogue(out_folder, captures, amounts, seed, reading)
    else:
        _train(out_folder, captures, amounts, seed, reading)
    say_what_comes_next(out_folder)
    raise typer.Exit(failed_if(not reading.is_whole))


def _train(out_folder: Path, captures: Path | None, amounts: Amounts, seed: int, reading: Reading) -> None:
    with shown_steps("Training", "train") as show:
        manifest = train_model(
            out_folder,
            captures=captures,
            amounts=amounts,
            seed=seed,
            progress=show,
            reading=reading,
        )
    out.print(_metrics_table(manifest))


def _train_catalogue(out_folder: Path, captures: Path | None, amounts: Amounts, seed: int, reading: Reading) -> None:
    if captures is None:
        raise ConfigError(
            "Expected --captures with --catalogue, found none: name a folder of labelled recordings, for only they "
            "show other venues"
        )
    with shown_steps("Training", "train --catalogue") as show:
        figures = train_catalogue(
            out_folder,
            captures=captures,
            amounts=amounts,
            seed=seed,
            progress=show,
            reading=reading,
        )
    print_catalogue(figures)
    print_sentence(f"{out_folder / FIGURES_NAME} has these figures.")


def _metrics_table(manifest: Manifest) -> Table:
    table = Table(
        "measured on",
        "of",
        "known right",
        "known called unknown",
        "unknown venues refused",
        title=manifest.model_version,
    )
    for measured_on, metrics in manifest.metrics.items():
        for unit in ("windows", "connections"):
            shares = (metrics[unit][f"{name}_ratio"] for name in ("known_right", "known_unknown", "strangers_refused"))
            table.add_row(measured_on, unit, *("-" if share is None else f"{share:.1%}" for share in shares))
    return table
