"""`evaluate`: how far the model's verdicts can be trusted, as one report."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ingest.recordings.reading import Reading
from jobs.cli.console import print_json, print_sentence, warn
from jobs.cli.exit_codes import failed_if
from jobs.cli.options import OutputFormat
from jobs.cli.progress import shown_steps
from jobs.cli.records import Column, print_records
from model.training.calibration import DEFAULT_RATE, REQUESTED_RATES

_SHARES: Final = {
    "known_right": "right",
    "known_refused": "refused",
    "known_wrong": "wrong",
    "unknown_venues_refused": "unknowns refused",
}
"""By their names in the report: of known exchanges' windows or connections, and the last of unknown venues'."""


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
    output: Annotated[
        OutputFormat, typer.Option("--format", help="How to print the main figures.")
    ] = OutputFormat.TABLE,
) -> None:
    """Train on some sessions, classify the rest, and report how often that is right, beside a plain classifier.

    Prints the main figures; with --format json a line has those of one unit. The report has all of them.
    """
    # Plots take half a second to import, which no other command should wait for.
    from model.evaluation.effort import FULL, QUICK
    from model.evaluation.evaluation_run import evaluate as run_evaluation
    from model.evaluation.report.channel_table import render_channel_tables
    from model.evaluation.report.evaluation_page import render_page

    out_folder.mkdir(parents=True, exist_ok=True)  # minutes of work must not end in a folder that cannot be made
    reading = Reading(warn)
    with shown_steps("Evaluating", "evaluate --quick" if quick else "evaluate") as show:
        report = run_evaluation(
            captures,
            QUICK if quick else FULL,
            seed=seed,
            false_unknown_rate=false_unknown_rate,
            progress=show,
            reading=reading,
        )
        show("drawing the report")
        (out_folder / "report.json").write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")
        (out_folder / "report.html").write_text(render_page(report))
        (out_folder / "channels.md").write_text(render_channel_tables(report))
    if output is OutputFormat.JSON:
        for row in main_figures(report):
            print_json(row)
    else:
        _print_figures(report)
        print_sentence(f"{out_folder / 'report.html'} has the whole report.", is_aside=True)
    raise typer.Exit(failed_if(not reading.is_whole))


def main_figures(report: dict[str, Any]) -> list[dict[str, Any]]:
    """List the shares on which the report rests, with what they were measured on, of what, and by whom."""
    rows = product(("fresh", "recordings"), ("windows", "connections"), ("model", "plain"))
    return [
        {
            "measured_on": on,
            "unit": unit,
            "by": who,
            **{f"{name}_ratio": report["main"][on][who][unit][name]["ratio"] for name in _SHARES},
        }
        for on, unit, who in rows
    ]


def _print_figures(report: dict[str, Any]) -> None:
    print_sentence(f"{report['model']['model_version']}, {report['effort']['name']} evaluation:", is_aside=True)
    columns = [
        Column(name="measured on"),
        *(Column(name=name) for name in ("of", "by")),
        *(Column(name=heading, is_number=True) for heading in _SHARES.values()),
    ]
    records = [
        [row["measured_on"], row["unit"], row["by"], *(_percent(row[f"{name}_ratio"]) for name in _SHARES)]
        for row in main_figures(report)
    ]
    print_records(columns, [("", records)])
    print_sentence("plain: a plain classifier of the same features and trees.", is_aside=True)


def _percent(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.1%}"
