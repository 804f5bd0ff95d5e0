"""The two streams of the command line: results go to standard output, progress and errors to standard error."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

out = Console()
err = Console(stderr=True)


def say(line: str) -> None:
    """Say what a command does next."""
    err.print(f"  {line}", highlight=False, soft_wrap=True)


def warn(sentence: str) -> None:
    """Warn of something that does not stop a command."""
    err.print(f"[yellow]Warning:[/yellow] {escape(sentence)}", highlight=False, soft_wrap=True)
