"""`enrol`: one more venue into the model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ingest.recordings.reading import Reading
from jobs.cli.console import err, out, print_sentence, warn
from jobs.cli.exit_codes import failed_if
from jobs.cli.model.next_steps import say_what_comes_next
from jobs.cli.options import find_model
from jobs.cli.progress import shown_steps
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT, SHIPPED
from model.enrolment.before_after import UNITS, Outcomes
from model.enrolment.enrolling import ENROLMENT_NAME, Enrolment
from model.enrolment.enrolling import enrol as enrol_venue
from udfs.schema import UNKNOWN


def enrol(
    name: Annotated[str, typer.Argument(help="What the venue is to be called; an exchange gets more recordings.")],
    recordings: Annotated[
        list[Path], typer.Argument(help="Recordings of it (.jsonl.gz), or folders of them.", exists=True)
    ],
    out_folder: Annotated[Path, typer.Option("--out", help="Where the new artifact goes.")],
    captures: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the labelled recordings that the model was trained with, with their index.csv.",
            show_default="synthetic only",
        ),
    ] = None,
    model: Annotated[
        Path,
        typer.Option(
            callback=find_model,
            help="Folder of the model artifact to start from, or `catalogue`.",
            show_default=SHIPPED,
        ),
    ] = DEFAULT_ARTIFACT,
) -> None:
    """Train a model that also names a venue of which there are recordings, and compare it with the one before."""
    reading = Reading(warn)
    with shown_steps(f"Enrolling {name}", "enrol") as show:
        enrolment = enrol_venue(
            out_folder,
            name=name,
            recordings=reading.find(recordings),
            captures=captures,
            base=model,
            progress=show,
            reading=reading,
        )
    if enrolment.set_aside:
        err.print(
            f"Not trained as {UNKNOWN}: {', '.join(enrolment.set_aside)}", markup=False, highlight=False, soft_wrap=True
        )
    out.print(_before_after_table(enrolment))
    for warning in enrolment.warnings:
        warn(warning)
    print_sentence(f"{out_folder / ENROLMENT_NAME} has these figures.")
    say_what_comes_next(out_folder)
    raise typer.Exit(failed_if(not reading.is_whole))


def _before_after_table(enrolment: Enrolment) -> Table:
    table = Table(
        "measured on",
        f"before: {enrolment.base_model_version}",
        f"after: {enrolment.model_version}",
        caption="Share right: right / called unknown / called something else. Of unknown venues, refused is right.\n"
        f"Before: {enrolment.before_from}.",
    )
    for measured_on, before in enrolment.before.items():
        after = enrolment.after[measured_on]
        table.add_row(f"[bold]{measured_on}[/bold]")
        for label in [*sorted((before | after).keys() - {UNKNOWN}), UNKNOWN]:
            for unit in UNITS:
                of = f"{'unknown venues' if label == UNKNOWN else label}, {unit}"
                table.add_row(of, *(_outcome(part, label, unit) for part in (before, after)))
        table.add_section()
    return table


def _outcome(outcomes: Outcomes, label: str, unit: str) -> str:
    counts = outcomes.get(label, {}).get(unit)
    if counts is None:
        return "-"
    shown = f"{counts['right']:,} / {counts['unknown']:,} / {counts['wrong']:,}"
    return f"{counts['right'] / sum(counts.values()):.1%}: {shown}"
