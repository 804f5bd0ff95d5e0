"""`migrate`: the tables that the job writes to."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.cli import options
from jobs.cli.console import err, say
from jobs.cluster.service_addresses import Addresses
from jobs.results.migrations import migrate as apply_migrations
from jobs.results.wording import counted


def migrate(
    home: options.Home,
    database_url: options.DatabaseUrl = None,
    retention_days: Annotated[
        int | None, typer.Option(min=1, help="Drop results older than this.", show_default="keep everything")
    ] = None,
) -> None:
    """Bring the database's tables and views up to date; running it again changes nothing."""
    url = Addresses(home=home, database_url=database_url).require_database_url()
    applied = apply_migrations(url, retention_days=retention_days, progress=say)
    err.print(f"{counted(len(applied), 'migration')} applied." if applied else "The tables are up to date.")
