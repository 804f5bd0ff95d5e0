"""A part of the stack as the supervisor sees it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stack.java.class_archive import ClassArchive
from stack.processes import Account


@dataclass(frozen=True, kw_only=True)
class Service:
    """How to prepare, start, check and stop one part.

    Parameters
    ----------
    name, title : str
        For programs and for people.
    address : str
        Where it listens.
    prepare : callable
        Called before each start, in a thread of its own beside those of the other parts.
    command : callable
        Takes the number of the start (0, 1, ...), returns the command line.
    is_ready : callable
        Takes the same number; tells within a few seconds whether that start can be used.
    log, output : Path
        Its log, and where its standard output goes (the same file if it logs there).
    account : Account or None
        Runs as this account.
    stop_signal : signal.Signals
        Asks it to stop.
    stops_last : bool
        Others write to it: they are stopped before it.
    class_archive : ClassArchive or None
        What a JVM leaves to the next of its kind.
    """

    name: str
    title: str
    address: str
    command: Callable[[int], list[str]]
    is_ready: Callable[[int], bool]
    log: Path
    output: Path
    web_url: str | None = None
    prepare: Callable[[], None] = lambda: None
    environment: Mapping[str, str] = field(default_factory=dict)
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stops_last: bool = False
    class_archive: ClassArchive | None = None

    def log_tail(self, n_lines: int) -> str:
        """Return the end of what it logged and printed."""
        return "\n".join(
            tail(path, n_lines) for path in dict.fromkeys((self.log, self.output)) if path.is_file()
        ).strip()


def tail(path: Path, n_lines: int) -> str:
    """Return the last lines of a file."""
    n_bytes = n_lines * 400
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - n_bytes))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-n_lines:])
