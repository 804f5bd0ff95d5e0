"""`evaluate`: how far the model's verdicts can be trusted, as one report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from jobs.cli.console import err, out
from model.training.calibration import DEFAULT_RATE, REQUESTED_RATES


def evaluate(
    captures: Annotated[Path, typer.Option(help="Folder of labelled recordings with their index.csv.")],
    out_folder: Annotated[Path, typer.Option("--out", help="Where report.json and report.html go.")],
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
    from model.evaluation.report.evaluation_page import render_page

    out_folder.mkdir(parents=True, exist_ok=True)  # minutes of work must not end in a folder that cannot be made
    with err.status("Evaluating") as status:
        report = run_evaluation(
            captures,
            QUICK if quick else FULL,
            seed=seed,
            false_unknown_rate=false_unknown_rate,
            progress=lambda line: status.update(f"Evaluating: {line}"),
        )
        status.update("Evaluating: drawing the report")
        (out_folder / "report.json").write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")
        (out_folder / "report.html").write_text(render_page(report))
    out.print(_target_table(report))
    out.print(f"[bold]{out_folder / 'report.html'}[/bold] has the whole report.", soft_wrap=True)


def _target_table(report: dict[str, Any]) -> Table:
    title = f"{report['model']['model_version']}, {report['effort']['name']} evaluation"
    table = Table("target", "wanted", title=title)
    for heading in ("model", "plain classifier"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for target in report["targets"]:
        figures = (_figure(target[who], as_share=target["as_share"]) for who in ("found", "plain"))
        met = {True: "[green]met[/green]", False: "[red]missed[/red]", None: "-"}[target["met"]]
        table.add_row(target["name"], target["wanted"], *figures, met)
    return table


def _figure(value: float | None, *, as_share: bool) -> str:
    if value is None:
        return "-"
    return f"{value:.1%}" if as_share else f"{value:.4g}"
