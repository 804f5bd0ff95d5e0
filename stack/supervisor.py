"""The process that starts the parts of one stack, starts them again when they die, and stops them.

``python -m stack.supervisor HOME`` reads the settings that `stack.control` left in HOME and puts itself into the
background. It returns as soon as the status can be read.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen, TimeoutExpired

from stack.privacy import PRIVATE_UMASK
from stack.processes import created_at_s, end_group, kill_all, marked_processes, spawn
from stack.services.parts import build_services, initial_status
from stack.services.service import Service
from stack.settings import StackSettings, read_settings
from stack.stack_status import PartStatus, StackStatus, status_path, write_status
from udfs.errors import PipelineError, ServiceUnavailable

POLL_S = 0.1
# A JVM that shares its cores with ten others took 90 s to answer: what is only slow must not be killed.
START_TIMEOUT_S = 300
STOP_TIMEOUT_S = 15
# Waiting times before the second and later attempts. After as many failures in a row the part is called dead, and tried
# on at the last one's pace: what stopped it, a full disk say, may be mended meanwhile.
BACKOFF_S = (0.5, 1, 2, 4, 8)
# What has been ready for so long did not fail at its start.
STABLE_S = 30
N_LOG_LINES = 15


@dataclass
class Child:
    """One part and its current process."""

    service: Service
    status: PartStatus
    prepared: Future[None]
    process: Popen[bytes] | None = None
    n_starts: int = 0
    n_failures: int = 0
    started_at_s: float = 0.0
    next_start_at_s: float = 0.0


class Supervisor:
    """Keeps the parts of a stack running.

    Parameters
    ----------
    status : StackStatus
        Addresses and external parts; the parts that run here are added, and each change is written.
    services : list of Service
        The parts that run here.
    """

    def __init__(self, status: StackStatus, services: list[Service]) -> None:
        self._status = status
        self._stop_asked = threading.Event()
        self._pool = ThreadPoolExecutor(len(services))
        self._children = [self._new_child(service) for service in services]
        self._was_ready = False
        self._written = ""

    def run(self) -> None:
        """Supervise until SIGTERM, or until the first start of a part fails."""
        signal.signal(signal.SIGTERM, lambda _signal, _frame: self._stop_asked.set())
        try:
            while not self._stop_asked.wait(POLL_S):
                for child in self._children:
                    self._step(child, time.monotonic())
                self._was_ready = self._was_ready or self._status.is_ready
                self._write()
        finally:
            self._stop()

    def _new_child(self, service: Service) -> Child:
        status = PartStatus(name=service.name, address=service.address, web_url=service.web_url, log=str(service.log))
        self._status.parts.append(status)
        return Child(service, status, self._pool.submit(service.prepare))

    def _step(self, child: Child, now_s: float) -> None:
        """Do what is due for one part."""
        if child.process is None:
            if child.prepared.done() and now_s >= child.next_start_at_s:
                self._start(child, now_s)
        elif child.process.poll() is not None:
            self._note_death(child, f"ended with status {child.process.returncode}", now_s)
        elif child.status.state == "ready":
            if now_s - child.started_at_s > STABLE_S:
                child.n_failures = 0
        elif child.service.is_ready(child.n_starts - 1):
            child.status.state, child.status.message = "ready", ""
        elif now_s - child.started_at_s > START_TIMEOUT_S:
            self._note_death(child, f"gave no answer at {child.service.address} within {START_TIMEOUT_S} s", now_s)

    def _start(self, child: Child, now_s: float) -> None:
        try:
            child.prepared.result()
        except (PipelineError, OSError) as error:
            if not self._was_ready:
                raise
            self._note_failure(child, f"{child.service.title} could not be prepared: {error}", now_s)
            return
        service = child.service
        child.process = spawn(
            service.command(child.n_starts), self._status.home, service.output, service.environment, service.account
        )
        child.started_at_s = now_s
        child.status.restarts = child.n_starts
        child.n_starts += 1
        child.status.pid, child.status.created_at_s = child.process.pid, created_at_s(child.process.pid)

    def _note_death(self, child: Child, what: str, now_s: float) -> None:
        if child.process is not None:
            end_group(child.process)
        message = (
            f"Expected the part {child.service.title} to run, found that it {what}: look at its log, which ends:\n"
            f"{child.service.log_tail(N_LOG_LINES)}"
        )
        if not self._was_ready:
            raise ServiceUnavailable(message)
        child.process, child.status.pid, child.status.created_at_s = None, None, None
        self._note_failure(child, message, now_s)

    def _note_failure(self, child: Child, message: str, now_s: float) -> None:
        """Plan the next start."""
        print(message, file=sys.stderr, flush=True)
        child.n_failures += 1
        child.next_start_at_s = now_s + BACKOFF_S[min(child.n_failures, len(BACKOFF_S)) - 1]
        child.prepared = self._pool.submit(child.service.prepare)
        if child.n_failures > len(BACKOFF_S):
            child.status.state = "dead"
            child.status.message = f"failed {child.n_failures} times in a row, and is tried again: {message}"
        else:
            child.status.state, child.status.message = "starting", message

    def _write(self) -> None:
        state = repr(self._status)
        if state != self._written:
            write_status(self._status)
            self._written = state

    def _stop(self) -> None:
        """Stop the parts, those that others write to last, and leave no process."""
        self._pool.shutdown(cancel_futures=True)
        for stops_last in (False, True):
            stopping = [
                (child.service, child.process)
                for child in self._children
                if child.process is not None and child.service.stops_last is stops_last
            ]
            for service, process in stopping:
                if process.poll() is None:
                    process.send_signal(service.stop_signal)
            for service, process in stopping:
                _wait_for_end(process)
                if service.class_archive is not None:
                    with suppress(OSError):  # the next start takes longer, that is all
                        service.class_archive.keep()
        me = os.getpid()
        kill_all([process for process in marked_processes(self._status.home) if process.pid != me])


def _wait_for_end(process: Popen[bytes]) -> None:
    with suppress(TimeoutExpired):
        process.wait(STOP_TIMEOUT_S)
    end_group(process)


def supervise(settings: StackSettings, starter: int) -> None:
    """Run a stack to its end; the status says why if that was not asked for.

    `starter` is the end of a pipe, closed when the first status is written.
    """
    status = initial_status(settings)
    status.supervisor_pid, status.supervisor_created_at_s = os.getpid(), created_at_s(os.getpid())
    write_status(status)
    os.close(starter)
    try:
        Supervisor(status, build_services(settings)).run()
    except PipelineError as error:
        status.error = str(error)
    except OSError as error:
        status.error = f"Expected to run a stack in {settings.home}, found {error}: choose another folder with --home"
    if status.error:
        write_status(status)
    else:
        status_path(settings.home).unlink()


def main() -> None:
    """Go on in a background process, and return when that has written its first status or has ended."""
    os.umask(PRIVATE_UMASK)
    settings = read_settings(Path(sys.argv[1]))
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    supervise(settings, writer)


if __name__ == "__main__":
    main()
