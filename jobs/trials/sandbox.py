"""Things for one occasion on the local stack: the stack itself, a database, a topic and a job, and their end."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import requests

from ingest.kafka.broker import delete_topics
from jobs.cluster.flink_client import find_running_job, list_jobs
from jobs.cluster.savepoints import Savepoints
from jobs.cluster.service_addresses import Addresses
from jobs.results.migrations import migrate
from model.registry.database import connect
from stack.control import status, up, wipe
from stack.settings import StackSettings
from stack.status import StackStatus
from udfs.errors import ConfigError

_REST_TIMEOUT_S: Final = 10
_CANCELLED_AFTER_S: Final = 60.0
_POLL_S: Final = 0.25


@contextmanager
def idle_stack(home: Path, progress: Callable[[str], None]) -> Iterator[StackStatus]:
    """Use the stack that runs in `home`, else one on free ports that is gone afterwards.

    Raises
    ------
    ConfigError
        If a job of ours runs on it, or a part of it is a service of the user's.
    """
    running = status(home)
    if not running.is_ready:
        with tempfile.TemporaryDirectory(prefix="fingerprint-") as own:
            try:
                progress("Starting a stack for the occasion")
                yield up(StackSettings(home=Path(own), kafka_port=0, flink_port=0, postgres_port=0), lambda _line: None)
            finally:
                wipe(Path(own))
        return
    if any(part.state == "external" for part in running.parts):
        raise ConfigError("Expected a stack of this machine, found services of your own in it: stop it first")
    if find_running_job(running.flink_url) is not None:
        raise ConfigError("Expected a stack without a job, found one running: `fingerprint stop` it first")
    yield running


@contextmanager
def fresh_database(stack: StackStatus, name: str) -> Iterator[str]:
    """Make a database with our tables, yield its address, and drop it afterwards."""
    drop = f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"
    with connect(stack.database_url) as connection, connection.cursor() as cursor:
        cursor.execute(drop)
        cursor.execute(f"CREATE DATABASE {name}")
    url = urlunsplit(urlsplit(stack.database_url)._replace(path=f"/{name}"))
    migrate(url)
    try:
        yield url
    finally:
        with suppress(ConfigError), connect(stack.database_url) as connection, connection.cursor() as cursor:
            cursor.execute(drop)


def end_job(stack: StackStatus, database_url: str, topic: str, job_id: str) -> None:
    """Cancel a job, if there is one of that id and it has not ended, and delete what jobs like it have saved."""
    if not _has_ended(stack, job_id):
        requests.patch(f"{stack.flink_url}/jobs/{job_id}", params={"mode": "cancel"}, timeout=_REST_TIMEOUT_S)
        end_s = time.monotonic() + _CANCELLED_AFTER_S
        while not _has_ended(stack, job_id) and time.monotonic() < end_s:
            time.sleep(_POLL_S)
    addresses = Addresses(home=stack.home, kafka=stack.kafka, flink=stack.flink_url, database_url=database_url)
    Savepoints(addresses=addresses, topic=topic).delete()


def _has_ended(stack: StackStatus, job_id: str) -> bool:
    ended = ("FINISHED", "FAILED", "CANCELED")
    return all(job.state in ended for job in list_jobs(stack.flink_url) if job.job_id == job_id)


def delete_topic(stack: StackStatus, topic: str) -> None:
    """Delete a topic, if it is there."""
    delete_topics(stack.kafka, [topic])
