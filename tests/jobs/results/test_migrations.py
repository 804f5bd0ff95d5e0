"""Migrations against a real PostgreSQL: from nothing, again, interrupted, two at once, and all that can refuse."""

from __future__ import annotations

import tomllib
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest
import yoyo

from fingerprint_testing.paths import ROOT, SQL
from jobs.results.migrations import _MIGRATE_LOCK, check_schema, migrate, sql_folder
from udfs.errors import ConfigError, SchemaError

MIGRATIONS = sorted(path.stem for path in (SQL / "migrations").glob("*.sql"))


@pytest.fixture
def empty_database_url(database_url: str) -> Iterator[str]:
    name = f"empty_{uuid.uuid4().hex}"
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(f"CREATE DATABASE {name}")
        yield database_url.rpartition("/")[0] + f"/{name}"
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def schema(url: str) -> list[tuple[object, ...]]:
    """Every column of every table and view with its type and comment, every constraint, index, view and function."""
    return query(
        url,
        """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.relnamespace = 'public'::regnamespace
        UNION ALL SELECT conname, pg_get_constraintdef(oid), '', '' FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT viewname, definition, '', '' FROM pg_views WHERE schemaname = 'public'
        UNION ALL SELECT proname, prosrc, '', '' FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        ORDER BY 1, 2, 3
        """,
    )


def test_migrates_an_empty_database_and_then_has_nothing_to_do(empty_database_url: str) -> None:
    lines: list[str] = []
    assert migrate(empty_database_url, progress=lines.append) == MIGRATIONS
    assert [f"Migration {name} applied" for name in MIGRATIONS] == lines[: len(MIGRATIONS)]
    before = schema(empty_database_url)

    lines.clear()
    assert migrate(empty_database_url, progress=lines.append) == []
    assert lines == []
    assert schema(empty_database_url) == before
    check_schema(empty_database_url)


def test_each_migration_that_was_interrupted_before_it_was_recorded_runs_again(empty_database_url: str) -> None:
    migrate(empty_database_url)
    before = schema(empty_database_url)
    query(empty_database_url, "DROP SCHEMA public CASCADE")
    query(empty_database_url, "CREATE SCHEMA public")
    with yoyo.get_backend(empty_database_url) as backend:
        for migration in backend.to_apply(yoyo.read_migrations(str(ROOT / "sql" / "migrations"))):
            backend.apply_one(migration)
            backend.unmark_one(migration)
            backend.apply_one(migration)
    assert migrate(empty_database_url) == []
    assert schema(empty_database_url) == before


def test_two_at_once_apply_each_migration_once(empty_database_url: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        applied = [pool.submit(migrate, empty_database_url) for _ in range(2)]
        assert sorted(future.result() for future in applied) == [[], MIGRATIONS]


def test_missing_migrations_are_named_and_nothing_is_changed(empty_database_url: str) -> None:
    with pytest.raises(SchemaError, match=r"found it without 0001_window_scores, .*: run `fingerprint migrate`"):
        check_schema(empty_database_url)
    assert schema(empty_database_url) == []

    migrate(empty_database_url)
    query(empty_database_url, "DELETE FROM _yoyo_migration WHERE migration_id LIKE '0003%'")
    with pytest.raises(SchemaError, match="found it without 0003_model_versions:"):
        check_schema(empty_database_url)


def test_retention_drops_what_ended_before_it(empty_database_url: str) -> None:
    migrate(empty_database_url)
    query(empty_database_url, "SELECT create_partitions('2020-01-15 12:00+00', 2)")
    lines: list[str] = []
    assert migrate(empty_database_url, retention_days=30, progress=lines.append) == []
    assert lines == [
        "Partition window_scores_2020_01 dropped: older than 30 days",
        "Partition window_scores_2020_02 dropped: older than 30 days",
    ]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.results.migrations.LOCK_TIMEOUT_S", 2)


@pytest.mark.usefixtures("impatient")
def test_an_open_transaction_is_waited_for_no_longer_and_named(empty_database_url: str) -> None:
    migrate(empty_database_url)
    query(empty_database_url, "SELECT create_partitions('2020-01-15 12:00+00', 1)")
    with closing(psycopg2.connect(empty_database_url, application_name="a notebook")) as analyst:
        with analyst.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM window_scores")
        with pytest.raises(ConfigError) as caught:
            migrate(empty_database_url, retention_days=30)
        sentence = str(caught.value)
        assert "to be free within 2 s, found that a transaction of " in sentence
        assert " in 'a notebook', which began at 2" in sentence
        assert sentence.endswith(
            f": let it end, or end it by SELECT pg_terminate_backend({analyst.info.backend_pid}), and run it again"
        )
        analyst.rollback()
    lines: list[str] = []
    migrate(empty_database_url, retention_days=30, progress=lines.append)
    assert lines == ["Partition window_scores_2020_01 dropped: older than 30 days"]


@pytest.mark.usefixtures("impatient")
def test_a_migration_waits_no_longer_either(empty_database_url: str) -> None:
    migrate(empty_database_url)
    query(empty_database_url, "DELETE FROM _yoyo_migration WHERE migration_id LIKE '0010%'")
    with closing(psycopg2.connect(empty_database_url)) as analyst, analyst.cursor() as cursor:
        cursor.execute("LOCK TABLE window_scores")
        with pytest.raises(ConfigError, match=r"found that a transaction of .* holds one: let it end, or end it by"):
            migrate(empty_database_url)
        analyst.rollback()
    assert migrate(empty_database_url) == [name for name in MIGRATIONS if name.startswith("0010")]


@pytest.mark.usefixtures("impatient")
def test_another_migrate_is_waited_for_as_long_as_it_takes(empty_database_url: str) -> None:
    with ThreadPoolExecutor(1) as pool, closing(psycopg2.connect(empty_database_url)) as other:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", (_MIGRATE_LOCK,))
        waiting = pool.submit(migrate, empty_database_url)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=4)
        other.close()
        assert waiting.result() == MIGRATIONS


def test_retention_below_a_day_is_refused(database_url: str) -> None:
    with pytest.raises(ConfigError, match="at least 1 day, found 0"):
        migrate(database_url, retention_days=0)


@pytest.mark.parametrize("action", [migrate, check_schema])
@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("password", "hush-hush", "password authentication failed"),
        ("port", "1", "Connection refused"),
        ("database", "no_such_database", 'database "no_such_database" does not exist'),
    ],
)
def test_a_database_that_cannot_be_reached_is_one_sentence(
    database_url: str, action: Callable[[str], object], old: str, new: str, reason: str
) -> None:
    head, _, tail = database_url.partition("@")
    user, _, password = head.rpartition(":")
    host, _, rest = tail.partition(":")
    port, _, database = rest.partition("/")
    parts = {"password": password, "port": port, "database": database} | {old: new}
    with pytest.raises(ConfigError, match=reason) as caught:
        action(f"{user}:{parts['password']}@{host}:{parts['port']}/{parts['database']}")
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(": check DATABASE_URL")
    assert parts["password"] not in message


def test_a_user_who_may_not_create_tables_is_told_so(empty_database_url: str) -> None:
    query(empty_database_url, "CREATE ROLE onlooker LOGIN PASSWORD 'hush-hush'")
    try:
        tail = empty_database_url.partition("@")[2]
        with pytest.raises(ConfigError, match="'onlooker' to be allowed to create tables .* denies it") as caught:
            migrate(f"postgresql://onlooker:hush-hush@{tail}")
        assert "hush-hush" not in str(caught.value)
        assert "\n" not in str(caught.value)
    finally:
        query(empty_database_url, "DROP ROLE onlooker")


def test_every_sql_file_is_packed_into_the_wheel() -> None:
    data_files = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    packed = {path for patterns in data_files.values() for pattern in patterns for path in ROOT.glob(pattern)}
    assert {*SQL.glob("*/*.sql")} == {path for path in packed if path.is_relative_to(SQL)}
    assert sql_folder() == SQL
