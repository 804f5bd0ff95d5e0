"""The two streams of the command line: results go to standard output, progress and errors to standard error."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable

import orjson
import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment
from rich.text import Text

from jobs.results.visible_text import on_one_line, visible, visible_json


class VisibleConsole(Console):
    """A console that escapes what a terminal would obey or not show: ids, file names and answers come from anybody."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render as ever, and escape in what is text."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


out = VisibleConsole()
err = VisibleConsole(stderr=True)


def print_sentence(text: str, style: str = "", *, is_aside: bool = False) -> None:
    """Print a text of one line: on a terminal parted between words, elsewhere whole.

    Parameters
    ----------
    text, style : str
    is_aside : bool
        Whether it is no record, so that it goes to standard error where no terminal reads the records.
    """
    stream = err if is_aside and not out.is_terminal else out
    for line in textwrap.wrap(text, stream.width, break_long_words=False) if stream.is_terminal else [text]:
        stream.print(Text(line, style=style), soft_wrap=True)


def print_json(value: object, option: int = 0) -> None:
    """Print a value as JSON on a line; what a terminal would obey or not show is escaped, which JSON reads the same."""
    typer.echo(visible_json(orjson.dumps(value, option=option).decode()).encode())


def say(line: str) -> None:
    """Say what a command does next."""
    err.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


def say_next(before: str, *steps: tuple[str, str]) -> None:
    """Say which commands come next, to be typed as this one was, and what each does."""
    # The launcher of a checkout is on nobody's PATH, and says by which name it was called.
    name, width = os.environ.get("FINGERPRINT_CALLED_AS", "fingerprint"), max(len(words) for words, _ in steps)
    for line in (f"{before} Next:".lstrip(), *(f"  {name} {words:<{width}}  {does}" for words, does in steps)):
        err.print(line, markup=False, highlight=False, soft_wrap=True)


def warn(sentence: str) -> None:
    """Warn of something that does not stop a command."""
    err.print(f"[yellow]Warning:[/yellow] {escape(on_one_line(sentence))}", highlight=False, soft_wrap=True)
