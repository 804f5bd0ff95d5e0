"""Reads snapshots again and again, also after PostgreSQL was away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from jobs.results.watch.connection_detail import ConnectionDetail, read_detail
from jobs.results.watch.view_snapshot import AddJob, Choice, Snapshot, read_snapshot
from model.registry.database import LastingConnection
from udfs.errors import ServiceUnavailable

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

STATEMENT_TIMEOUT_S: Final = 10
"""How long one of a reading's statements may take; with ten million windows each takes less than 0.1 s."""

_APPLICATION_NAME: Final = "fingerprint-watch"
_PAUSES_PER_READING: Final = 4


class Source:
    """Reads through one connection, and opens another after an error.

    Parameters
    ----------
    database_url : str
        Of the results.
    add_job : callable
        Adds to the alerts of the tables what Flink says of the job.
    """

    def __init__(self, database_url: str, add_job: AddJob = list) -> None:
        self._database_url = database_url
        self._add_job = add_job
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
            return read_snapshot(database, choice, self._add_job)

    def read_detail(self, connection_id: str) -> ConnectionDetail:
        """Read all that is known of a connection; raises as `read`."""
        with self._database.use() as database:
            return read_detail(database, connection_id)

    def another(self) -> Source:
        """Make one that reads at the same time."""
        return Source(self._database_url, self._add_job)


class Poller(threading.Thread, Generic[Asked, Answer]):
    """Reads what is chosen every so often, and at once when another choice is made.

    Between two readings it waits four times as long as a reading takes, so that no database is busy with it alone.
    What is wrong otherwise than that PostgreSQL is away ends it, and is handed to `fail`.

    It is a thread that nobody waits for: a PostgreSQL that hangs keeps nobody from quitting.
    """

    def __init__(
        self,
        read: Callable[[Asked], Answer],
        choice: Asked,
        *,
        every_s: float,
        show: Callable[[Answer, Asked], object],
        complain: Callable[[str], object],
        fail: Callable[[Exception], object],
    ) -> None:
        super().__init__(daemon=True, name="watch")
        self._read, self._choice, self._every_s = read, choice, every_s
        self._show, self._complain, self._fail = show, complain, fail
        self._woken, self._stopped = threading.Event(), threading.Event()

    def choose(self, choice: Asked) -> None:
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
                answer = self._read(choice)
            except ServiceUnavailable as error:
                self._complain(str(error))
            except Exception as error:
                self._fail(error)
                return
            else:
                self._show(answer, choice)
            self._woken.wait(max(self._every_s, _PAUSES_PER_READING * (time.monotonic() - started_s)))
