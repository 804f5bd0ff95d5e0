"""The login for dashboards, which reads every view and writes nothing, and what becomes of a login's password."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from fingerprint_testing.paths import SQL
from jobs.results.migrations import migrate
from jobs.trials.sandbox import drop_if_there
from stack.stack_status import StackStatus


def make_grafana(database_url: str, password: str | None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from jobs.cli.main import main; main()", "login", "grafana", "--role", "reader"]
    command += ["--password-variable", "GRAFANA_DB_PASSWORD", "--statement-timeout", "30"]
    environment = {name: value for name, value in os.environ.items() if name != "GRAFANA_DB_PASSWORD"}
    environment |= {"DATABASE_URL": database_url} | ({} if password is None else {"GRAFANA_DB_PASSWORD": password})
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module", params=["before migrate", "after migrate"])
def reader_url(request: pytest.FixtureRequest, local_stack: StackStatus) -> Iterator[str]:
    name = f"reader_{uuid.uuid4().hex}"
    with closing(psycopg2.connect(local_stack.database_url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(f"CREATE DATABASE {name}")
        url = f"{local_stack.database_url.rpartition('/')[0]}/{name}"
        try:
            for step in ["login", "migrate"] if request.param == "before migrate" else ["migrate", "login"]:
                if step == "migrate":
                    migrate(url)
                    continue
                for password in ("an-old-one", "hush-hush"):
                    done = make_grafana(url, password)
                    assert done.returncode == 0, done.stderr
            yield f"postgresql://grafana:hush-hush@{url.partition('@')[2]}"
        finally:
            drop_if_there(cursor, name)
            cursor.execute("DROP ROLE IF EXISTS grafana")


def test_without_a_password_there_is_no_login(database_url: str) -> None:
    done = make_grafana(database_url, None)
    assert done.returncode != 0
    assert "Expected a password in GRAFANA_DB_PASSWORD, found nothing: set it in the environment\n" in done.stderr
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = 'grafana'")
        assert cursor.fetchall() == [(0,)]


@pytest.mark.parametrize("view", sorted(path.stem for path in (SQL / "views").glob("*.sql")))
def test_reads_every_view(reader_url: str, view: str) -> None:
    with closing(psycopg2.connect(reader_url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {view}")
        assert cursor.fetchall() == []


@pytest.mark.parametrize("read_only", ["on", "off"])
def test_writes_nothing(reader_url: str, read_only: str) -> None:
    with closing(psycopg2.connect(reader_url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SET default_transaction_read_only = {read_only}; COMMIT")
        with pytest.raises((psycopg2.errors.ReadOnlySqlTransaction, psycopg2.errors.InsufficientPrivilege)):
            cursor.execute("DELETE FROM window_scores")


def test_the_server_never_has_the_password(admin_database_url: str, local_stack: StackStatus) -> None:
    """Not in its log either, where it logs every statement, and those that fail."""
    canary = f"canary-{uuid.uuid4().hex}"
    with closing(psycopg2.connect(admin_database_url)) as admin, admin.cursor() as cursor:
        admin.autocommit = True
        database = admin.info.dbname
        cursor.execute(f"ALTER DATABASE {database} SET log_statement = 'all'")
        try:
            done = make_grafana(admin_database_url, canary)
            assert done.returncode == 0, done.stderr
            cursor.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'grafana'")
            assert str(cursor.fetchone()).startswith("('SCRAM-SHA-256$4096:")
            cursor.execute("DROP ROLE grafana")
            failed = make_grafana(local_stack.database_urls["job"].rpartition("/")[0] + f"/{database}", canary)
            assert failed.returncode != 0
        finally:
            cursor.execute(f"ALTER DATABASE {database} RESET ALL")
    log = (local_stack.home / "logs" / "postgres.log").read_text()
    assert 'ROLE "grafana" LOGIN PASSWORD' in log
    assert "permission denied to create role" in log
    assert canary not in log + done.stderr + failed.stderr
