"""Behind a PgBouncer that has a connection for each transaction only, the job writes, and commands work or say no."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from fingerprint_testing.debian_programs import find_program_folder
from fingerprint_testing.own_postgres import own_postgres
from jobs.results.database_fitness import find_pooler
from jobs.results.migrations import check_schema, migrate
from jobs.results.redrive import redrive_memory
from model.registry.database import LastingConnection, connect
from model.registry.database_url import Database, parse_database_url
from stack.ports import accepts_connections, free_port
from udfs.errors import ConfigError, PipelineError

LIBRARIES = {"libcares.so.2": "libc-ares2", "libevent-2.1.so.7": "libevent-2.1-7"}
"""Of PgBouncer, by Debian's package."""

RunJava = Callable[..., CompletedProcess[str]]
DIRECT = "^Expected a direct connection to the database .*, found a pooler such as PgBouncer at .*: name PostgreSQL"


@pytest.fixture(scope="module")
def direct(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with own_postgres(tmp_path_factory.mktemp("postgres")) as url:
        migrate(url)
        with connect(url) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE shared (n int)")
        yield parse_database_url(url, {})


@pytest.fixture(scope="module")
def pooled(direct: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Start a PgBouncer with its default settings, but for the pooling by transaction."""
    programs = find_program_folder("pgbouncer", place="usr/sbin")
    if programs is None:
        pytest.skip("there is no PgBouncer, and no apt-get to fetch Debian's")
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None  # it refuses to run as root
    as_account = {} if account is None else {"user": account.pw_uid, "group": account.pw_gid}
    (server_host, server_port), *_ = direct.hosts
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        # Out of a home that others may not enter.
        program = shutil.copy(programs / "pgbouncer", folder)
        for library, package in LIBRARIES.items():
            place = find_program_folder(library, package, f"usr/lib/{sysconfig.get_config_var('MULTIARCH')}")
            if place is not None:
                shutil.copy(place / library, folder)
        (folder / "users").write_text(f'"{direct.user}" "{direct.password}"\n', encoding="utf-8")
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": port,
            "unix_socket_dir": "",
            "auth_type": "scram-sha-256",
            "auth_file": folder / "users",
            "pool_mode": "transaction",
        }
        lines = [f"[databases]\n* = host={server_host} port={server_port}\n[pgbouncer]"]
        lines += [f"{name} = {value}" for name, value in settings.items()]
        (folder / "pgbouncer.ini").write_text("\n".join(lines), encoding="utf-8")
        for path in (folder, *folder.iterdir()):
            if account is not None:
                os.chown(path, account.pw_uid, account.pw_gid)
        found = replace(direct, hosts=(("127.0.0.1", port),))
        command = [program, folder / "pgbouncer.ini"]
        environ = os.environ | {"LD_LIBRARY_PATH": name}
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd="/", env=environ, **as_account) as process:
            give_up_s = time.monotonic() + 120
            while not accepts_connections(found.url):
                assert process.poll() is None
                assert time.monotonic() < give_up_s
                time.sleep(0.1)
            yield found
            process.terminate()


def test_it_is_noticed(direct: Database, pooled: Database) -> None:
    assert (find_pooler(direct.url), find_pooler(pooled.url)) == (False, True)


@pytest.mark.parametrize(("is_pooled", "said"), [(True, "done"), (False, "refused: ")])
def test_sinks_prepare_nothing_that_the_next_connection_does_not_have(
    pooled: Database, run_java: RunJava, monkeypatch: pytest.MonkeyPatch, is_pooled: bool, said: str
) -> None:
    monkeypatch.setenv("PGPASSWORD", pooled.password)
    url = replace(pooled, is_pooled=is_pooled).jdbc_url
    done = run_java("exchangefingerprint.flink.jdbc.ShareServer", text=url)
    assert done.stdout.startswith(said), done.stdout + done.stderr


def test_what_needs_a_session_of_its_own_says_so(pooled: Database) -> None:
    with pytest.raises(ConfigError, match=DIRECT):
        migrate(pooled.url)
    with pytest.raises(ConfigError, match=DIRECT), redrive_memory(pooled.url):
        pass


def test_a_command_works_and_leaves_no_timeout_to_others(pooled: Database) -> None:
    check_schema(pooled.url)
    lasting = LastingConnection(pooled.url, application_name="a-test", statement_timeout_s=1)
    with lasting.use() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("1s",)
    lasting.close()
    for _ in range(5):
        with connect(pooled.url) as connection, connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("0",)


def test_an_option_that_it_refuses_is_no_silence(pooled: Database) -> None:
    url = replace(pooled, options={"options": "-c search_path=x"}).url
    with pytest.raises(PipelineError, match="unsupported startup parameter"), connect(url):
        pass
