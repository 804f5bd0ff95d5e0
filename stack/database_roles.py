"""Makes group roles, which hold the rights in PostgreSQL, and logins, which are members of one.

Roles belong to the whole server, and all its databases share the groups. What a group may do in one database is granted
there, by `fingerprint migrate` (`sql/roles/grants.sql`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg2.extensions import encrypt_password
from psycopg2.sql import SQL, Identifier, Literal

from stack.roles import PURPOSES, Role

_SETTINGS: Final[Mapping[Role, Mapping[str, str]]] = {Role.READER: {"default_transaction_read_only": "on"}}
"""Of the sessions of logins."""

_GROUPS_THERE: Final = "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)"
_MAKE_GROUP: Final = SQL(
    "DO $$ BEGIN CREATE ROLE {group} NOLOGIN; COMMENT ON ROLE {group} IS {purpose}; "
    # Another database's `migrate` may be quicker.
    "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
)
_MAY_MAKE_ROLES: Final = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
_MAY_LET_OWNER_MAKE_TABLES: Final = """
    SELECT nspname FROM pg_namespace
    WHERE nspname = current_schema() AND pg_has_role(nspowner, 'USAGE')
      AND NOT (has_schema_privilege(%(owner)s, oid, 'USAGE') AND has_schema_privilege(%(owner)s, oid, 'CREATE'))
"""
_MAY_ACT_AS_OWNER: Final = """
    SELECT pg_has_role(%(owner)s, 'MEMBER') AND has_schema_privilege(%(owner)s, current_schema(), 'CREATE')
"""
_TO_HAND_OVER: Final = """
    SELECT CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, oid::regclass::text
    FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v')
      AND relowner <> %(owner)s::regrole AND pg_has_role(relowner, 'USAGE')
      AND (%(names)s::text[] IS NULL OR relname LIKE ANY(%(names)s) OR oid IN (
          SELECT inhrelid FROM pg_inherits WHERE inhparent::regclass::text = ANY(%(names)s)))
    UNION ALL
    SELECT 'FUNCTION', oid::regprocedure::text
    FROM pg_proc
    WHERE pronamespace = current_schema()::regnamespace AND prokind = 'f'
      AND proowner <> %(owner)s::regrole AND pg_has_role(proowner, 'USAGE')
      AND (%(names)s::text[] IS NULL OR proname = ANY(%(names)s))
    ORDER BY 1, 2
"""


def make_groups(cursor: Any) -> list[Role]:
    """Make the group roles that the server lacks, if we may, and return those that it lacks still."""
    missing = _missing_groups(cursor)
    cursor.execute(_MAY_MAKE_ROLES)
    if missing and cursor.fetchone() == (True,):
        for role in missing:
            cursor.execute(_MAKE_GROUP.format(group=Identifier(role.group), purpose=Literal(PURPOSES[role])))
            if role is Role.OWNER:  # who makes a role may give it to others, and is no member of it for that
                cursor.execute(SQL("GRANT {} TO CURRENT_USER").format(Identifier(role.group)))
        return []
    return missing


def _missing_groups(cursor: Any) -> list[Role]:
    cursor.execute(_GROUPS_THERE, ([role.group for role in Role],))
    there = {name for (name,) in cursor.fetchall()}
    return [role for role in Role if role.group not in there]


def groups_sql(user: str) -> str:
    """Write the SQL that an administrator makes the groups with, and lets `user` act as the owner."""
    made = " ".join(f"CREATE ROLE {role.group} NOLOGIN;" for role in Role)
    quoted = user.replace('"', '""')
    return f'{made} GRANT {Role.OWNER.group} TO "{quoted}";'


def may_act_as_owner(cursor: Any) -> bool:
    """Tell whether we are a member of the owner's group, and give it the right to make tables here if that is ours."""
    group = Role.OWNER.group
    if Role.OWNER in _missing_groups(cursor):
        return False
    cursor.execute(_MAY_LET_OWNER_MAKE_TABLES, {"owner": group})
    for (schema,) in cursor.fetchall():
        cursor.execute(SQL("GRANT USAGE, CREATE ON SCHEMA {} TO {}").format(Identifier(schema), Identifier(group)))
    cursor.execute(_MAY_ACT_AS_OWNER, {"owner": group})
    return bool(cursor.fetchone() == (True,))


def hand_over(cursor: Any, names: Sequence[str] | None = None) -> None:
    """Let the owner's group own what we own in this schema.

    Parameters
    ----------
    cursor
        Of who `may_act_as_owner`.
    names : sequence of str or None
        Of tables (their partitions too), views and functions, or patterns of LIKE; None for all there are.
    """
    owner = Role.OWNER.group
    cursor.execute(_TO_HAND_OVER, {"owner": owner, "names": None if names is None else list(names)})
    for kind, name in cursor.fetchall():
        cursor.execute(SQL("ALTER {} {} OWNER TO {}").format(SQL(kind), SQL(name), Identifier(owner)))


def set_login(cursor: Any, name: str, password: str, role: Role, *, statement_timeout_s: int | None = None) -> None:
    """Make a login, or give it another password; it is a member of one group.

    What is sent is a verifier, made here: no log and no list of sessions of the server has the password.

    Parameters
    ----------
    cursor
        Of who may make roles.
    name, password : str
        What it logs in with.
    role : Role
        What it is for.
    statement_timeout_s : int or None
        How long its statements may take; None lets them take as long as the server does.
    """
    verifier = encrypt_password(password, name, scope=cursor, algorithm="scram-sha-256")
    login, group = Identifier(name), Identifier(role.group)
    cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,))
    verb = "ALTER" if cursor.rowcount else "CREATE"
    cursor.execute(SQL("{} ROLE {} LOGIN PASSWORD %s").format(SQL(verb), login), (verifier,))
    cursor.execute(SQL("GRANT {} TO {}").format(group, login))
    settings = _SETTINGS.get(role, {})
    if statement_timeout_s is not None:
        settings = {**settings, "statement_timeout": f"{statement_timeout_s}s"}
    for setting, value in settings.items():
        cursor.execute(SQL("ALTER ROLE {} SET {} = %s").format(login, Identifier(setting)), (value,))
