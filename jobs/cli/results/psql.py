"""`psql`: the results in SQL."""

from __future__ import annotations

import os
from typing import Any, Final

import typer

from jobs.cli import options
from jobs.cluster.service_addresses import Addresses
from model.registry.database_url import parse_database_url
from stack.services.postgres import psql_path

HANDS_ON: Final[dict[str, Any]] = {"allow_extra_args": True, "ignore_unknown_options": True}
"""How the command is registered: what it does not know is for psql."""


def psql(context: typer.Context, home: options.Home, database_url: options.DatabaseUrl = None) -> None:
    """Open the database in psql, PostgreSQL's own client, which gets all other options, such as -f FILE.

    It gets the address in its environment, where no list of processes shows the password.
    """
    database = parse_database_url(Addresses(home=home, database_url=database_url).require_database_url())
    program = str(psql_path())
    os.execve(program, [program, *context.args], {**os.environ, **database.environment})  # noqa: S606 (a program of our own dependency)
