"""`up`, `down`, `status`: the local stack."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from jobs.cli import options
from jobs.cli.console import err, out
from jobs.cluster.savepoints import downtime_warning
from stack.control import down as stop_stack
from stack.control import status as read_stack
from stack.control import up as start_stack
from stack.control import wipe
from stack.services.flink import resumes_jobs
from stack.settings import StackSettings
from stack.status import StackStatus

_STATE_STYLES = {"ready": "green", "external": "cyan", "starting": "yellow", "dead": "bold red"}


def up(
    home: options.Home,
    kafka: options.Kafka = None,
    flink: options.Flink = None,
    database_url: options.DatabaseUrl = None,
    kafka_port: options.KafkaPort = StackSettings.kafka_port,
    flink_port: options.FlinkPort = StackSettings.flink_port,
    postgres_port: options.PostgresPort = StackSettings.postgres_port,
    prometheus_port: options.PrometheusPort = StackSettings.prometheus_port,
) -> None:
    """Start Kafka, Flink and PostgreSQL on this machine, in the background."""
    settings = StackSettings(
        home=home,
        kafka=kafka,
        flink=flink,
        database_url=database_url,
        kafka_port=kafka_port,
        flink_port=flink_port,
        postgres_port=postgres_port,
        prometheus_port=prometheus_port,
    )
    start_with_progress(settings)
    out.print(status_table(read_stack(home)))


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


def status(home: options.Home) -> None:
    """Show what runs where."""
    out.print(status_table(read_stack(home)))


def start_with_progress(settings: StackSettings) -> StackStatus:
    """Start the stack, saying on standard error what is being done."""
    warning = downtime_warning(settings.home)
    with err.status("Starting the stack"):
        found = start_stack(settings, _say)
        if warning is not None and resumes_jobs(settings.home):  # not if they were forgotten meanwhile
            err.print(f"[yellow]Warning:[/yellow] {escape(warning)}", highlight=False, soft_wrap=True)
        return found


def _say(line: str) -> None:
    err.print(f"  {line}", highlight=False, soft_wrap=True)


def status_table(state: StackStatus) -> Table:
    """Draw the parts of a stack."""
    table = Table("part", "state", "address", "pid", "restarts", "web UI or log", title=f"Stack in {state.home}")
    for part in state.parts:
        style = _STATE_STYLES[part.state]
        where = part.web_url or part.log or ""
        pid = str(part.pid or "")
        table.add_row(part.name, f"[{style}]{part.state}[/]", part.address, pid, str(part.restarts), where)
    return table
