"""The logins of the local stack's PostgreSQL, one for each role."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import psycopg2
from psycopg2.sql import SQL, Identifier

from stack.database_roles import hand_over, make_groups, may_act_as_owner, set_login
from stack.ports import ANSWER_TIMEOUT_S
from stack.roles import Role


def make_logins(admin_url: str, passwords: Mapping[Role, tuple[str, str]]) -> bool:
    """Make the logins, or give them the passwords of now, and tell whether that could be done by now.

    Parameters
    ----------
    admin_url : str
        Of the superuser.
    passwords : mapping
        Name and password of each role's login.
    """
    try:
        options = f"-c lock_timeout={ANSWER_TIMEOUT_S}s"
        with closing(psycopg2.connect(admin_url, connect_timeout=ANSWER_TIMEOUT_S, options=options)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                _make(cursor, passwords)
    except psycopg2.Error:  # the server is not there yet, or a command that found it earlier is in the way
        return False
    return True


def _make(cursor: Any, passwords: Mapping[Role, tuple[str, str]]) -> None:
    make_groups(cursor)
    if may_act_as_owner(cursor):
        hand_over(cursor)  # of before there were roles, all belongs to the superuser
    for role, (name, password) in passwords.items():
        set_login(cursor, name, password, role)
    _let_owner_administer(cursor, passwords[Role.OWNER][0])


def _let_owner_administer(cursor: Any, owner: str) -> None:
    """Let the owner's login make databases, such as those of trials, and logins of the other groups."""
    login = Identifier(owner)
    cursor.execute(SQL("ALTER ROLE {} CREATEDB CREATEROLE").format(login))
    cursor.execute(SQL("GRANT pg_signal_backend, pg_read_all_stats TO {}").format(login))
    for role in Role:
        if role is not Role.OWNER:
            grant = SQL("GRANT {} TO {} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
            cursor.execute(grant.format(Identifier(role.group), login))
