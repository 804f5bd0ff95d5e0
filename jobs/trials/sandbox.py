"""Things for one occasion on the local stack: the stack itself, a database, a topic and a job, and their end."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from ingest.kafka.broker import delete_topics
from jobs.cluster.flink_client import cancel, find_running_job, list_jobs
from jobs.cluster.savepoints import Savepoints
from jobs.cluster.service_addresses import Addresses
from jobs.results.migrations import migrate
from model.registry.database import Cursor, connect
from stack.control import status, up, wipe
from stack.roles import Role
from stack.settings import StackSettings
from stack.stack_status import StackStatus
from udfs.errors import ConfigError, ServiceUnavailable

_CANCELLED_AFTER_S: Final = 60.0
_POLL_S: Final = 0.25
_END_SESSIONS: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity JOIN pg_roles ON pg_roles.oid = usesysid
    WHERE datname = %s AND backend_type = 'client backend' AND NOT rolsuper
"""

ENDED: Final = ("FINISHED", "FAILED", "CANCELED")
GONE: Final = "gone"
UNKNOWN: Final = "unknown"
"""States of a job: Flink's of one that has ended, and ours."""


@contextmanager
def idle_stack(home: Path, progress: Callable[[str], None], *, taskmanagers: int = 1) -> Iterator[StackStatus]:
    """Use the stack that runs in `home`, else one on free ports, with TaskManagers, that is gone afterwards.

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
                settings = StackSettings(
                    home=Path(own), kafka_port=0, flink_port=0, postgres_port=0, taskmanagers=taskmanagers
                )
                yield up(settings, lambda _line: None)
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
    url = make_database(stack, name)
    try:
        yield url
    finally:
        with suppress(ServiceUnavailable):
            drop_database(stack, name)


def make_database(stack: StackStatus, name: str) -> str:
    """Make a database with our tables in place of one of that name, and return its address."""
    drop_database(stack, name)
    with connect(stack.database_url) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    url = urlunsplit(urlsplit(stack.database_url)._replace(path=f"/{name}"))
    migrate(url)
    return url


def drop_database(stack: StackStatus, name: str) -> None:
    """Drop a database, if it is there, whoever uses it."""
    with connect(stack.database_url) as connection, connection.cursor() as cursor:
        drop_if_there(cursor, name)


def drop_if_there(cursor: Cursor, name: str) -> None:
    """Drop a database, if it is there, as its owner: only a superuser may force out the autovacuum too."""
    cursor.execute("SELECT FROM pg_database WHERE datname = %s", (name,))
    if cursor.rowcount:
        cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        cursor.execute(_END_SESSIONS, (name,))
        cursor.execute(f"DROP DATABASE {name}")


def addresses_of(stack: StackStatus, database_url: str) -> Addresses:
    """Return where a job of the stack finds its services and, in the sandbox, its database, each role as itself."""
    path = urlsplit(database_url).path
    of_roles = {role: urlunsplit(urlsplit(stack.database_urls[role])._replace(path=path)) for role in Role}
    return Addresses(home=stack.home, kafka=stack.kafka, flink=stack.flink_url, database_urls=of_roles)


def end_job(stack: StackStatus, database_url: str, topic: str, job_id: str) -> None:
    """Cancel a job, if there is one of that id and it has not ended, and delete what jobs like it have saved."""
    with suppress(ServiceUnavailable):
        cancel_job(stack, job_id)
    Savepoints(addresses=addresses_of(stack, database_url), topic=topic).delete()


def cancel_job(stack: StackStatus, job_id: str) -> None:
    """Cancel a job, if there is one of that id, and wait until it has ended.

    Raises
    ------
    ServiceUnavailable
        If it has not ended after a minute.
    """
    end_s = time.monotonic() + _CANCELLED_AFTER_S
    if job_state(stack, job_id) not in (*ENDED, GONE):
        with suppress(ServiceUnavailable):  # whether it has ended is looked at below
            cancel(stack.flink_url, job_id)
    while job_state(stack, job_id) not in (*ENDED, GONE):
        if time.monotonic() > end_s:
            raise ServiceUnavailable(
                f"Expected the job {job_id} to end within {_CANCELLED_AFTER_S:.0f} s, found it still there: cancel it "
                "in Flink's web UI"
            )
        time.sleep(_POLL_S)


def job_state(stack: StackStatus, job_id: str) -> str:
    """Return Flink's word for the state of a job, `GONE` if it has none of that id, `UNKNOWN` if it does not answer."""
    try:
        return next((job.state for job in list_jobs(stack.flink_url) if job.job_id == job_id), GONE)
    except ServiceUnavailable:  # a cluster that is busy may take long to answer
        return UNKNOWN


def delete_topic(stack: StackStatus, topic: str) -> None:
    """Delete a topic, if it is there."""
    delete_topics(stack.kafka, [topic])
