"""Looks for words in whatever Flink's REST interface tells and the stack's files hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from stack.privacy import FOLDERS
from stack.stack_status import StackStatus


def answers(flink_url: str) -> Iterator[tuple[str, bytes]]:
    """Walk through what Flink's REST interface tells of itself, its job, its processes and their logs."""
    session = requests.Session()
    session.trust_env = False

    def get(path: str) -> bytes:
        return session.get(f"{flink_url}{path}", timeout=30).content

    def ids(path: str, key: str, name: str) -> list[str]:
        found: list[dict[str, Any]] = json.loads(get(path)).get(key, [])
        return [one[name] for one in found]

    paths = ["/config", "/overview", "/jobs/overview", "/jobmanager/config", "/jobmanager/environment"]
    paths += [
        "/jobmanager/log",
        "/jobmanager/stdout",
        "/jobmanager/thread-dump",
        "/jobmanager/metrics",
        "/applications",
    ]
    paths += [f"/jobmanager/logs/{name}" for name in ids("/jobmanager/logs", "logs", "name")]
    for manager in ids("/taskmanagers", "taskmanagers", "id"):
        at = f"/taskmanagers/{manager}"
        paths += [at, f"{at}/log", f"{at}/stdout", f"{at}/thread-dump", f"{at}/metrics"]
        paths += [f"{at}/logs/{name}" for name in ids(f"{at}/logs", "logs", "name")]
    for job in ids("/jobs/overview", "jobs", "jid"):
        at = f"/jobs/{job}"
        paths += [at, f"{at}/plan", f"{at}/config", f"{at}/jobmanager/config", f"{at}/exceptions", f"{at}/checkpoints"]
        paths += [f"{at}/checkpoints/config", f"{at}/metrics", f"{at}/accumulators"]
        paths += [f"{at}/vertices/{vertex}" for vertex in ids(at, "vertices", "id")]
    for path in paths:
        yield path, get(path)


def folders_of(stack: StackStatus) -> list[Path]:
    """Return the stack's folders, and PostgreSQL's where it is outside the home."""
    location = stack.home / "postgres" / "location"
    own = [Path(location.read_text(encoding="utf-8"))] if location.exists() else []
    return [*(stack.home / name for name in FOLDERS if (stack.home / name).is_dir()), *own]


def files_of(stack: StackStatus) -> list[Path]:
    found = [path for folder in folders_of(stack) for path in folder.rglob("*") if path.is_file()]
    assert len(found) > 100
    return [*found, *(path for path in stack.home.iterdir() if path.is_file())]


def holders(paths: list[Path], words: list[bytes]) -> list[Path]:
    found = []
    for path in paths:
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # a checkpoint that has been replaced meanwhile
            continue
        if any(word in content for word in words):
            found.append(path)
    return found
