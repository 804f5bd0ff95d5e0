"""What an address asks for, a real PostgreSQL with TLS sees or refuses: from libpq and from the JDBC driver alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from fingerprint_testing.secure_postgres import SecurePostgres, secure_postgres, why_no_secure_postgres
from jobs.results.migrations import check_schema, migrate
from model.registry.database import connect
from model.registry.database_url import parse_database_url
from stack.ports import free_port
from stack.services.passwords import keep_password
from udfs.errors import ConfigError, PipelineError, ServiceUnavailable

RunJava = Callable[..., CompletedProcess[str]]
Ask = Callable[..., list[tuple[str, str]]]

QUERY = """SELECT concat_ws(' ', current_user, ssl, current_setting('search_path'), application_name)
           FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE pid = pg_backend_pid()"""
ODD_PASSWORD = r"a:b\c/d@e?f#g %h'"  # noqa: S105 (of a server for this test)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecurePostgres]:
    if reason := why_no_secure_postgres():
        pytest.skip(reason)
    with secure_postgres(tmp_path_factory.mktemp("certificates")) as found:
        with connect(found.database.url) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE ROLE odd LOGIN PASSWORD %s", (ODD_PASSWORD,))
            cursor.execute("CREATE ROLE certified LOGIN PASSWORD 'sesame'")
        yield found


@pytest.fixture
def ask(run_java: RunJava) -> Ask:
    """Return what asks each address over libpq and over JDBC, whose driver finds the password itself."""

    def ask_both(*urls: str) -> list[tuple[str, str]]:
        addresses = "\n".join(parse_database_url(url).jdbc_url for url in urls)
        done = run_java("exchangefingerprint.flink.jdbc.AskDatabase", QUERY, text=addresses)
        assert done.returncode == 0, done.stderr
        return list(zip(map(ask_libpq, urls), done.stdout.splitlines(), strict=True))

    return ask_both


def ask_libpq(url: str) -> str:
    try:
        with connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(QUERY)
            return str(cursor.fetchone()[0])
    except PipelineError as error:
        return f"refused: {error}"


@pytest.fixture
def password_variable(server: SecurePostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", server.database.password)


@pytest.mark.usefixtures("password_variable")
def test_what_is_asked_for_is_what_the_server_sees(server: SecurePostgres, ask: Ask) -> None:
    root, settings = server.file("ca.crt"), {"options": "-c search_path=mine", "application_name": "me"}
    away = (("127.0.0.1", free_port()), *server.database.hosts)
    seen = ask(
        server.url(sslmode="verify-full", sslrootcert=root, **settings),
        server.url("localhost", sslmode="verify-ca", sslrootcert=root, **settings),
        server.url(sslmode="require", **settings),
        server.url(sslmode="disable", **settings),
        replace(server.database, hosts=away, options=settings | {"target_session_attrs": "read-write"}).url,
    )
    wanted = ["fingerprint t mine me", "fingerprint t mine me", "fingerprint t mine me", "fingerprint f mine me"]
    # Without a word of it, libpq and the driver take TLS where it is offered.
    assert seen == [(each, each) for each in [*wanted, "fingerprint t mine me"]]


@pytest.mark.usefixtures("password_variable")
def test_another_authority_and_another_host_are_refused(server: SecurePostgres, ask: Ask) -> None:
    other = server.file("other-ca.crt")
    refused = ask(
        server.url("localhost", sslmode="verify-full", sslrootcert=server.file("ca.crt")),
        *(server.url(sslmode=mode, sslrootcert=other) for mode in ("verify-full", "verify-ca", "require")),
    )
    words = ["localhost", "certif", "certif", "certif"]
    for said, word in zip(refused, words, strict=True):
        assert ["refused" in each and word in each.lower() for each in said] == [True, True], said


@pytest.mark.usefixtures("password_variable")
def test_a_clients_certificate_is_shown(server: SecurePostgres, ask: Ask) -> None:
    certified = replace(server, database=replace(server.database, user="certified"))
    verified = {"sslmode": "verify-full", "sslrootcert": server.file("ca.crt")}
    files = {"sslcert": server.file("client.crt"), "sslkey": server.file("client.key")}
    without, with_it = ask(certified.url(**verified), certified.url(**verified, **files))
    assert ["refused" in each for each in without] == [True, True], without
    assert [each[:11] for each in with_it] == ["certified t"] * 2, with_it


@pytest.mark.parametrize("away", [False, True])
def test_a_password_is_found_in_the_file_that_is_written_for_workers(
    server: SecurePostgres,
    ask: Ask,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    away: bool,
) -> None:
    hosts = (*((("127.0.0.1", free_port()),) if away else ()), *server.database.hosts)
    path = tmp_path / "folder" / "passwords"
    keep_password(path, hosts, server.database.name, "odd", "an old one")
    keep_password(path, [("elsewhere", 5432)], server.database.name, "odd", "another's")
    keep_password(path, hosts, server.database.name, "odd", ODD_PASSWORD)
    assert path.stat().st_mode & 0o077 == 0
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPASSFILE", str(path))
    url = replace(server.database, user="odd", password=ODD_PASSWORD, hosts=hosts).open_url
    assert [each[:3] for each in ask(url)[0]] == ["odd", "odd"]


def test_migrations_obey_the_options(server: SecurePostgres) -> None:
    root = server.file("ca.crt")
    migrate(server.url(sslmode="verify-full", sslrootcert=root))
    check_schema(server.url(sslmode="verify-full", sslrootcert=root))
    with pytest.raises((ConfigError, ServiceUnavailable), match="certificate verify failed"):
        migrate(server.url(sslmode="verify-full", sslrootcert=server.file("other-ca.crt")))
