"""What many tests share: one real stack, an empty database for each module, and a venue of our own."""

from __future__ import annotations

import importlib.util
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest

from stack.control import up, wipe
from stack.settings import StackSettings
from stack.status import StackStatus

_numbers = itertools.count()


@pytest.fixture(scope="session")
def has_prometheus() -> Iterator[bool]:
    """Put the programs prometheus and promtool on the PATH, if they can be had."""
    folder = _load(Path(__file__).with_name("debian_prometheus.py")).find_prometheus_folder()
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
        wipe(home)


@pytest.fixture(scope="session")
def prometheus_url(local_stack: StackStatus, has_prometheus: bool) -> str:
    """Return the address of the Prometheus that reads the shared stack."""
    if not has_prometheus:
        pytest.skip("there is no program prometheus, and no apt-get to fetch Debian's")
    return local_stack.part("prometheus").web_url or ""


@pytest.fixture(scope="module")
def database_url(local_stack: StackStatus) -> Iterator[str]:
    """Make an empty database on the shared stack, and drop it after the module's last test."""
    name = f"test_{next(_numbers)}"
    with closing(psycopg2.connect(local_stack.database_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
            yield urlunsplit(urlsplit(local_stack.database_url)._replace(path=f"/{name}"))
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _load(path: Path) -> ModuleType:
    """Import a file that stands beside tests, which are no package."""
    spec = importlib.util.spec_from_file_location(f"tests_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model of other classes than the one that comes with the project."""
    folder = tmp_path_factory.mktemp("toy-model")
    _load(Path(__file__).with_name("toy_model.py")).save_toy_model(folder)
    return folder


@pytest.fixture(scope="session")
def promql() -> ModuleType:
    """Return the module `promql.py`."""
    return _load(Path(__file__).with_name("promql.py"))


@pytest.fixture(scope="session")
def venues() -> ModuleType:
    """Return the module `venue.py`."""
    return _load(Path(__file__).with_name("ingest") / "venue.py")


@pytest.fixture
def open_venue(venues: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Return a function that starts a `Venue` of scripts; it is closed after the test. No proxy is in its way."""
    for name in ("http", "https", "ws", "wss", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name.upper()}_PROXY", raising=False)
    with ExitStack() as stack:
        yield lambda *scripts, **options: stack.enter_context(venues.Venue(*scripts, **options))


@pytest.fixture(scope="session")
def certificate(venues: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a PEM file with a key and a self-signed certificate for localhost."""
    path = venues.make_certificate(tmp_path_factory.mktemp("tls"))
    if path is None:
        pytest.skip("there is no openssl command to make a certificate with")
    return path


@pytest.fixture(scope="session")
def panel_shapes() -> ModuleType:
    """Return the module `shapes.py`: what each type of panel needs."""
    return _load(Path(__file__).with_name("grafana") / "shapes.py")
