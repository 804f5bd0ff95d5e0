"""`login`: who may do what in the database."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from jobs.cli import options
from jobs.cli.console import err
from jobs.cluster.service_addresses import Addresses
from jobs.results.logins import make_login
from stack.roles import Role
from udfs.errors import ConfigError


def login(
    name: Annotated[str, typer.Argument(help="What it is called in PostgreSQL.")],
    home: options.Home,
    role: Annotated[Role, typer.Option(help="What it may do.")],
    database_url: options.DatabaseUrl = None,
    password_variable: Annotated[
        str, typer.Option(metavar="NAME", help="Variable of the environment that holds its password.")
    ] = "LOGIN_PASSWORD",  # noqa: S107 (a name)
    statement_timeout: Annotated[
        int | None, typer.Option(min=1, help="Seconds that a statement of its may take.", show_default="the server's")
    ] = None,
) -> None:
    """Make a login for one part of the system, or give it a new password.

    The database's address must be that of a user who may make roles. PostgreSQL gets a verifier of the password, and
    never the password.
    """
    url = Addresses(home=home, database_url=database_url).require_database_url()
    password = os.environ.get(password_variable)
    if not password:
        raise ConfigError(f"Expected a password in {password_variable}, found nothing: set it in the environment")
    make_login(url, name, password, role, statement_timeout_s=statement_timeout)
    err.print(f"{name} logs in as a member of {role.group}", markup=False, highlight=False, soft_wrap=True)
