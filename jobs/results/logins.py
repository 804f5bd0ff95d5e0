"""Logins of the database, each for one part of the system."""

from __future__ import annotations

from jobs.results.migrations import our_names
from model.registry.database import connect
from model.registry.database_url import parse_database_url
from stack.database_roles import groups_sql, hand_over, make_groups, may_act_as_owner, set_login
from stack.roles import Role
from udfs.errors import ConfigError


def make_login(
    database_url: str, name: str, password: str, role: Role, *, statement_timeout_s: int | None = None
) -> None:
    """Make a login of a role, or give it another password and, if it lacks it, the role.

    What the user of the address owns of our tables, views and functions, belongs to the owner's group from then on.

    Parameters
    ----------
    database_url : str
        Of who may make roles, such as a superuser; best also the owner of the database.
    name, password : str
        What it logs in with.
    role : Role
        What it is for.
    statement_timeout_s : int or None
        How long its statements may take; None lets them take as long as the server does.

    Raises
    ------
    ConfigError
        If the user may not make roles.
    ServiceUnavailable
        If the database does not answer.
    """
    with connect(database_url) as connection, connection.cursor() as cursor:
        missing = make_groups(cursor)
        if missing:
            user = parse_database_url(database_url).user
            raise ConfigError(
                f"Expected the roles {', '.join(role.group for role in missing)} in PostgreSQL, found that {user!r} "
                f"may not make them: let an administrator run `{groups_sql(user)}`, and make the login too"
            )
        if may_act_as_owner(cursor):
            hand_over(cursor, our_names())
        set_login(cursor, name, password, role, statement_timeout_s=statement_timeout_s)
