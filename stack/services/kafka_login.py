"""The file in which Flink's managers and its client find how to log in to Kafka: a job's plan does not say it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from stack.settings import resolve_home


def kafka_login_file(home: Path) -> Path:
    """Return the file of the stack in `home`; it need not be there."""
    return resolve_home(home) / "flink-client" / "kafka.properties"


def keep_kafka_login(path: Path, properties: Mapping[str, str]) -> None:
    """Write the file, readable by its owner only, in place of one that is there."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".kafka.", delete=False, encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in properties.items())
    os.replace(file.name, path)
