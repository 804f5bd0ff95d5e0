"""`convert`: recordings of other projects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ingest.recordings.conversion import Conversion
from ingest.recordings.conversion import convert as convert_recording
from jobs.cli.console import out, warn
from jobs.cli.exit_codes import failed_if
from jobs.cli.progress import progress_bar
from udfs.errors import ConfigError, PipelineError, SchemaError


def convert(
    recordings: Annotated[
        list[Path],
        typer.Argument(
            help="Files of hftbacktest or cryptofeed, or FIX logs; also gzip'd.", exists=True, dir_okay=False
        ),
    ],
    out_folder: Annotated[Path, typer.Option("--out", help="Where the captures go.", file_okay=False)],
    sender_comp_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Our SenderCompID in FIX logs.", show_default="who sends orders, or logs on"),
    ] = None,
) -> None:
    """Convert raw recordings of hftbacktest's collectors and of cryptofeed, and FIX logs, to captures.

    The content shows the format. Each connection becomes a capture, named after its recording; a file of
    hftbacktest does not tell its connections apart and becomes one. Of FIX messages their kinds, times, numbers and
    sizes are kept, nothing of what is traded.
    """
    conversions: list[Conversion] = []
    errors: list[PipelineError] = []
    try:
        with progress_bar(transient=True) as bar:
            task = bar.add_task("Converting", total=sum(path.stat().st_size for path in recordings))
            done = 0
            for path in recordings:
                before = done

                def advance(n_bytes: int, before: int = before) -> None:
                    bar.update(task, completed=before + n_bytes)

                try:
                    converted = convert_recording(path, out_folder, our_comp_id=sender_comp_id, progress=advance)
                except (ConfigError, SchemaError) as error:
                    errors.append(error)
                else:
                    conversions.append(converted)
                done += path.stat().st_size
    finally:
        if conversions:
            out.print(_conversion_table(conversions))
    damages = [damage for conversion in conversions for damage in conversion.damages.all()]
    for said in (*damages, *errors[:-1]):
        warn(str(said))
    if errors:
        raise errors[-1]
    raise typer.Exit(failed_if(not all(damage.unfinished for damage in damages)))


def _conversion_table(conversions: list[Conversion]) -> Table:
    table = Table(title="Converted")
    table.add_column("recording", overflow="fold")
    table.add_column("format")
    for heading in ("captures", "lines", "received", "sent"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("other lines")
    for conversion in conversions:
        others = {**conversion.skipped}
        if conversion.further_lines:
            others["continue a frame"] = conversion.further_lines
        counts = (len(conversion.captures), conversion.lines, conversion.received, conversion.sent)
        table.add_row(
            escape(conversion.source.name),
            conversion.format,
            *(f"{count:,}" for count in counts),
            ", ".join(f"{count:,} {what}" for what, count in others.items()) or "-",
        )
    return table
