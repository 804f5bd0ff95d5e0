"""How the command line shows what takes a while."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Final

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from jobs.cli.console import err, say
from jobs.results.wording import spoken_duration
from stack.user_folders import user_cache_folder
from udfs.errors import ConfigError

_LINE_EVERY_S: Final = 10.0


def progress_bar(*, transient: bool = False) -> Progress:
    """Make a progress bar with the share that is done and the time so far; `transient` lets it vanish at its end."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=err, transient=transient)


@contextmanager
def shown_steps(what: str, kind: str) -> Iterator[Callable[[str], None]]:
    """Show what is being done and for how long, beside how long it took on this machine the last time.

    On a terminal the line is drawn again and again. Elsewhere a line is written at the beginning, and then every ten
    seconds, if there is another step by then. What fails or is interrupted is not remembered.

    Parameters
    ----------
    what : str
        What is done.
    kind : str
        What takes about as long each time.

    Yields
    ------
    callable
        Takes the name of a step.
    """
    begun_s = time.monotonic()
    last_s = _last_durations_s().get(kind)
    before = "" if last_s is None else f"{spoken_duration(last_s)} the last time"
    if err.is_terminal:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            TextColumn(f"({before})" if before else ""),
        )
        with Progress(*columns, console=err, transient=True) as bar:
            task = bar.add_task(what)
            yield lambda step: bar.update(task, description=f"{what}: {step}")
    else:
        say(f"{what} ({before})" if before else what)
        with _lines(what, begun_s) as tell:
            yield tell
    _remember(kind, time.monotonic() - begun_s)


@contextmanager
def _lines(what: str, begun_s: float) -> Iterator[Callable[[str], None]]:
    """Write the step that is being done as a line every ten seconds, if it is another one than in the line before."""
    step, ended = "", Event()

    def tell(name: str) -> None:
        nonlocal step
        step = name

    def write() -> None:
        written = ""
        while not ended.wait(_LINE_EVERY_S):
            if step != written:
                written = step
                say(f"{what}: {written} ({spoken_duration(time.monotonic() - begun_s)})")

    # The steps themselves take minutes each, so nobody else would come by to write the line.
    writer = Thread(target=write, daemon=True)
    writer.start()
    try:
        yield tell
    finally:
        ended.set()
        writer.join()


def _durations_file() -> Path:
    return user_cache_folder() / "durations.json"


def _last_durations_s() -> dict[str, float]:
    """Read how long each kind took; a file that cannot be read or is broken knows of none."""
    try:
        found = json.loads(_durations_file().read_text(encoding="utf-8"))
    except (OSError, ValueError, ConfigError):
        return {}
    known = found.items() if isinstance(found, dict) else ()
    return {kind: lasted_s for kind, lasted_s in known if type(lasted_s) is float and lasted_s >= 0}


def _remember(kind: str, lasted_s: float) -> None:
    with suppress(OSError, ConfigError):
        path = _durations_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_last_durations_s() | {kind: round(lasted_s, 1)}), encoding="utf-8")
