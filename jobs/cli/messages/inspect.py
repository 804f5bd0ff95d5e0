"""`inspect`: what recordings hold."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.progress import track

from ingest.recordings.capture import read_frames
from ingest.recordings.capture_files import connection_id_of
from ingest.recordings.damage import TellDamage
from ingest.recordings.reading import Parts, Reading
from ingest.recordings.recording_manifest import read_manifest
from ingest.recordings.recording_summary import Summary, summarize
from jobs.cli.console import err, out, print_json, warn
from jobs.cli.exit_codes import failed_if
from jobs.cli.options import OutputFormat
from jobs.cli.records import Column, print_records
from jobs.results.wording import spoken_duration
from udfs.features.phrase import to_percent

_NOT_ENDED: Final = "not ended: its recorder was killed, or still runs"
_CARRIED: Final = {"seq_ratio": "seq", "exchange_ts_ns_ratio": "time", "request_id_ratio": "request id"}


def inspect(
    captures: Annotated[list[Path], typer.Argument(help="Recordings (.jsonl.gz), or folders of them.", exists=True)],
    output: Annotated[OutputFormat, typer.Option("--format", help="How to print.")] = OutputFormat.TABLE,
) -> None:
    """Show what recordings hold: frames by type, fields that the mapper finds, how long and how fast.

    Under seq, time and request id stands how many of the frames carry one. Recordings are also added up by the folder
    that they lie in. As JSON lines: each recording, then each folder. Where no terminal reads, each is a line.
    """
    reading = Reading(warn)
    found = reading.find(captures)
    recordings = []
    totals: dict[str, Summary] = {}
    read = reading.read_each(found, _read)
    for parts, (connection_id, summary) in track(
        read, "Reading", total=len(found), console=err, transient=True, disable=not err.is_terminal
    ):
        folder = parts[0].resolve().parent.name
        totals[folder] = totals.get(folder, Summary()) + summary
        recordings.append({"recording": connection_id, **_recording(parts, folder), **summary.facts()})
    folders = [{"folder": name, **summary.facts()} for name, summary in totals.items()]
    if output is OutputFormat.JSON:
        for line in [*recordings, *folders]:
            print_json(line)
    else:
        _print("recording", recordings)
        if out.is_terminal:
            out.print()
        _print("folder", folders)
    raise typer.Exit(failed_if(not reading.is_whole))


def _read(parts: Parts, tell: TellDamage) -> tuple[str, Summary]:
    return connection_id_of(parts[0]), summarize(read_frames(parts, tell))


def _recording(parts: Parts, folder: str) -> dict[str, Any]:
    known = _manifest_of(parts[-1].parent).get(parts[-1].name)
    ended = None if known is None else str(known.get("reason", _NOT_ENDED))
    return {
        "folder": folder,
        "files": [str(path) for path in parts],
        "ended": ended,
    }


_manifest_of = cache(read_manifest)
"""Read once a folder, which may hold many recordings."""


def _columns(heading: str, rows: list[dict[str, Any]]) -> list[Column]:
    ends = [Column(name="end", is_sentence=True)] if any(row.get("ended") for row in rows) else []
    return [
        Column(name=heading),
        *(Column(name=name, is_number=True) for name in ("frames", "sent", "lasts" if out.is_terminal else "seconds")),
        Column(name="frames/s", is_number=True),
        *(Column(name=carried, is_number=True) for carried in _CARRIED.values()),
        Column(name="types", is_sentence=True),
        *ends,
    ]


def _record(heading: str, row: dict[str, Any], has_end: bool) -> list[str]:
    rate, is_shown = row["frames_per_s"], out.is_terminal
    return [
        row[heading],
        *(_written(row[name]) for name in ("frames", "sent")),
        spoken_duration(row["seconds"]) if is_shown else f"{row['seconds']:.3f}",
        "-" if rate is None else f"{rate:,.1f}" if is_shown else f"{rate:.1f}",
        *("-" if row[name] is None else to_percent(row[name]) for name in _CARRIED),
        ", ".join(f"{_written(count)} {name}" for name, count in row["types"].items() if count) or "none",
        *([row.get("ended") or "-"] if has_end else []),
    ]


def _written(n: int) -> str:
    return f"{n:,}" if out.is_terminal else str(n)


def _print(heading: str, rows: list[dict[str, Any]]) -> None:
    columns = _columns(heading, rows)
    has_end = columns[-1].name == "end"
    print_records(columns, [("", [_record(heading, row, has_end) for row in rows])])
