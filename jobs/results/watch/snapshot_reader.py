"""Reads snapshots again and again, also after PostgreSQL was away."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import psycopg2
from psycopg2.extensions import connection as Connection

from jobs.results.watch.view_snapshot import Choice, Snapshot, read_snapshot
from model.registry.database import connect
from udfs.errors import ConfigError

STATEMENT_TIMEOUT_S: Final = 10
"""How long one of a reading's statements may take; with ten million windows each takes less than 0.1 s."""

_PAUSES_PER_READING: Final = 4


class Source:
    """Reads snapshots through one connection, and opens another after an error."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._open: tuple[ExitStack, Connection] | None = None

    def read(self, choice: Choice) -> Snapshot:
        """Read what is there now.

        Raises
        ------
        ConfigError
            If PostgreSQL does not answer, or refuses; the next call tries again.
        """
        with self._database() as database:
            return read_snapshot(database, choice)

    @contextmanager
    def _database(self) -> Iterator[Connection]:
        if self._open is None:
            stack = ExitStack()
            self._open = (
                stack,
                stack.enter_context(connect(self._database_url, statement_timeout_s=STATEMENT_TIMEOUT_S)),
            )
        stack, database = self._open
        try:
            yield database
        except psycopg2.Error:
            self._open = None
            stack.__exit__(*sys.exc_info())  # says what it was as a ConfigError
            raise


class Poller(threading.Thread):
    """Reads what is chosen every so often, and at once when another choice is made.

    Between two readings it waits four times as long as a reading takes, so that no database is busy with it alone.
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
    ) -> None:
        super().__init__(daemon=True, name="watch")
        self._source, self._choice, self._every_s = source, choice, every_s
        self._show, self._complain = show, complain
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
            except ConfigError as error:
                self._complain(str(error))
            else:
                self._show(snapshot, choice)
            self._woken.wait(max(self._every_s, _PAUSES_PER_READING * (time.monotonic() - started_s)))
