"""The progress bar of the command line."""

from __future__ import annotations

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from jobs.cli.console import err


def progress_bar(*, transient: bool = False) -> Progress:
    """Make a progress bar with the share that is done and the time so far; `transient` lets it vanish at its end."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=err, transient=transient)
