"""Databases that cannot hold every id, or take no results, are refused before anything is written; on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fingerprint_testing.own_postgres import own_postgres
from jobs.doctor.service_checks import check_database_service
from jobs.results.database_fitness import check_fitness
from jobs.results.migrations import migrate
from model.registry.database import connect
from model.registry.database_url import Database, parse_database_url
from udfs.errors import ConfigError, ServiceUnavailable


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with own_postgres(tmp_path_factory.mktemp("postgres")) as url:
        yield parse_database_url(url, {})


def run(server: Database, *statements: str) -> None:
    with connect(server.url) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def refused_by_all(database: Database, match: str) -> None:
    """Check that `migrate`, what `submit` asks and `doctor` refuse a database, in one and the same sentence."""
    asked = (migrate, check_fitness, lambda url: list(check_database_service(url)))
    said = []
    for ask in asked:
        with pytest.raises(ConfigError, match=match) as refused:
            ask(database.url)
        said.append(str(refused.value))
    assert len(set(said)) == 1
    with connect(database.url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1", "EUC_JP"])
def test_an_encoding_that_cannot_hold_every_id(server: Database, encoding: str) -> None:
    name = encoding.lower()
    locale = "LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'"
    run(server, f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 {locale}")
    refused_by_all(
        replace(server, name=name),
        f"^Expected the database '{name}' at .* UTF8, found {encoding}, which .*: make another",
    )


def test_any_collation_will_do(server: Database) -> None:
    locale = "LOCALE_PROVIDER libc LC_COLLATE 'POSIX' LC_CTYPE 'POSIX'"
    run(server, f"CREATE DATABASE collated ENCODING 'UTF8' TEMPLATE template0 {locale}")
    migrate(replace(server, name="collated").url)


def test_what_a_role_sets_for_its_clients_changes_nothing(server: Database) -> None:
    run(server, "CREATE DATABASE spoken", f"ALTER ROLE {server.user} IN DATABASE spoken SET client_encoding = 'LATIN1'")
    with connect(replace(server, name="spoken").url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT %s", ("λ·中",))
        assert cursor.fetchone() == ("λ·中",)


@pytest.mark.parametrize("whose", ["DATABASE reading", "ROLE {user} IN DATABASE reading"])
def test_a_database_that_takes_reads_only(server: Database, whose: str) -> None:
    run(server, "CREATE DATABASE reading")
    run(server, f"ALTER {whose.format(user=server.user)} SET default_transaction_read_only = on")
    try:
        refused_by_all(
            replace(server, name="reading"),
            "to take results, found that default_transaction_read_only is on .*: switch",
        )
    finally:
        run(server, f"ALTER ROLE {server.user} IN DATABASE reading RESET ALL", "DROP DATABASE reading")


def test_a_standby(tmp_path: Path) -> None:
    with own_postgres(tmp_path) as url, connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        (folder,) = cursor.fetchone() or ("",)
    (Path(folder) / "standby.signal").touch()
    with own_postgres(tmp_path) as url:
        refused_by_all(parse_database_url(url, {}), "to take results, found a standby, which copies .*: name that one")


def test_a_user_without_the_right_to_make_tables(server: Database) -> None:
    run(server, "CREATE DATABASE others", "CREATE ROLE guest LOGIN PASSWORD 'sesame'")
    with pytest.raises(ConfigError, match="Expected .*'guest' .*, found .*: "):
        migrate(replace(server, name="others", user="guest", password="sesame").url)  # noqa: S106


def test_a_full_disk_is_said_so(server: Database) -> None:
    full = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"
    with pytest.raises(ServiceUnavailable, match="Expected room for .*, found could not extend file.*: make room"):
        run(server, full)
