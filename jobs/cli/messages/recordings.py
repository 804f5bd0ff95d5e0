"""Fetch published recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ingest.recordings.fetching import RAW_FILES_URL, Outcome, State
from ingest.recordings.fetching import fetch as fetch_one
from ingest.recordings.origins import read_origins
from jobs.cli.console import out
from jobs.cli.exit_codes import failed_if
from jobs.cli.progress import progress_bar

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _recordings() -> None:
    """Keep `fetch` a word of its own; a group of one command would have none."""


@app.command("fetch")
def fetch(
    folder: Annotated[
        Path, typer.Argument(help="Where the captures go, and the originals in `originals`.", file_okay=False)
    ],
    origins: Annotated[
        Path | None,
        typer.Option(
            help="The list of originals; index.csv lies beside it.", dir_okay=False, show_default="FOLDER/origins.csv"
        ),
    ] = None,
    only: Annotated[str, typer.Option(metavar="PATTERN", help="Captures whose file fits, as 'kraken/*'.")] = "*",
    raw_files: Annotated[
        str, typer.Option(envvar="FINGERPRINT_RAW_FILES", metavar="URL", help="Serves the files of repositories.")
    ] = RAW_FILES_URL,
) -> None:
    """Download the originals that `origins.csv` lists, and make exactly the captures of them that `index.csv` lists.

    What is there is not downloaded again, and a download that was cut off goes on. No capture is written over.
    """
    wanted = read_origins(origins or folder / "origins.csv", only)
    outcomes: list[Outcome] = []
    try:
        with progress_bar(transient=True) as bar:
            task = bar.add_task("Fetching", total=len(wanted))
            for origin in wanted:
                bar.update(task, description=f"Fetching {escape(origin.file)}")
                outcomes.append(fetch_one(origin, folder, raw_files))
                bar.advance(task)
    finally:
        if outcomes:
            out.print(_summary(outcomes, len(wanted)))
    raise typer.Exit(failed_if(any(outcome.state in (State.MISSING, State.DIFFERS) for outcome in outcomes)))


def _summary(outcomes: list[Outcome], n_wanted: int) -> Table:
    """Count what is well, and name what is not."""
    table = Table("recordings", "captures", title="Fetched")
    table.columns[1].justify = "right"
    table.add_column("why", overflow="fold")
    for state in State:
        found = [outcome for outcome in outcomes if outcome.state is state]
        if found and state in (State.WRITTEN, State.PRESENT):
            table.add_row(state, f"{len(found)} of {n_wanted}", "-")
        for outcome in found if state in (State.MISSING, State.DIFFERS) else ():
            table.add_row(f"{state}: {escape(outcome.origin.file)}", "1", escape(outcome.reason))
    return table
