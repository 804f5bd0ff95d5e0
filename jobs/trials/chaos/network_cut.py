"""A network between JobManager and TaskManager that can be cut, without any rights: their calls go through relays."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from jobs.trials.chaos.faults import Fault, kill_part
from jobs.trials.chaos.job_watch import wait_until
from stack.control import status
from stack.ports import LOCALHOST, free_port

CUT_S: Final = 20.0
_CHUNK_BYTES: Final = 1 << 16
_PORTS: Final = {
    "high-availability.jobmanager.port": "jobmanager.rpc.bind-port",
    "taskmanager.rpc.port": "taskmanager.rpc.bind-port",
}
"""Where each is called, and where it listens: the same, unless something lies in between."""


class Relay:
    """Passes on what comes to one port to another one, unless it is cut: then it holds everything back.

    A context manager that closes every connection.
    """

    def __init__(self) -> None:
        self.port, self.target_port = free_port(), free_port()
        self.passes = threading.Event()
        self.passes.set()
        self._closing = threading.Event()
        self._server = socket.create_server((LOCALHOST, self.port))

    def __enter__(self) -> Relay:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self.passes.set()
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                caller, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(caller,), daemon=True).start()

    def _connect(self, caller: socket.socket) -> None:
        """Pass on both ways, each in a thread of its own: neither waits for the other to be read."""
        with suppress(OSError), caller, socket.create_connection((LOCALHOST, self.target_port)) as called:
            back = threading.Thread(target=self._pass_on, args=(called, caller), daemon=True)
            back.start()
            self._pass_on(caller, called)
            back.join()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while not self._closing.is_set() and (data := source.recv(_CHUNK_BYTES)):
                self.passes.wait()
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def cuttable_network(home: Path) -> Iterator[Fault]:
    """Put relays between the JobManager and the TaskManager of a stack, which are started again for it, and afterwards.

    Yields
    ------
    Fault
        Neither hears from the other for a while.
    """
    config = home / "flink" / "conf" / "config.yaml"
    before = config.read_text(encoding="utf-8")
    with ExitStack() as exits:
        relays = {name: exits.enter_context(Relay()) for name in _PORTS}
        lines = [f"{name}: {r.port}\n{_PORTS[name]}: {r.target_port}\n" for name, r in relays.items()]
        try:
            config.write_text(before + "".join(lines), encoding="utf-8")
            _start_again(home)
            yield Fault(
                name=f"jobmanager and taskmanager cut off from each other for {CUT_S:g} s",
                inflict=lambda _home: _cut(list(relays.values())),
                noticed_within_s=4.0,
            )
        finally:
            config.write_text(before, encoding="utf-8")
            _start_again(home)


def _cut(relays: list[Relay]) -> None:
    try:
        for relay in relays:
            relay.passes.clear()
        time.sleep(CUT_S)
    finally:
        for relay in relays:
            relay.passes.set()


def _start_again(home: Path) -> None:
    for name in ("jobmanager", "taskmanager"):
        n_restarts = status(home).part(name).restarts
        kill_part(home, name)
        wait_until(partial(_has_restarted, home, name, n_restarts), what=f"the {name}'s restart")
    wait_until(lambda: status(home).is_ready, what="the stack to be ready")


def _has_restarted(home: Path, name: str, n_restarts: int) -> bool:
    return status(home).part(name).restarts > n_restarts
