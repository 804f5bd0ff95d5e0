"""`down`: end the local stack."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.cli import options
from jobs.cli.console import err
from stack.control import down as stop_stack
from stack.control import wipe


def down(
    home: options.Home,
    delete_data: Annotated[bool, typer.Option(help="Also delete topics, tables and logs.")] = False,
) -> None:
    """Stop the local stack; topics and tables stay for the next start."""
    if delete_data:
        wipe(home)
        err.print("The stack is down, its data is deleted.")
        return
    was_running = stop_stack(home)
    err.print("The stack is down." if was_running else f"No stack was running in {home}.")
