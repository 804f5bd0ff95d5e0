"""What the job's login may do in the database: whether that is enough, and whether it is too much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from jobs.pipeline.result_tables import RESULT_TABLES
from model.registry.database import Cursor, connect
from model.registry.database_url import parse_database_url
from stack.roles import Role
from udfs.errors import ConfigError

_WRITTEN: Final = (*RESULT_TABLES, "read_topics", "unread_records", "topic_changes", "dead_letter_losses")
_READ: Final = ("model_versions", "model_activations", "_yoyo_migration")
_WITHDRAW: Final = "withdraw_overdue_activation(text)"

_MISSING: Final = """
    SELECT format('%%s on %%s', needed, name)
    FROM (
        SELECT needed, name FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS needed, unnest(%(written)s) AS name
        UNION ALL SELECT 'SELECT', name FROM unnest(%(read)s) AS name
    ) AS rights
    WHERE has_table_privilege(to_regclass(name), needed) IS NOT TRUE
    UNION ALL
    SELECT 'EXECUTE on ' || %(withdraw)s
    WHERE has_function_privilege(to_regprocedure(%(withdraw)s), 'EXECUTE') IS NOT TRUE
"""

_SUPERUSER: Final = "is a superuser"
"""As `_EXCESS` says it."""

_EXCESS: Final = """
    SELECT 'is a superuser' FROM pg_roles WHERE rolname = current_user AND rolsuper
    UNION ALL
    SELECT 'owns our tables' FROM pg_class WHERE oid = to_regclass('window_scores') AND pg_has_role(relowner, 'USAGE')
    UNION ALL
    SELECT 'may make tables' WHERE has_schema_privilege(current_schema(), 'CREATE')
    UNION ALL
    SELECT 'may make roles' FROM pg_roles WHERE rolname = current_user AND rolcreaterole
    UNION ALL
    SELECT 'may write models'
    WHERE has_table_privilege('model_versions', 'INSERT, UPDATE, DELETE')
       OR has_table_privilege('model_activations', 'INSERT, UPDATE, DELETE')
    UNION ALL
    SELECT 'may delete results'
    WHERE (SELECT bool_or(has_table_privilege(name, 'DELETE, TRUNCATE')) FROM unnest(%(results)s) AS name)
    UNION ALL
    SELECT 'may act as ' || rolname FROM pg_roles
    WHERE rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
      AND pg_has_role(oid, 'MEMBER')
"""


@dataclass(frozen=True, kw_only=True)
class JobRights:
    """What a login may do, against what the job needs.

    Attributes
    ----------
    user : str
        Who logs in.
    missing : list of str
        Rights that the job needs and the login lacks.
    excess : list of str
        What the login may do beside, in words.
    """

    user: str
    missing: list[str]
    excess: list[str]

    @property
    def advice(self) -> str:
        """What to do about either."""
        return (
            f"name a login in JOB_DATABASE_URL that is a member of {Role.JOB.group} and of no other, as "
            f"`fingerprint login NAME --role {Role.JOB}` makes one"
        )


def read_job_rights(database_url: str) -> JobRights:
    """Ask a database with our tables what its user may do there; raise as `connect` does."""
    with connect(database_url) as connection, connection.cursor() as cursor:
        missing, excess = _ask(cursor, _MISSING), _ask(cursor, _EXCESS)
    # Of a superuser all else follows.
    excess = [_SUPERUSER] if _SUPERUSER in excess else excess
    return JobRights(user=parse_database_url(database_url).user, missing=missing, excess=excess)


def check_job_rights(database_url: str) -> list[str]:
    """Check that the job may do what it has to, and return a sentence of warning if it may do more.

    Raises
    ------
    ConfigError
        If the user lacks a right.
    """
    rights = read_job_rights(database_url)
    if rights.missing:
        raise ConfigError(
            f"Expected the user {rights.user!r} to have the rights of the job, found it without "
            f"{', '.join(rights.missing)}: run `fingerprint migrate`, then {rights.advice}"
        )
    if not rights.excess:
        return []
    return [
        f"Expected the job to log in as one who may do nothing but its work, found that {rights.user!r} "
        f"{', '.join(rights.excess)}: {rights.advice}"
    ]


def _ask(cursor: Cursor, question: str) -> list[str]:
    tables = {"results": list(RESULT_TABLES), "written": list(_WRITTEN), "read": list(_READ)}
    cursor.execute(question, {**tables, "withdraw": _WITHDRAW})
    return [text for (text,) in cursor.fetchall()]
