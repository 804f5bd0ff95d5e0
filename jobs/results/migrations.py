"""Bring the database to this version's schema, and check that it is there: the only place that issues DDL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import yoyo

from jobs.pipeline.result_tables import RESULT_TABLES
from jobs.results.database_fitness import require_direct, require_fitness
from jobs.shipped_files import shipped_folder
from model.registry.database import SQL, Cursor, Identifier, LockNotAvailable, connect, connection_options
from model.registry.database_url import Database, parse_database_url
from stack.database_roles import groups_sql, hand_over, make_groups, may_act_as_owner
from stack.roles import Role
from udfs.errors import ConfigError, SchemaError, ServiceUnavailable

Progress = Callable[[str], None]

MONTHS_AHEAD: Final = 4
"""Monthly partitions made, this month's included; later rows wait in the default partition for the next `migrate`."""

LOCK_TIMEOUT_S: Final = 30
"""How long a table may be waited for: whoever else wants it, the job included, waits behind us meanwhile."""

_MIGRATE_LOCK: Final = 0x66696E67
"""Key of the advisory lock that lets one `migrate` run at a time ("fing" in ASCII)."""

_MIGRATE_NAME: Final = "fingerprint-migrate"

_OTHER_TABLES: Final = (
    *("model_versions", "model_activations", "redriven_%"),
    *("read_topics", "unread_records", "topic_changes", "dead_letter_losses"),
    *("_yoyo_migration", "_yoyo_log", "_yoyo_version", "yoyo_lock"),
)
"""Tables that are none of results; one of them has had another name."""

_MAY_READ_MIGRATIONS: Final = "SELECT has_table_privilege(to_regclass('_yoyo_migration'), 'SELECT')"
"""NULL where there is no such table."""

_OLDEST_HOLDER: Final = """
    SELECT pid, usename, application_name, xact_start FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE granted AND pid <> pg_backend_pid() AND datname = current_database()
      AND relation IN (SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace)
    ORDER BY xact_start LIMIT 1"""
"""Who else uses a table for longest; when it began is told to those only who may know."""


def migrate(database_url: str, *, retention_days: int | None = None, progress: Progress = lambda _: None) -> list[str]:
    """Apply the missing migrations, then all functions and views, and make the partitions of the coming months.

    Running it again changes nothing. It may run while the job writes, and several at once wait for each other. All is
    made, and owned, by the owner's group, if we are a member of it, and each group is granted what it needs. Groups
    that are missing are made, if we may make roles.

    Parameters
    ----------
    database_url : str
        postgresql://USER:PASSWORD@HOST:PORT/DATABASE.
    retention_days : int or None
        Drop the partitions that ended longer ago than this; None keeps everything.
    progress : callable
        Is told in a line of text what was done.

    Returns
    -------
    list of str
        The migrations that were applied, in order; empty if the database was up to date.

    Raises
    ------
    ConfigError
        If the database does not let us in, or does not allow what a migration does.
    ServiceUnavailable
        If it does not answer, or a transaction holds a table.
    SchemaError
        If a newer version has migrated it: our functions and views would take the place of its own.
    """
    if retention_days is not None and retention_days < 1:
        raise ConfigError(f"Expected the retention to be at least 1 day, found {retention_days}: raise it")
    database = parse_database_url(database_url)
    with (
        connect(database_url, application_name=_MIGRATE_NAME) as connection,
        connection.cursor() as cursor,
        _saying_who_holds_tables(cursor, database),
    ):
        require_fitness(cursor, database)
        require_direct(connection, cursor, database)
        _check_rights(cursor, database)
        # The lock of yoyo is a row that outlives a killed process; this one ends with the connection.
        cursor.execute("SELECT pg_advisory_lock(%s)", (_MIGRATE_LOCK,))
        _refuse_newer(read_schema(database_url), database.name)
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", (f"{LOCK_TIMEOUT_S}s",))
        missing = make_groups(cursor)
        if may_act_as_owner(cursor):
            hand_over(cursor, our_names())
            cursor.execute(SQL("SET ROLE {}").format(Identifier(Role.OWNER.group)))
        applied = _apply_migrations(database, _current_user(cursor), progress)
        _apply_functions_and_views(cursor)
        for partition in _call(cursor, "SELECT create_partitions(now(), %s)", MONTHS_AHEAD):
            progress(f"Partition {partition} made")
        if retention_days is not None:
            for partition in _call(cursor, "SELECT drop_old_partitions(make_interval(days => %s))", retention_days):
                progress(f"Partition {partition} dropped: older than {retention_days} days")
        if missing:
            progress(_without_groups(missing, database))
        else:
            cursor.execute((sql_folder() / "roles" / "grants.sql").read_text(encoding="utf-8"))
    return applied


def our_names() -> list[str]:
    """List all tables, views and functions that are ours, as patterns of LIKE."""
    made = [path.stem for folder in ("functions", "views") for path in (sql_folder() / folder).glob("*.sql")]
    return [*RESULT_TABLES, *_OTHER_TABLES, *made]


def _current_user(cursor: Cursor) -> str:
    cursor.execute("SELECT current_user")
    (name,) = cursor.fetchone() or ("",)
    return str(name)


def _without_groups(missing: Sequence[Role], database: Database) -> str:
    return (
        f"Expected the roles {', '.join(role.group for role in missing)} in PostgreSQL, found that {database.user!r} "
        f"may not make them, so that all belongs to {database.user!r} alone: let an administrator run `"
        f"{groups_sql(database.user)}`, then run `fingerprint migrate` again"
    )


def check_schema(database_url: str) -> None:
    """Check that the migrations of this version have been applied, and no others, without changing anything.

    Raises
    ------
    ConfigError
        If the database does not let us in.
    ServiceUnavailable
        If it does not answer.
    SchemaError
        If a migration is missing, or a newer version has applied one of its own.
    """
    schema, name = read_schema(database_url), parse_database_url(database_url).name
    _refuse_newer(schema, name)
    if schema.missing:
        raise SchemaError(
            f"Expected the schema of this version in the database {name!r}, found it without "
            f"{', '.join(schema.missing)}: run `fingerprint migrate`"
        )


@dataclass(frozen=True, kw_only=True)
class SchemaState:
    """A database's migrations against those of this version.

    Attributes
    ----------
    applied : list of str
        Of this version, in order.
    missing : list of str
        Of this version, in order.
    unknown : list of str
        That a newer version has applied.
    """

    applied: list[str]
    missing: list[str]
    unknown: list[str]


def read_schema(database_url: str) -> SchemaState:
    """Ask a database which migrations it has.

    Raises
    ------
    ConfigError
        If it cannot be reached.
    SchemaError
        If our login may not know, because nobody has granted it anything yet.
    """
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(_MAY_READ_MIGRATIONS)
        (may_read,) = cursor.fetchone() or (None,)
        if may_read is False:
            raise SchemaError(
                f"Expected the schema of this version in the database {parse_database_url(database_url).name!r}, found "
                "tables that our login may not read, as before the first `fingerprint migrate` of this version: run it"
            )
        there = may_read is not None
        found = set(_call(cursor, "SELECT migration_id FROM _yoyo_migration")) if there else set()
    known = [path.stem for path in sorted((sql_folder() / "migrations").glob("*.sql"))]
    return SchemaState(
        applied=[name for name in known if name in found],
        missing=[name for name in known if name not in found],
        unknown=sorted(found.difference(known)),
    )


def _refuse_newer(schema: SchemaState, name: str) -> None:
    """Raise SchemaError if a newer version has migrated the database: its tables are others than we write and read."""
    if schema.unknown:
        raise SchemaError(
            f"Expected the schema of this version in the database {name!r}, found it with "
            f"{', '.join(schema.unknown)} of a newer one: use that version, for nothing but a backup leads back"
        )


def sql_folder() -> Path:
    """Find the SQL files."""
    return shipped_folder("sql", "migrations")


def _check_rights(cursor: Cursor, database: Database) -> None:
    """Ask first: yoyo hides a refusal to create its own tables."""
    cursor.execute("SELECT has_schema_privilege(current_schema(), 'CREATE')")
    if cursor.fetchone() != (True,):
        raise ConfigError(
            f"Expected the user {database.user!r} to be allowed to create tables in the database {database.name!r}, "
            "found that PostgreSQL denies it: grant CREATE on its schema or name another user in DATABASE_URL"
        )


@contextmanager
def _saying_who_holds_tables(cursor: Cursor, database: Database) -> Iterator[None]:
    try:
        yield
    except LockNotAvailable as error:
        cursor.execute("RESET ROLE")  # the owner's group need not be shown what others do
        cursor.execute(_OLDEST_HOLDER)
        holder = cursor.fetchone()
        found, what_to_do = "something that is gone now", "run it again"
        if holder is not None:
            pid, user, application, since = holder
            began = "" if since is None else f", which began at {since:%Y-%m-%d %H:%M:%S %Z}"
            found = f"a transaction of {user!r} in {application!r}{began}"
            what_to_do = f"let it end, or end it by SELECT pg_terminate_backend({pid}), and run it again"
        raise ServiceUnavailable(
            f"Expected the tables of the database {database.name!r} to be free within {LOCK_TIMEOUT_S} s, found one "
            f"held by {found}: {what_to_do}"
        ) from error


def _apply_migrations(database: Database, owner: str, progress: Progress) -> list[str]:
    given = {**connection_options(_MIGRATE_NAME), **database.parameters}
    settings = f"-c lock_timeout={LOCK_TIMEOUT_S}s -c role={owner}"
    given["options"] = f"{given.get('options', '')} {settings}".strip()
    applied = []
    # All as options, which yoyo hands on as they are: elsewhere in an address it takes one host only.
    with yoyo.get_backend(f"postgresql:///?{urlencode(given)}") as backend:
        migrations = yoyo.read_migrations(str(sql_folder() / "migrations"))
        for migration in backend.to_apply(migrations):
            backend.apply_one(migration)
            progress(f"Migration {migration.id} applied")
            applied.append(migration.id)
    return applied


def _apply_functions_and_views(cursor: Cursor) -> None:
    paths = (path for folder in ("functions", "views") for path in sorted((sql_folder() / folder).glob("*.sql")))
    made = {path.stem: path.read_text(encoding="utf-8") for path in paths}
    # One command string is one transaction: nobody sees half of them.
    cursor.execute("\n".join(made[name] for name in _behind_what_they_name(made)))


def _behind_what_they_name(made: dict[str, str]) -> Iterable[str]:
    named = {name: re.findall(r"\b(?:FROM|JOIN)\s+(\w+)|\b(\w+)\(", sql) for name, sql in made.items()}
    before = {name: {read or called for read, called in pairs} & made.keys() - {name} for name, pairs in named.items()}
    return TopologicalSorter(before).static_order()


def _call(cursor: Cursor, statement: str, *arguments: int) -> list[str]:
    cursor.execute(statement, arguments)
    return [text for (text,) in cursor.fetchall()]
