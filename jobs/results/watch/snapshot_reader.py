"""Reads snapshots again and again, also after PostgreSQL was away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from jobs.results.watch.view_snapshot import Choice, Snapshot, read_snapshot
from model.registry.database import LastingConnection
from udfs.errors import ServiceUnavailable

STATEMENT_TIMEOUT_S: Final = 10
"""How long one of a reading's statements may take; with ten million windows each takes less than 0.1 s."""

_APPLICATION_NAME: Final = "fingerprint-watch"
_PAUSES_PER_READING: Final = 4


class Source:
    """Reads snapshots through one connection, and opens another after an error."""

    def __init__(self, database_url: str) -> None:
        self._database = LastingConnection(
            database_url, application_name=_APPLICATION_NAME, statement_timeout_s=STATEMENT_TIMEOUT_S
        )

    def read(self, choice: Choice) -> Snapshot:
        """Read what is there now.

        Raises
        ------
        ServiceUnavailable
            If PostgreSQL does not answer; the next call tries again.
        """
        with self._database.use() as database:
            return read_snapshot(database, choice)


class Poller(threading.Thread):
    """Reads what is chosen every so often, and at once when another choice is made.

    Between two readings it waits four times as long as a reading takes, so that no database is busy with it alone.
    What is wrong otherwise than that PostgreSQL is away ends it, and is handed to `fail`.

    It is a thread that nobody waits for: a PostgreSQL that hangs keeps nobody from quitting.
    """

    def __init__(
        self,
        source: Source,
        choice: Choice,
        *,
        every_s: float,
        show: Callable[[Snapshot, Choice], object],
        complain: Callable[[str], object],
        fail: Callable[[Exception], object],
    ) -> None:
        super().__init__(daemon=True, name="watch")
        self._source, self._choice, self._every_s = source, choice, every_s
        self._show, self._complain, self._fail = show, complain, fail
        self._woken, self._stopped = threading.Event(), threading.Event()

    def choose(self, choice: Choice) -> None:
        """Read another choice from now on."""
        self._choice = choice
        self._woken.set()

    def stop(self) -> None:
        """Read no more."""
        self._stopped.set()
        self._woken.set()

    def run(self) -> None:
        """Read until stopped."""
        while not self._stopped.is_set():
            choice = self._choice
            self._woken.clear()
            started_s = time.monotonic()
            try:
                snapshot = self._source.read(choice)
            except ServiceUnavailable as error:
                self._complain(str(error))
            except Exception as error:
                self._fail(error)
                return
            else:
                self._show(snapshot, choice)
            self._woken.wait(max(self._every_s, _PAUSES_PER_READING * (time.monotonic() - started_s)))
