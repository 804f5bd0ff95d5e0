"""`watch`: the connections and what they are, live."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Annotated

import typer
from psycopg2.extensions import connection as Connection
from rich.console import Group
from rich.live import Live

from jobs import options
from jobs.addresses import Addresses
from jobs.connections import connection_table, mismatch_remarks, read_connections
from jobs.console import out
from jobs.database import connect
from jobs.migrate import check_schema

REFRESH_S = 1.0


def watch(
    home: options.Home,
    database_url: options.DatabaseUrl = None,
    once: Annotated[bool, typer.Option("--once", help="Print one table and stop.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Connections shown at most, those seen last first.")] = 30,
) -> None:
    """Show connections with declared and detected exchange, refreshed every second until Ctrl-C."""
    url = Addresses(home=home, database_url=database_url).require_database_url()
    check_schema(url)
    with connect(url) as database:
        shown = _draw(database, limit)
        if once:
            out.print(shown)
            return
        with Live(shown, console=out, auto_refresh=False) as live, suppress(KeyboardInterrupt):
            while True:
                time.sleep(REFRESH_S)
                live.update(_draw(database, limit), refresh=True)


def _draw(database: Connection, limit: int) -> Group:
    rows = read_connections(database, limit=limit)
    return Group(connection_table(rows, title="Connections, those seen last first"), *mismatch_remarks(rows))
