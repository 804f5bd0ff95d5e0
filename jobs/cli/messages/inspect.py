"""`inspect`: what recordings hold."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.progress import track
from rich.table import Table

from ingest.recordings.capture import read_frames
from ingest.recordings.capture_files import connection_id_of
from ingest.recordings.damage import TellDamage
from ingest.recordings.reading import Parts, Reading
from ingest.recordings.recording_manifest import read_manifest
from ingest.recordings.recording_summary import Summary, summarize
from jobs.cli.console import err, out, print_json, warn
from jobs.cli.exit_codes import failed_if
from jobs.cli.options import OutputFormat

_NOT_ENDED: Final = "not ended: its recorder was killed, or still runs"
_CARRIED: Final = {"seq_ratio": "seq", "exchange_ts_ns_ratio": "time", "request_id_ratio": "request id"}


def inspect(
    captures: Annotated[list[Path], typer.Argument(help="Recordings (.jsonl.gz), or folders of them.", exists=True)],
    output: Annotated[OutputFormat, typer.Option("--format", help="How to print.")] = OutputFormat.TABLE,
) -> None:
    """Show what recordings hold: frames by type, fields that the mapper finds, how long and how fast.

    Recordings are also added up by the folder that they lie in. As JSON lines: each recording, then each folder.
    """
    reading = Reading(warn)
    found = reading.find(captures)
    recordings = []
    totals: dict[str, Summary] = {}
    read = reading.read_each(found, _read)
    for parts, (connection_id, summary) in track(read, "Reading", total=len(found), console=err, transient=True):
        folder = parts[0].resolve().parent.name
        totals[folder] = totals.get(folder, Summary()) + summary
        recordings.append({"recording": connection_id, **_recording(parts, folder), **summary.facts()})
    folders = [{"folder": name, **summary.facts()} for name, summary in totals.items()]
    if output is OutputFormat.JSON:
        for line in [*recordings, *folders]:
            print_json(line)
    else:
        out.print(_inspection_table("Recordings", "recording", recordings))
        out.print(_inspection_table("Folders", "folder", folders))
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


def _inspection_table(title: str, heading: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(title=title)
    table.add_column(heading, overflow="fold")
    for name in ("frames", "sent"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("frames by type")
    table.add_column("carry")
    for name in ("seconds", "frames/s"):
        table.add_column(name, justify="right", no_wrap=True)
    ends = any(row.get("ended") for row in rows)
    if ends:
        table.add_column("end", overflow="fold")
    for row in rows:
        rate = row["frames_per_s"]
        table.add_row(
            row[heading],
            f"{row['frames']:,}",
            f"{row['sent']:,}",
            ", ".join(f"{count:,} {name}" for name, count in row["types"].items() if count),
            ", ".join(f"{row[name]:.0%} {carried}" for name, carried in _CARRIED.items() if row[name]) or "-",
            f"{row['seconds']:,.1f}",
            "-" if rate is None else f"{rate:,.1f}",
            *([row["ended"] or "-"] if ends else []),
        )
    return table
