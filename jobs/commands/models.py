"""`train` and `score`: the model, and recordings scored by it without Flink."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.progress import track
from rich.table import Table

from jobs.commands.streams import find_captures
from jobs.console import err, out
from jobs.offline import ScoredCapture, score_capture
from jobs.options import OutputFormat
from model.artifact import DEFAULT_ARTIFACT, load_predictor
from model.calibration import DEFAULT_RATE
from model.train import Amounts
from model.train import train as train_model
from udfs.standing import CERTAIN


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
    files = find_captures(captures)
    scored = (score_capture(path, predictor) for path in files)
    if output is OutputFormat.JSON:
        for capture in scored:
            for line in [*(capture.window_summaries() if windows else ()), capture.summary()]:
                typer.echo(orjson.dumps(line, option=orjson.OPT_SERIALIZE_NUMPY))
        return
    results = list(track(scored, "Scoring", total=len(files), console=err, transient=True))
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
