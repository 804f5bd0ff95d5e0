"""A PostgreSQL with TLS, by certificates of one test: Debian's, for the local stack's knows no TLS."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fingerprint_testing.debian_programs import find_program_folder
from model.registry.database_url import Database, parse_database_url
from stack.ports import accepts_connections, free_port


@dataclass(frozen=True)
class SecurePostgres:
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
    as_account: dict[str, Any] = {} if account is None else {"user": account.pw_uid, "group": account.pw_gid}
    data, port = folder / "data", free_port()
    (folder / "password").write_text("sesame", encoding="utf-8")
    shutil.copytree(certificates, folder / "certificates")
    for path in (folder, folder / "certificates", *(folder / "certificates").iterdir(), folder / "password"):
        if account is not None:
            os.chown(path, account.pw_uid, account.pw_gid)
        path.chmod(0o700 if path.is_dir() else 0o600)
    words: list[str | Path] = ["-D", data, "-U", "fingerprint", "-A", "scram-sha-256"]
    words.append(f"--pwfile={folder / 'password'}")
    settings = ("-E", "UTF8", "--locale=C", "--no-sync")
    subprocess.run([programs / "initdb", *words, *settings], check=True, capture_output=True, cwd="/", **as_account)
    # `certified` needs a certificate as well as the password, for all others TLS is a choice.
    wants = "hostssl all certified all scram-sha-256 clientcert=verify-ca\nhostnossl all certified all reject\n"
    rules = data / "pg_hba.conf"
    rules.write_text(wants + rules.read_text(encoding="utf-8"), encoding="utf-8")
    options: dict[str, object] = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "ssl": "on",
    }
    for name, file in (("ssl_cert_file", "server.crt"), ("ssl_key_file", "server.key"), ("ssl_ca_file", "ca.crt")):
        options[name] = folder / "certificates" / file
    named = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    command: list[str | Path] = [programs / "postgres", "-D", data, *named]
    url = f"postgresql://fingerprint:sesame@127.0.0.1:{port}/postgres"
    with subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL, **as_account) as process:
        give_up_s = time.monotonic() + 120
        while not accepts_connections(url):
            assert process.poll() is None
            assert time.monotonic() < give_up_s
            time.sleep(0.1)
        yield url
        process.send_signal(signal.SIGINT)


def why_no_secure_postgres() -> str | None:
    """Say why there can be none here, None if there can."""
    if shutil.which("openssl") is None:
        return "there is no openssl command to make certificates with"
    if _programs() is None:
        return "there is no apt-get to fetch a PostgreSQL with TLS"
    return None


@contextmanager
def secure_postgres(certificates: Path) -> Iterator[SecurePostgres]:
    """Run a server that has its certificate, and those of its authority, from an empty folder."""
    programs = _programs()
    assert programs is not None
    make_certificates(certificates)
    with tempfile.TemporaryDirectory() as folder, debian_postgres(programs, Path(folder), certificates) as url:
        yield SecurePostgres(parse_database_url(url, {}), certificates)


def _programs() -> Path | None:
    return find_program_folder("postgres", "postgresql-15", "usr/lib/postgresql/15/bin")
