"""One real stack for all tests that need Kafka, Flink or PostgreSQL, and an empty database for each module."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest

from stack.control import up, wipe
from stack.settings import StackSettings
from stack.status import StackStatus

_numbers = itertools.count()


@pytest.fixture(scope="session")
def local_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackStatus]:
    """Start Kafka, Flink and PostgreSQL on free ports; they are gone after the last test."""
    home = tmp_path_factory.mktemp("stack")
    try:
        yield up(StackSettings(home=home, kafka_port=0, flink_port=0, postgres_port=0), lambda _: None)
    finally:
        wipe(home)


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
