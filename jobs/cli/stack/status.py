"""`status`: what runs where."""

from __future__ import annotations

from rich.table import Table

from jobs.cli import options
from jobs.cli.console import out
from stack.control import status as read_stack
from stack.stack_status import StackStatus

_STATE_STYLES = {"ready": "green", "external": "cyan", "starting": "yellow", "dead": "bold red"}


def status(home: options.Home) -> None:
    """Show what runs where."""
    out.print(status_table(read_stack(home)))


def status_table(state: StackStatus) -> Table:
    """Draw the parts of a stack."""
    table = Table("part", "state", "address", "pid", "restarts", "web UI or log", title=f"Stack in {state.home}")
    for part in state.parts:
        style = _STATE_STYLES[part.state]
        where = part.web_url or part.log or ""
        pid = str(part.pid or "")
        table.add_row(part.name, f"[{style}]{part.state}[/]", part.address, pid, str(part.restarts), where)
    return table
