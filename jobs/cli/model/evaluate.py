"""`evaluate`: how far the model's verdicts can be trusted, as one report."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from ingest.recordings.reading import Reading
from jobs.cli.console import err, out, warn
from jobs.cli.exit_codes import failed_if
from model.training.calibration import DEFAULT_RATE, REQUESTED_RATES


def evaluate(
    captures: Annotated[Path, typer.Option(help="Folder of labelled recordings with their index.csv.")],
    out_folder: Annotated[Path, typer.Option("--out", help="Where report.json, report.html and channels.md go.")],
    quick: Annotated[bool, typer.Option("--quick", help="A minute instead of ten: rough figures, for tests.")] = False,
    seed: Annotated[int, typer.Option(help="Draws the same sessions and trees again.")] = 7,
    false_unknown_rate: Annotated[
        float,
        typer.Option(
            min=REQUESTED_RATES[0],
            max=REQUESTED_RATES[-1],
            help="Share of a known exchange's windows that may be called unknown.",
        ),
    ] = DEFAULT_RATE,
) -> None:
    """Train on some sessions, classify the rest, and report how often that is right, beside a plain classifier."""
    # Plots take half a second to import, which no other command should wait for.
    from model.evaluation.effort import FULL, QUICK
    from model.evaluation.evaluation_run import evaluate as run_evaluation
    from model.evaluation.report.channel_table import render_channel_tables
    from model.evaluation.report.evaluation_page import render_page

    out_folder.mkdir(parents=True, exist_ok=True)  # minutes of work must not end in a folder that cannot be made
    reading = Reading(warn)
    with err.status("Evaluating") as status:
        report = run_evaluation(
            captures,
            QUICK if quick else FULL,
            seed=seed,
            false_unknown_rate=false_unknown_rate,
            progress=lambda line: status.update(f"Evaluating: {line}"),
            reading=reading,
        )
        status.update("Evaluating: drawing the report")
        (out_folder / "report.json").write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")
        (out_folder / "report.html").write_text(render_page(report))
        (out_folder / "channels.md").write_text(render_channel_tables(report))
    out.print(_main_table(report))
    out.print(f"[bold]{escape(str(out_folder / 'report.html'))}[/bold] has the whole report.", soft_wrap=True)
    raise typer.Exit(failed_if(not reading.is_whole))


def _main_table(report: dict[str, Any]) -> Table:
    title = f"{report['model']['model_version']}, {report['effort']['name']} evaluation"
    table = Table(title=title, caption="plain: a plain classifier of the same features and trees")
    for heading in ("on", "of", "by"):
        table.add_column(heading, no_wrap=True)
    columns = ("known_right", "known_refused", "known_wrong", "unknown_venues_refused")
    for heading in columns:
        table.add_column(heading.replace("_", " "), justify="right")
    for on, unit, who in product(("fresh", "recordings"), ("windows", "connections"), ("model", "plain")):
        figures = report["main"][on][who][unit]
        table.add_row(on, unit, who, *(_percent(figures[column]["ratio"]) for column in columns))
    return table


def _percent(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.1%}"
