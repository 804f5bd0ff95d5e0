"""Start, stop and look at the services on this machine: what the command line calls.

A stack lives in its home folder. Two stacks run side by side if their homes and ports differ.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from stack.java.jars import ensure_jars
from stack.java.runtime import find_java
from stack.ports import check_database, check_flink, check_kafka, check_port_is_free, free_port, is_free
from stack.privacy import FOLDERS, close_folders, private_files
from stack.processes import environment, find_process, kill_all, marked_processes
from stack.services.flink import forget_jobs
from stack.services.parts import initial_status
from stack.services.postgres import find_postgres, remove_private_folder
from stack.services.prometheus import find_prometheus
from stack.services.service import tail
from stack.settings import StackSettings, last_settings, read_settings, resolve_home, write_settings
from stack.stack_status import PartStatus, StackStatus, read_status, status_path, write_status
from udfs.errors import ConfigError, PipelineError
from udfs.kafka_properties import KAFKA_PROPERTIES

POLL_S = 0.1
REPORT_S = 20
STOP_TIMEOUT_S = 60
MIN_FREE_BYTES = 1_000_000_000
BYTES_PER_GB = 1e9
# Port setting, the setting that names such a service elsewhere, what it is for, the command line's option.
PORTS = (
    ("kafka_port", "kafka", "the Kafka broker", "--kafka-port"),
    ("flink_port", "flink", "Flink's web UI", "--flink-port"),
    ("postgres_port", "database_url", "PostgreSQL", "--postgres-port"),
    ("prometheus_port", "flink", "Prometheus", "--prometheus-port"),
)


def up(settings: StackSettings, progress: Callable[[str], None]) -> StackStatus:
    """Start what the settings ask for, or join the stack that already runs in their home.

    Parameters
    ----------
    settings : StackSettings
        Home, ports and external services.
    progress : callable
        Called with a line of text at each step.

    Returns
    -------
    StackStatus
        All parts are ready.

    Raises
    ------
    ConfigError
        If it cannot be started as asked.
    ServiceUnavailable
        If one of the user's own services, or a download, is away.
    ArtifactError
        If a jar is broken.
    PipelineError
        If a part does not start; the sentence is that of the process that started it.

    Nothing is left running then, nor after Ctrl-C.
    """
    if settings.kafka is None and os.environ.get(KAFKA_PROPERTIES):
        raise ConfigError(
            f"Expected {KAFKA_PROPERTIES} beside a Kafka of your own, found it set for the local broker, which asks "
            "nobody: name yours with --kafka, or unset it"
        )
    with _locked(settings.home):
        if _supervisor(read_status(settings.home)) is not None:
            _check_same(settings)
            progress(f"Using the stack that runs in {settings.home}")
            return _wait_until_ready(settings.home, progress)
        try:
            _start(settings, progress)
            return _wait_until_ready(settings.home, progress)
        except KeyboardInterrupt:
            down(settings.home)
            raise


def down(home: Path) -> bool:
    """Stop the stack in `home` and everything that it started; return whether anything ran.

    Jobs that run are resumed from their last checkpoints by the next `up`.
    """
    home = resolve_home(home)
    supervisor = _supervisor(read_status(home))
    if supervisor is not None:
        _terminate(supervisor, home)
    n_killed = _kill_leftovers(home)
    status_path(home).unlink(missing_ok=True)
    return supervisor is not None or n_killed > 0


def wipe(home: Path) -> None:
    """Stop the stack in `home` and remove its data, logs and settings."""
    home = resolve_home(home)
    down(home)
    remove_private_folder(home)
    for name in FOLDERS:
        shutil.rmtree(home / name, ignore_errors=True)
    for name in ("settings.json", "lock"):
        (home / name).unlink(missing_ok=True)


def status(home: Path) -> StackStatus:
    """Return what runs in `home` now; without parts if nothing was started."""
    home = resolve_home(home)
    found = read_status(home)
    if found is None:
        return StackStatus(home=home)
    local = [part for part in found.parts if part.state != "external"]
    if local and _supervisor(found) is None:
        for part in local:
            part.state, part.message = "dead", part.message or "its supervisor has gone"
    return found


def log_tail(part: PartStatus, n_lines: int = 15) -> str:
    """Return the end of a part's log."""
    return tail(Path(part.log), n_lines) if part.log and Path(part.log).is_file() else ""


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """Let one caller at a time start a stack in `home`."""
    try:
        with private_files():
            home.mkdir(parents=True, exist_ok=True)
            file = (home / "lock").open("w")
    except OSError as error:
        raise ConfigError(
            f"Expected to keep the stack's state in {home}, found {error.strerror}: choose another folder with --home"
        ) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _supervisor(found: StackStatus | None) -> psutil.Process | None:
    return find_process(found.supervisor_pid, found.supervisor_created_at_s) if found else None


def _check_same(wanted: StackSettings) -> None:
    """Refuse to join a running stack that differs from what the user asked for."""
    running = read_settings(wanted.home)
    for name, value in wanted.chosen().items():
        if getattr(running, name) != value:
            raise ConfigError(
                f"Expected the stack in {wanted.home} to have the {name.replace('_', ' ')} that you chose, "
                "found it running with another: stop it first with `fingerprint down`, or choose another --home"
            )


def _start(settings: StackSettings, progress: Callable[[str], None]) -> None:
    """Check what can be checked beforehand, then start the supervisor."""
    _kill_leftovers(settings.home)
    _check_space(settings.home)
    _check_external(settings)
    last = last_settings(settings.home)
    settings = _with_ports(settings, last)
    if last is not None and _of_jobs(last) != _of_jobs(settings) and forget_jobs(settings.home):
        progress("The jobs of the last time are not resumed: Kafka or PostgreSQL has another address now")
    if settings.kafka is None or settings.flink is None:
        find_java()
    if settings.database_url is None:
        find_postgres()
    if settings.prometheus_port is not None:
        find_prometheus()
    if settings.kafka is None:
        ensure_jars("broker", progress)
    if settings.flink is None and os.geteuid() == 0:
        progress("Flink and its jobs run as root, and may do all that root may")
    try:
        close_folders(settings.home)
        write_settings(settings)
        if None in (settings.kafka, settings.flink, settings.database_url):
            _start_supervisor(settings.home)
        else:
            write_status(initial_status(settings))
    except OSError as error:
        raise ConfigError(
            f"Expected to write into {settings.home}, found {error.strerror}: choose another folder with --home"
        ) from error


def _check_space(home: Path) -> None:
    free_bytes = shutil.disk_usage(home).free
    if free_bytes < MIN_FREE_BYTES:
        raise ConfigError(
            f"Expected at least {MIN_FREE_BYTES / BYTES_PER_GB:.0f} GB free for {home}, "
            f"found {free_bytes / BYTES_PER_GB:.2f} GB: make room, or choose another folder with --home"
        )


def _check_external(settings: StackSettings) -> None:
    if settings.kafka is not None:
        check_kafka(settings.kafka)
    if settings.flink is not None:
        check_flink(settings.flink)
    if settings.database_url is not None:
        check_database(settings.database_url)


def _of_jobs(settings: StackSettings) -> tuple[str | int, ...]:
    """Return what a submitted job has taken in of the addresses."""
    return (settings.kafka or settings.kafka_port, settings.database_url or settings.postgres_port)


def _with_ports(settings: StackSettings, last: StackSettings | None) -> StackSettings:
    """Check the ports of the parts that run here, and draw those that may be any: if they are free, last time's."""
    ports: dict[str, Any] = {}
    for port_name, external_name, purpose, option in PORTS:
        port = getattr(settings, port_name)
        if port is None or getattr(settings, external_name) is not None:
            continue
        if port == 0:
            wanted = getattr(last, port_name, 0)
            ports[port_name] = wanted if wanted and is_free(wanted) else free_port()
        else:
            check_port_is_free(port, purpose, option)
    return replace(settings, **ports)


def _start_supervisor(home: Path) -> None:
    with private_files():
        (home / "logs").mkdir(exist_ok=True)
        log = (home / "logs" / "supervisor.log").open("w")
    status_path(home).unlink(missing_ok=True)
    with log:
        subprocess.run(
            [sys.executable, "-m", "stack.supervisor", str(home)],
            # Where this package lies, so that it is found without being installed.
            cwd=Path(__file__).parents[1],
            env=environment(home, {}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            check=False,
        )


def _wait_until_ready(home: Path, progress: Callable[[str], None]) -> StackStatus:
    announced: set[str] = set()
    started_s = reported_s = time.monotonic()
    while True:
        found = status(home)
        for part in found.parts:
            if part.state in ("ready", "external") and part.name not in announced:
                announced.add(part.name)
                progress(f"{part.name} {part.state} at {part.web_url or part.address}")
        if found.is_ready:
            return found
        if found.error or _supervisor(found) is None:
            raise PipelineError(found.error or _unexplained_end(home))
        if time.monotonic() - reported_s > REPORT_S:
            reported_s = time.monotonic()
            waits = ", ".join(part.name for part in found.parts if part.name not in announced)
            progress(f"Waiting for {waits} to answer, for {reported_s - started_s:.0f} s so far")
        time.sleep(POLL_S)


def _unexplained_end(home: Path) -> str:
    log = home / "logs" / "supervisor.log"
    return (
        f"Expected the stack in {home} to start, found its supervisor gone: look at its log, which "
        f"ends:\n{tail(log, 15)}"
    )


def _terminate(supervisor: psutil.Process, home: Path) -> None:
    with suppress(psutil.NoSuchProcess):
        try:
            supervisor.terminate()
        except psutil.AccessDenied as error:
            raise ConfigError(
                f"Expected to stop the stack in {home}, found it owned by another user: stop it as that user"
            ) from error
        psutil.wait_procs([supervisor], timeout=STOP_TIMEOUT_S)


def _kill_leftovers(home: Path) -> int:
    """Kill what a supervisor that was killed itself has left behind."""
    leftovers = marked_processes(home)
    for part in status(home).parts:
        process = find_process(part.pid, part.created_at_s)
        # PostgreSQL overwrites its environment, and with it the mark.
        if process is not None and process not in leftovers:
            leftovers.append(process)
    kill_all(leftovers)
    return len(leftovers)
