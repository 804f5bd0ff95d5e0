"""A PostgreSQL of our own, without Kafka and Flink; with the settings of the local stack's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from stack.ports import accepts_connections, free_port
from stack.processes import spawn
from stack.services.postgres import admin_url, build_postgres

START_TIMEOUT_S = 120


def as_login(url: str, name: str, password: str) -> str:
    """Return the address for another login."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{name}:{password}@{parts.hostname}:{parts.port}"))


@contextmanager
def own_postgres(home: Path, port: int | None = None, **options: str) -> Iterator[str]:
    """Start PostgreSQL in a folder, with options of the server's, yield its superuser's address, and stop it.

    A folder may be used again; at a port that is None it listens at any that is free.
    """
    (home / "logs").mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    service = build_postgres(home, port)
    service.prepare()
    command = [*service.command(0), *(word for name, value in options.items() for word in ("-c", f"{name}={value}"))]
    process = spawn(command, home, service.output, {}, service.account)
    try:
        give_up_s = time.monotonic() + START_TIMEOUT_S
        while not accepts_connections(admin_url(home, port)):
            if process.poll() is not None or time.monotonic() > give_up_s:
                raise RuntimeError(f"Expected PostgreSQL to start, found: {service.log_tail(5)}")
            time.sleep(0.1)
        service.is_ready(0)  # makes the logins, but on a standby
        yield admin_url(home, port)
    finally:
        process.send_signal(service.stop_signal)
        process.wait()
