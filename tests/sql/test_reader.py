"""The login for dashboards: it reads every view, also those of later releases, and writes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from jobs.migrate import migrate

SQL = Path(__file__).resolve().parents[2] / "sql"


@pytest.fixture(scope="module")
def reader_url(database_url: str) -> Iterator[str]:
    script = (SQL / "reader.sql").read_text()
    assert "\\getenv reader_password GRAFANA_DB_PASSWORD" in script
    statements = re.sub(r"^\\.*$", "", script, flags=re.MULTILINE).replace(":'reader_password'", "'hush-hush'")
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statements)
        try:
            migrate(database_url)
            yield f"postgresql://grafana:hush-hush@{database_url.partition('@')[2]}"
        finally:
            cursor.execute("DROP OWNED BY grafana; DROP ROLE grafana")


@pytest.mark.parametrize("view", sorted(path.stem for path in (SQL / "views").glob("*.sql")))
def test_reads_every_view(reader_url: str, view: str) -> None:
    with closing(psycopg2.connect(reader_url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {view}")  # noqa: S608 (the name of a file of ours)
        # Only what names the features has rows before there are windows.
        assert bool(cursor.fetchall()) == (view == "feature_positions")


@pytest.mark.parametrize("read_only", ["on", "off"])
def test_writes_nothing(reader_url: str, read_only: str) -> None:
    with closing(psycopg2.connect(reader_url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SET default_transaction_read_only = {read_only}; COMMIT")
        with pytest.raises((psycopg2.errors.ReadOnlySqlTransaction, psycopg2.errors.InsufficientPrivilege)):
            cursor.execute("DELETE FROM window_scores")
