"""What many tests share: one real stack, an empty database for each module, and a venue of our own."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

# A process of pytest-xdist has it, and the command line would keep to it.
os.environ.pop("COLUMNS", None)

import psycopg2
import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from fingerprint_testing.debian_programs import find_program_folder
from fingerprint_testing.toy_model import save_toy_model
from fingerprint_testing.venue import Venue, make_certificate
from jobs.results.migrations import migrate
from jobs.trials.sandbox import drop_if_there
from stack.control import status, up, wipe
from stack.processes import find_process, kill_all
from stack.services.postgres import admin_url
from stack.settings import StackSettings
from stack.stack_status import StackStatus

# The same examples in every run, and no time limit for one or for drawing it: the machine may be busy.
settings.register_profile("repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")

_numbers = itertools.count()

_SHARED = {
    "stack": tuple(f"tests/{folder}/" for folder in ("integration", "jobs/cluster")),
    "database": tuple(
        f"tests/{folder}/" for folder in ("grafana", "jobs/grafana", "jobs/results", "model/registry", "sql")
    ),
    "api": ("tests/api/",),
}
"""What is in the same process, because it shares what is started there; the second shares a stack of its own."""

_STACKS_OF_THEIR_OWN = tuple(
    f"tests/integration/test_{name}.py" for name in ("flink_tls", "installed_wheel", "secrets")
)


def _scope_of(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    if file in _STACKS_OF_THEIR_OWN:
        return file
    return next((name for name, folders in _SHARED.items() if file.startswith(folders)), file)


class _FewStacks(LoadScopeScheduling):  # type: ignore[misc]
    """Where tests run in two processes, keep those together that share a stack or a server, and those of a file."""

    def _split_scope(self, nodeid: str) -> str:
        return _scope_of(nodeid)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes longest: one process has nothing else to do."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _scope_of(item.nodeid) != "stack")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _FewStacks(config, log)


@pytest.fixture(scope="session", autouse=True)
def short_lived_java() -> Iterator[None]:
    """Let Java compile quickly rather than well: here it starts dozens of times, and never computes for long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")
        yield


@pytest.fixture(scope="session")
def has_prometheus() -> Iterator[bool]:
    """Put the programs prometheus and promtool on the PATH, if they can be had."""
    folder = find_program_folder("prometheus")
    with pytest.MonkeyPatch.context() as patch:
        if folder is not None:
            patch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{folder}")
        yield folder is not None


@pytest.fixture(scope="session")
def local_stack(tmp_path_factory: pytest.TempPathFactory, has_prometheus: bool) -> Iterator[StackStatus]:
    """Start Kafka, Flink, PostgreSQL and Prometheus on free ports; they are gone after the last test."""
    home = tmp_path_factory.mktemp("stack")
    ports = dict.fromkeys(("kafka_port", "flink_port", "postgres_port"), 0)
    try:
        yield up(StackSettings(home=home, prometheus_port=0 if has_prometheus else None, **ports), lambda _: None)
    finally:
        # Nobody looks at what it would put in order at its end, which takes half a minute.
        found = status(home)
        supervisor = find_process(found.supervisor_pid, found.supervisor_created_at_s)
        kill_all([supervisor] if supervisor else [])
        wipe(home)


@pytest.fixture(scope="session")
def prometheus_url(local_stack: StackStatus, has_prometheus: bool) -> str:
    """Return the address of the Prometheus that reads the shared stack."""
    if not has_prometheus:
        pytest.skip("there is no program prometheus, and no apt-get to fetch Debian's")
    return local_stack.part("prometheus").web_url or ""


@pytest.fixture(scope="session")
def template(local_stack: StackStatus) -> str:
    """Make a database with our tables, of which others are copied in a tenth of the time, and return its name."""
    name = "test_template"
    with closing(psycopg2.connect(local_stack.database_url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(f"CREATE DATABASE {name}")
        migrate(url_of(local_stack, name))
        # The autovacuum would keep it from being copied.
        cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    return name


@pytest.fixture(scope="module")
def database_url(local_stack: StackStatus, template: str) -> Iterator[str]:
    """Make a database with our tables on the shared stack, and drop it after the module's last test."""
    name = f"test_{next(_numbers)}"
    with closing(psycopg2.connect(local_stack.database_url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield url_of(local_stack, name)
        drop_if_there(cursor, name)


def url_of(stack: StackStatus, database: str) -> str:
    return urlunsplit(urlsplit(stack.database_url)._replace(path=f"/{database}"))


@pytest.fixture(scope="module")
def admin_database_url(local_stack: StackStatus, database_url: str) -> str:
    """Return the address of the same database for the server's superuser."""
    parts = urlsplit(database_url)
    return urlunsplit(urlsplit(admin_url(local_stack.home, parts.port or 0))._replace(path=parts.path))


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model of other classes than the one that comes with the project."""
    folder = tmp_path_factory.mktemp("toy-model")
    save_toy_model(folder)
    return folder


@pytest.fixture
def open_venue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Venue]]:
    """Return a function that starts a `Venue` of scripts; it is closed after the test. No proxy is in its way."""
    for name in ("http", "https", "ws", "wss", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name.upper()}_PROXY", raising=False)
    with ExitStack() as stack:
        yield lambda *scripts, **options: stack.enter_context(Venue(*scripts, **options))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a PEM file with a key and a self-signed certificate for localhost."""
    path = make_certificate(tmp_path_factory.mktemp("tls"))
    if path is None:
        pytest.skip("there is no openssl command to make a certificate with")
    return path
