"""`train`, `enrol` and `score`: the model, and recordings scored by it without Flink."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from ingest.recordings.capture import find_recordings
from jobs.cli.console import err, out
from jobs.cli.options import OutputFormat
from jobs.reference.scored_captures import ScoredCapture, score_capture
from model.artifact.artifact_folder import DEFAULT_ARTIFACT, load_predictor
from model.artifact.trained_artifact import train as train_model
from model.enrolment.before_after import UNITS, Outcomes
from model.enrolment.enrolling import ENROLMENT_NAME, Enrolment
from model.enrolment.enrolling import enrol as enrol_venue
from model.training.calibration import DEFAULT_RATE
from model.training.training_run import Amounts
from udfs.current_verdict import CERTAIN
from udfs.schema import UNKNOWN


def train(
    out_folder: Annotated[Path, typer.Option("--out", help="Where the new artifact goes.")],
    captures: Annotated[
        Path | None,
        typer.Option(help="Folder of labelled recordings with their index.csv.", show_default="synthetic only"),
    ] = None,
    per_exchange: Annotated[int, typer.Option(min=1, help="Synthetic sessions of each exchange.")] = 400,
    strangers: Annotated[int, typer.Option(min=1, help="Synthetic sessions of venues that do not exist.")] = 1000,
    messages: Annotated[int, typer.Option(min=50, help="Messages of each synthetic session.")] = 700,
    seed: Annotated[int, typer.Option(help="Draws the same sessions and trees again.")] = 7,
) -> None:
    """Train a model on synthetic sessions and recordings, and measure it on sessions it has not seen."""
    with err.status("Training") as status:
        manifest = train_model(
            out_folder,
            captures=captures,
            amounts=Amounts(per_exchange=per_exchange, n_strangers=strangers, n_messages=messages),
            seed=seed,
            progress=lambda line: status.update(f"Training: {line}"),
        )
    table = Table(
        "measured on", "of", "known right", "known called unknown", "strangers refused", title=manifest.model_version
    )
    for measured_on, metrics in manifest.metrics.items():
        for unit in ("windows", "connections"):
            shares = (metrics[unit][f"{name}_ratio"] for name in ("known_right", "known_unknown", "strangers_refused"))
            table.add_row(measured_on, unit, *("-" if share is None else f"{share:.1%}" for share in shares))
    out.print(table)


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
    model: Annotated[Path, typer.Option(help="Folder of the model artifact to start from.")] = DEFAULT_ARTIFACT,
) -> None:
    """Train a model that also names a venue of which there are recordings, and compare it with the one before."""
    with err.status("Enrolling") as status:
        enrolment = enrol_venue(
            out_folder,
            name=name,
            recordings=find_recordings(recordings),
            captures=captures,
            base=model,
            progress=lambda line: status.update(f"Enrolling {name}: {line}"),
        )
    if enrolment.set_aside:
        err.print(f"Not trained as {UNKNOWN}: {', '.join(enrolment.set_aside)}", highlight=False, soft_wrap=True)
    out.print(_before_after_table(enrolment))
    for warning in enrolment.warnings:
        err.print(f"[yellow]Warning:[/yellow] {escape(warning)}", highlight=False, soft_wrap=True)
    out.print(f"[bold]{out_folder / ENROLMENT_NAME}[/bold] has these figures.", soft_wrap=True)


def _before_after_table(enrolment: Enrolment) -> Table:
    table = Table(
        "measured on",
        f"before: {enrolment.base_model_version}",
        f"after: {enrolment.model_version}",
        caption="Share right: right / called unknown / called something else. Of strangers, refused is right.\n"
        f"Before: {enrolment.before_from}.",
    )
    for measured_on, before in enrolment.before.items():
        after = enrolment.after[measured_on]
        table.add_row(f"[bold]{measured_on}[/bold]")
        for label in [*sorted((before | after).keys() - {UNKNOWN}), UNKNOWN]:
            for unit in UNITS:
                of = f"{'strangers' if label == UNKNOWN else label}, {unit}"
                table.add_row(of, *(_outcome(part, label, unit) for part in (before, after)))
        table.add_section()
    return table


def _outcome(outcomes: Outcomes, label: str, unit: str) -> str:
    counts = outcomes.get(label, {}).get(unit)
    if counts is None:
        return "-"
    shown = f"{counts['right']:,} / {counts['unknown']:,} / {counts['wrong']:,}"
    return f"{counts['right'] / sum(counts.values()):.1%}: {shown}"


def score(
    captures: Annotated[list[Path], typer.Argument(help="Recordings (.jsonl.gz), or folders of them.", exists=True)],
    model: Annotated[Path, typer.Option(help="Folder of the model artifact.")] = DEFAULT_ARTIFACT,
    false_unknown_rate: Annotated[
        float, typer.Option(help="Share of a known exchange's windows that may be called unknown.")
    ] = DEFAULT_RATE,
    output: Annotated[OutputFormat, typer.Option("--format", help="How to print.")] = OutputFormat.TABLE,
    windows: Annotated[bool, typer.Option("--windows", help="Also print every window, before its connection.")] = False,
) -> None:
    """Score recordings on this machine, without Kafka or Flink: the same numbers that the job would write."""
    predictor = load_predictor(model, false_unknown_rate)
    found = find_recordings(captures)
    scored = (score_capture(parts, predictor) for parts in found)
    if output is OutputFormat.JSON:
        for capture in scored:
            for line in [*(capture.window_summaries() if windows else ()), capture.summary()]:
                typer.echo(orjson.dumps(line, option=orjson.OPT_SERIALIZE_NUMPY))
        return
    results = list(track(scored, "Scoring", total=len(found), console=err, transient=True))
    if windows:
        for capture in results:
            out.print(_window_table(capture))
    out.print(_connection_table(results))


def _connection_table(results: list[ScoredCapture]) -> Table:
    table = Table(title="Recordings", caption="certain after: messages seen when the verdict was first certain")
    table.add_column("connection", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    for heading in ("probability", "certain after", "messages"):
        table.add_column(heading, justify="right")
    table.add_column("fingerprint", no_wrap=True)
    for summary in (capture.summary() for capture in results):
        after, doubt = summary["certain_after_messages"], summary["certainty"]
        table.add_row(
            summary["connection_id"],
            summary["verdict"] if doubt == CERTAIN else f"{summary['verdict']} ({doubt})",
            f"{summary['probability']:.3f}",
            "-" if after is None else f"{after:,}",
            f"{summary['messages']:,}",
            summary["fingerprint"] or "-",
        )
    return table


def _window_table(capture: ScoredCapture) -> Table:
    table = Table("messages", "start", "predicted", title=capture.connection_id)
    table.add_column("confidence", justify="right")
    for row in capture.window_summaries():
        messages = f"{row['first_offset']}-{row['last_offset']}"
        table.add_row(messages, row["window_start_at"], row["predicted_exchange"], f"{row['confidence']:.3f}")
    return table
