"""The two streams of the command line: results go to standard output, progress and errors to standard error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import orjson
import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment

from jobs.results.visible_text import visible, visible_json


class VisibleConsole(Console):
    """A console that escapes what a terminal would obey or not show: ids, file names and answers come from anybody."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render as ever, and escape in what is text."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


_WIDEST: Final = 1000

out = VisibleConsole()
err = VisibleConsole(stderr=True)


def print_whole(renderable: RenderableType) -> None:
    """Print as wide as the terminal is, into a file or a pipe, which has no width, as wide as what is printed."""
    if out.is_terminal:
        out.print(renderable)
        return
    widest = out.measure(renderable, options=out.options.update(max_width=_WIDEST)).maximum
    VisibleConsole(width=max(out.width, widest)).print(renderable)


def print_json(value: object, option: int = 0) -> None:
    """Print a value as JSON on a line; what a terminal would obey or not show is escaped, which JSON reads the same."""
    typer.echo(visible_json(orjson.dumps(value, option=option).decode()).encode())


def say(line: str) -> None:
    """Say what a command does next."""
    err.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


def warn(sentence: str) -> None:
    """Warn of something that does not stop a command."""
    err.print(f"[yellow]Warning:[/yellow] {escape(sentence)}", highlight=False, soft_wrap=True)
