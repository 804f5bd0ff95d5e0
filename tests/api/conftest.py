"""One server for all tests that need no other settings, and messages to ask it about."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from fingerprint_testing.own_postgres import as_login, own_postgres
from fingerprint_testing.paths import EXAMPLES, ROOT
from fingerprint_testing.served_api import ServedApi, served_api
from ingest.kafka.message_json import encode
from ingest.recordings.capture import read_capture
from jobs.results.migrations import migrate
from model.registry.database import connect
from stack.database_roles import set_login
from stack.roles import Role

Message = dict[str, Any]

PASSWORD = "hush-hush"  # noqa: S105  # of logins that are gone after the tests
READY_WITHIN_S = 90


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApi]:
    with served_api(tmp_path_factory.mktemp("api"), "--docs") as served:
        yield served


@pytest.fixture(scope="session")
def recordings() -> dict[str, list[Message]]:
    """By name: the messages of each recording in `examples`, which declare what the recording is called."""
    return {
        path.name.removesuffix(".jsonl.gz"): [
            orjson.loads(value) for value in encode(read_capture(path, declared_exchange=path.name.partition("-")[0]))
        ]
        for path in sorted(EXAMPLES.glob("*.jsonl.gz"))
    }


@pytest.fixture(scope="session")
def admin_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a PostgreSQL with our tables, six connections in them, and a login for each role."""
    with own_postgres(tmp_path_factory.mktemp("postgres")) as url:
        migrate(url)
        with connect(url) as connection, connection.cursor() as cursor:
            rows = (ROOT / "tests" / "grafana" / "fill.sql").read_text()
            cursor.execute(rows, {"now_at": datetime.now(UTC).replace(microsecond=0)})
            for role in Role:
                set_login(cursor, f"test_{role}", PASSWORD, role)
        yield url


@pytest.fixture(scope="session")
def login_urls(admin_url: str) -> dict[Role, str]:
    return {role: as_login(admin_url, f"test_{role}", PASSWORD) for role in Role}


@pytest.fixture(scope="session")
def served_results(login_urls: dict[Role, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApi]:
    """Serve these results, and follow the model of a topic that has none yet."""
    environ = {"READER_DATABASE_URL": login_urls[Role.READER]}
    with served_api(tmp_path_factory.mktemp("results"), "--topic", "of-this-test", environ=environ) as api:
        give_up_s = time.monotonic() + READY_WITHIN_S
        while api.get("/readyz").status_code != 200:
            assert time.monotonic() < give_up_s
            time.sleep(0.2)
        yield api
