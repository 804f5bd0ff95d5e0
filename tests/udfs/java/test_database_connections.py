"""What an address asks for, a real PostgreSQL with TLS sees or refuses: from libpq and from the JDBC driver alike."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from fingerprint_testing.debian_programs import find_program_folder
from jobs.results.migrations import check_schema, migrate
from model.registry.database import connect
from model.registry.database_url import Database, parse_database_url
from stack.ports import accepts_connections, free_port
from stack.services.passwords import keep_password
from udfs.errors import ConfigError, PipelineError, ServiceUnavailable

RunJava = Callable[..., CompletedProcess[str]]
Ask = Callable[..., list[tuple[str, str]]]

QUERY = """SELECT concat_ws(' ', current_user, ssl, current_setting('search_path'), application_name)
           FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE pid = pg_backend_pid()"""
ODD_PASSWORD = r"a:b\c/d@e?f#g %h'"  # noqa: S105 (of a server for this test)


@dataclass(frozen=True)
class Server:
    """A PostgreSQL with TLS, whose certificate is for 127.0.0.1 and not for localhost."""

    database: Database
    certificates: Path

    def url(self, host: str = "127.0.0.1", **options: str) -> str:
        port = self.database.hosts[0][1]
        return replace(self.database, hosts=((host, port),), options=options).url

    def file(self, name: str) -> str:
        return str(self.certificates / name)


def openssl(folder: Path, *words: str) -> None:
    subprocess.run([str(shutil.which("openssl")), *words], cwd=folder, check=True, capture_output=True)


def make_certificates(folder: Path) -> None:
    """Make two authorities, and of the first a server's certificate and a client's."""
    new_key = ("-newkey", "rsa:2048", "-nodes", "-keyout")
    for name in ("ca", "other-ca"):
        named = ("-subj", f"/CN={name}", "-days", "2", "-out", f"{name}.crt")
        openssl(folder, "req", "-x509", *new_key, f"{name}.key", *named)
    signed_by = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-copy_extensions", "copy")
    for name, subject in (("server", "IP:127.0.0.1"), ("client", "DNS:client")):
        named = ("-subj", "/CN=fingerprint", "-addext", f"subjectAltName={subject}", "-out", f"{name}.csr")
        openssl(folder, "req", *new_key, f"{name}.key", *named)
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", *signed_by, "-out", f"{name}.crt")


@contextmanager
def debian_postgres(programs: Path, folder: Path, certificates: Path) -> Iterator[str]:
    """Start a PostgreSQL that knows TLS: the one of the local stack does not."""
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    as_account = {} if account is None else {"user": account.pw_uid, "group": account.pw_gid}
    data, port = folder / "data", free_port()
    (folder / "password").write_text("sesame", encoding="utf-8")
    shutil.copytree(certificates, folder / "certificates")
    for path in (folder, folder / "certificates", *(folder / "certificates").iterdir(), folder / "password"):
        if account is not None:
            os.chown(path, account.pw_uid, account.pw_gid)
        path.chmod(0o700 if path.is_dir() else 0o600)
    words = ["-D", data, "-U", "fingerprint", "-A", "scram-sha-256", f"--pwfile={folder / 'password'}"]
    settings = ("-E", "UTF8", "--locale=C", "--no-sync")
    subprocess.run([programs / "initdb", *words, *settings], check=True, capture_output=True, cwd="/", **as_account)
    # `certified` needs a certificate as well as the password, for all others TLS is a choice.
    wants = "hostssl all certified all scram-sha-256 clientcert=verify-ca\nhostnossl all certified all reject\n"
    rules = data / "pg_hba.conf"
    rules.write_text(wants + rules.read_text(encoding="utf-8"), encoding="utf-8")
    options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "ssl": "on"}
    for name, file in (("ssl_cert_file", "server.crt"), ("ssl_key_file", "server.key"), ("ssl_ca_file", "ca.crt")):
        options[name] = folder / "certificates" / file
    command = [programs / "postgres", "-D", data, *(w for name in options for w in ("-c", f"{name}={options[name]}"))]
    url = f"postgresql://fingerprint:sesame@127.0.0.1:{port}/postgres"
    with subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL, **as_account) as process:
        give_up_s = time.monotonic() + 60
        while not accepts_connections(url):
            assert process.poll() is None
            assert time.monotonic() < give_up_s
            time.sleep(0.1)
        yield url
        process.send_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl command to make certificates with")
    programs = find_program_folder("postgres", "postgresql-15", "usr/lib/postgresql/15/bin")
    if programs is None:
        pytest.skip("there is no apt-get to fetch a PostgreSQL with TLS")
    certificates = tmp_path_factory.mktemp("certificates")
    make_certificates(certificates)
    with tempfile.TemporaryDirectory() as folder, debian_postgres(programs, Path(folder), certificates) as url:
        with connect(url) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE ROLE odd LOGIN PASSWORD %s", (ODD_PASSWORD,))
            cursor.execute("CREATE ROLE certified LOGIN PASSWORD 'sesame'")
        yield Server(parse_database_url(url, {}), certificates)


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
def password_variable(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", server.database.password)


@pytest.mark.usefixtures("password_variable")
def test_what_is_asked_for_is_what_the_server_sees(server: Server, ask: Ask) -> None:
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
def test_another_authority_and_another_host_are_refused(server: Server, ask: Ask) -> None:
    other = server.file("other-ca.crt")
    refused = ask(
        server.url("localhost", sslmode="verify-full", sslrootcert=server.file("ca.crt")),
        *(server.url(sslmode=mode, sslrootcert=other) for mode in ("verify-full", "verify-ca", "require")),
    )
    words = ["localhost", "certif", "certif", "certif"]
    for said, word in zip(refused, words, strict=True):
        assert ["refused" in each and word in each.lower() for each in said] == [True, True], said


@pytest.mark.usefixtures("password_variable")
def test_a_clients_certificate_is_shown(server: Server, ask: Ask) -> None:
    certified = replace(server, database=replace(server.database, user="certified"))
    verified = {"sslmode": "verify-full", "sslrootcert": server.file("ca.crt")}
    files = {"sslcert": server.file("client.crt"), "sslkey": server.file("client.key")}
    without, with_it = ask(certified.url(**verified), certified.url(**verified, **files))
    assert ["refused" in each for each in without] == [True, True], without
    assert [each[:11] for each in with_it] == ["certified t"] * 2, with_it


@pytest.mark.parametrize("away", [False, True])
def test_a_password_is_found_in_the_file_that_is_written_for_workers(
    server: Server,
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


def test_migrations_obey_the_options(server: Server) -> None:
    root = server.file("ca.crt")
    migrate(server.url(sslmode="verify-full", sslrootcert=root))
    check_schema(server.url(sslmode="verify-full", sslrootcert=root))
    with pytest.raises((ConfigError, ServiceUnavailable), match="certificate verify failed"):
        migrate(server.url(sslmode="verify-full", sslrootcert=server.file("other-ca.crt")))
