"""The login for dashboards: it reads every view, also those of later releases, and writes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from fingerprint_testing.paths import SQL
from jobs.results.migrations import migrate
from stack.stack_status import StackStatus


def run_reader_script(database_url: str, password: str | None) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "fingerprint"), "psql", "--no-psqlrc", "-f", str(SQL / "reader.sql")]
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
            for step in ["script", "migrate"] if request.param == "before migrate" else ["migrate", "script"]:
                if step == "migrate":
                    migrate(url)
                    continue
                for password in ("an-old-one", "hush-hush"):
                    done = run_reader_script(url, password)
                    assert done.returncode == 0, done.stderr
            yield f"postgresql://grafana:hush-hush@{url.partition('@')[2]}"
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
            cursor.execute("DROP ROLE IF EXISTS grafana")


def test_without_a_password_there_is_no_login(database_url: str) -> None:
    done = run_reader_script(database_url, None)
    assert done.returncode != 0
    assert done.stderr.startswith("Expected GRAFANA_DB_PASSWORD in the environment, found nothing: set it\n")
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
