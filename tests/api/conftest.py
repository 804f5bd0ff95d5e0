"""One server for all tests that need no other settings, and messages to ask it about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from fingerprint_testing.paths import EXAMPLES
from fingerprint_testing.served_api import ServedApi, served_api
from ingest.kafka.message_json import encode
from ingest.recordings.capture import read_capture

Message = dict[str, Any]


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
