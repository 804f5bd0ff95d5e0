"""`score`: recordings scored without Flink."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.progress import track
from rich.table import Table

from ingest.recordings.reading import Reading
from jobs.cli.console import err, out, print_json, warn
from jobs.cli.exit_codes import failed_if
from jobs.cli.options import OutputFormat, find_model
from jobs.reference.scored_captures import ScoredCapture, score_capture
from model.artifact.artifact_folder import load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from model.training.calibration import DEFAULT_RATE
from udfs.current_verdict import CERTAIN


def score(
    captures: Annotated[list[Path], typer.Argument(help="Recordings (.jsonl.gz), or folders of them.", exists=True)],
    model: Annotated[
        Path, typer.Option(callback=find_model, help="Folder of the model artifact, or `catalogue`.")
    ] = DEFAULT_ARTIFACT,
    false_unknown_rate: Annotated[
        float, typer.Option(help="Share of a known exchange's windows that may be called unknown.")
    ] = DEFAULT_RATE,
    output: Annotated[OutputFormat, typer.Option("--format", help="How to print.")] = OutputFormat.TABLE,
    windows: Annotated[bool, typer.Option("--windows", help="Also print every window, before its connection.")] = False,
) -> None:
    """Score recordings on this machine, without Kafka or Flink: the same numbers that the job would write."""
    predictor = load_predictor(model, false_unknown_rate)
    reading = Reading(warn)
    found = reading.find(captures)
    scored = (
        capture
        for _, capture in reading.read_each(found, lambda parts, tell: score_capture(parts, predictor, tell=tell))
    )
    if output is OutputFormat.JSON:
        for capture in scored:
            for line in [*(capture.window_summaries() if windows else ()), capture.summary()]:
                print_json(line, option=orjson.OPT_SERIALIZE_NUMPY)
    else:
        results = list(track(scored, "Scoring", total=len(found), console=err, transient=True))
        if windows:
            for capture in results:
                out.print(_window_table(capture))
        out.print(_connection_table(results))
    raise typer.Exit(failed_if(not reading.is_whole))


def _connection_table(results: list[ScoredCapture]) -> Table:
    table = Table(title="Recordings", caption="certain after: messages seen when the verdict was first certain")
    table.add_column("connection", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    for heading in ("probability", "certain after", "messages"):
        table.add_column(heading, justify="right")
    table.add_column("signature", no_wrap=True)
    for summary in (capture.summary() for capture in results):
        after, doubt = summary["certain_after_messages"], summary["certainty"]
        table.add_row(
            summary["connection_id"],
            summary["verdict"] if doubt == CERTAIN else f"{summary['verdict']} ({doubt})",
            f"{summary['probability']:.3f}",
            "-" if after is None else f"{after:,}",
            f"{summary['messages']:,}",
            summary["signature"] or "-",
        )
    return table


def _window_table(capture: ScoredCapture) -> Table:
    table = Table("messages", "start", "predicted", title=capture.connection_id)
    table.add_column("confidence", justify="right")
    for row in capture.window_summaries():
        messages = f"{row['first_offset']}-{row['last_offset']}"
        table.add_row(messages, row["window_start_at"], row["predicted_exchange"], f"{row['confidence']:.3f}")
    return table
