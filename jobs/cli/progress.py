"""How the command line shows what takes a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from jobs.cli.console import err, say
from jobs.results.wording import spoken_duration

_LINE_EVERY_S: Final = 10.0


def progress_bar(*, transient: bool = False) -> Progress:
    """Make a progress bar with the share that is done and the time so far; `transient` lets it vanish at its end."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=err, transient=transient)


@contextmanager
def shown_steps(what: str, about_s: float) -> Iterator[Callable[[str], None]]:
    """Show what is being done and for how long, beside how long it takes on an ordinary machine.

    On a terminal the line is drawn again and again. Elsewhere a line is written at the beginning, and one for a step
    if none was for a while.

    Parameters
    ----------
    what : str
        What is done.
    about_s : float
        How long it takes about.

    Yields
    ------
    callable
        Takes the name of a step.
    """
    estimate = f"of about {spoken_duration(about_s)}"
    if err.is_terminal:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            TextColumn(estimate),
        )
        with Progress(*columns, console=err, transient=True) as bar:
            task = bar.add_task(what)
            yield lambda step: bar.update(task, description=f"{what}: {step}")
        return
    begun_s = said_s = time.monotonic()
    say(f"{what}, about {spoken_duration(about_s)}")

    def tell(step: str) -> None:
        nonlocal said_s
        now_s = time.monotonic()
        if now_s - said_s >= _LINE_EVERY_S:
            said_s = now_s
            say(f"{what}: {step} ({spoken_duration(now_s - begun_s)} {estimate})")

    yield tell
