"""`score`: recordings scored without Flink."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import orjson
import typer
from rich.progress import track

from ingest.recordings.labels import find_label
from ingest.recordings.reading import Reading
from jobs.cli.console import err, print_json, warn
from jobs.cli.exit_codes import failed_if
from jobs.cli.explanation_text import print_explanations
from jobs.cli.model.score_tables import Scored, print_connections, print_summary, print_windows
from jobs.cli.options import Declared, OutputFormat, find_model
from jobs.reference.connection_explanation import ConnectionExplanation, explain_connection
from jobs.reference.scored_captures import ScoredCapture, score_capture
from model.artifact.artifact_folder import BoosterPredictor, load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT, SHIPPED
from model.training.calibration import DEFAULT_RATE
from udfs.errors import ConfigError
from udfs.schema import UNKNOWN

_LABELS: Final = "index.csv"


def score(
    captures: Annotated[list[Path], typer.Argument(help="Recordings (.jsonl.gz), or folders of them.", exists=True)],
    model: Annotated[
        Path,
        typer.Option(callback=find_model, help="Folder of the model artifact, or `catalogue`.", show_default=SHIPPED),
    ] = DEFAULT_ARTIFACT,
    false_unknown_rate: Annotated[
        float, typer.Option(help="Share of a known exchange's windows that may be called unknown.")
    ] = DEFAULT_RATE,
    output: Annotated[OutputFormat, typer.Option("--format", help="How to print.")] = OutputFormat.TABLE,
    windows: Annotated[bool, typer.Option("--windows", help="Also print every window, before its connection.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Also say why each is called what it is called.")] = False,
    declared: Declared = None,
    expect: Annotated[
        str | None,
        typer.Option(metavar="EXCHANGE", help="What all should be called.", show_default="the labels in index.csv"),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="End with exit code 1 unless each is called what is expected of it.")
    ] = False,
) -> None:
    """Score recordings on this machine, without Kafka or Flink: the same numbers that the job would write.

    An index.csv beside the recordings, or in the folder above, says by its columns file and label what is expected; a
    label that the model does not know means `unknown`. On a terminal there are tables; elsewhere each record is a line
    with tabs, and the summary goes to standard error.
    """
    predictor = load_predictor(model, false_unknown_rate)
    if expect is not None and expect not in predictor.classes:
        raise ConfigError(f"Expected one of {', '.join(predictor.classes)} with --expect, found {expect}: correct it")
    reading = Reading(warn)
    found = reading.find(captures)
    read = reading.read_each(
        found, lambda parts, tell: score_capture(parts, predictor, declared_exchange=declared, tell=tell)
    )
    scored = (Scored(capture=capture, expected=expect or _label_of(parts[0], predictor)) for parts, capture in read)
    results = []
    for one in track(scored, "Scoring", total=len(found), console=err, transient=True, disable=not err.is_terminal):
        results.append(one)
        if output is OutputFormat.JSON:
            _print_json(one, _explain(one.capture, predictor) if explain else None, windows)
    if output is OutputFormat.TABLE:
        if windows:
            print_windows(results)
        print_connections(results)
        if explain:
            print_explanations([_explain(one.capture, predictor) for one in results])
        print_summary(results, "expected" if expect else f"labelled in {_LABELS}")
    unlabelled = sum(one.expected is None for one in results)
    if check and unlabelled:
        raise ConfigError(
            f"Expected to know what each recording should be called, found {unlabelled} of {len(results)} without a "
            f"label: add them to {_LABELS} beside them, or name the exchange with --expect"
        )
    raise typer.Exit(failed_if(not reading.is_whole or (check and not all(one.is_as_expected for one in results))))


def _label_of(recording: Path, predictor: BoosterPredictor) -> str | None:
    label = find_label(recording)
    return label if label is None or label in predictor.classes else UNKNOWN


def _explain(capture: ScoredCapture, predictor: BoosterPredictor) -> ConnectionExplanation:
    return explain_connection(capture.standing(), capture.last_windows, predictor)


def _print_json(one: Scored, explanation: ConnectionExplanation | None, windows: bool) -> None:
    if windows:
        for line in one.capture.window_summaries():
            print_json(line, option=orjson.OPT_SERIALIZE_NUMPY)
    print_json(
        {
            **one.capture.summary(),
            "expected": one.expected,
            "as_expected": one.is_as_expected,
            **({} if explanation is None else {"explanation": explanation.facts()}),
        },
        option=orjson.OPT_SERIALIZE_NUMPY,
    )
