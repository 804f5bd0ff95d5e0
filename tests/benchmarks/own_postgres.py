"""A PostgreSQL of our own, without Kafka and Flink; with the settings of the local stack's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack.ports import free_port
from stack.processes import spawn
from stack.services.postgres import build_postgres, local_database_url

START_TIMEOUT_S = 60


@contextmanager
def own_postgres(home: Path) -> Iterator[str]:
    """Start PostgreSQL with its data in a folder, yield its address, and stop it."""
    (home / "logs").mkdir(parents=True, exist_ok=True)
    port = free_port()
    service = build_postgres(home, port)
    service.prepare()
    process = spawn(service.command(0), home, service.output, {}, service.account)
    try:
        give_up_s = time.monotonic() + START_TIMEOUT_S
        while not service.is_ready(0):
            if process.poll() is not None or time.monotonic() > give_up_s:
                raise RuntimeError(f"Expected PostgreSQL to start, found: {service.log_tail(5)}")
            time.sleep(0.1)
        yield local_database_url(home, port)
    finally:
        process.send_signal(service.stop_signal)
        process.wait()
