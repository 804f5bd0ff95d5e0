"""What the job has found, read from the views by a login that cannot write."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from jobs.results.active_alerts import read_alerts
from jobs.results.migrations import check_schema
from model.registry.database import Connection, LastingConnection
from model.registry.model_registry import fetch_artifact, read_state
from udfs.errors import ConfigError

STATEMENT_TIMEOUT_S: Final = 5
N_EVENTS: Final = 20

_log = logging.getLogger(__name__)

_APPLICATION_NAME: Final = "fingerprint-api"

STATUS_COLUMNS: Final = (
    *("connection_id", "declared_exchange", "detected_exchange", "certainty", "probability", "mismatch", "since_at"),
    *("strength_nats", "certain_after_messages", "previous_exchange", "windows", "messages", "messages_per_second"),
    *("first_seen_at", "last_seen_at", "signature", "model_version", "updated_at", "clock_ahead_s"),
)
EVENT_COLUMNS: Final = (
    *("kind", "previous_exchange", "detected_exchange", "declared_exchange", "since_at", "detected_at", "messages"),
    *("windows", "strength_nats", "probability", "against_exchange", "reason", "signature", "model_version"),
)

_MAY_WRITE: Final = """
    SELECT format('may write %s', c.oid::regclass) FROM pg_class AS c
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
      AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
    UNION ALL SELECT 'may make tables' WHERE has_schema_privilege(current_schema(), 'CREATE')
    LIMIT 1"""

Row = dict[str, Any]


class Results:
    """The views of one database, for several threads; every method raises as `model.registry.database.connect`.

    Parameters
    ----------
    database_url : str
        Of a login that only reads.
    """

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._of_thread = threading.local()
        self._is_checked = False

    def check(self) -> None:
        """Check that the schema is that of this version, and that the login cannot write.

        Raises
        ------
        ConfigError
            If it can.
        """
        check_schema(self._database_url)
        with self._lasting().use() as connection, connection.cursor() as cursor:
            cursor.execute(_MAY_WRITE)
            found = cursor.fetchone()
        if found is not None:
            raise ConfigError(
                f"Expected a login of the database that only reads, found one that {found[0]}: name one in "
                "READER_DATABASE_URL, as `fingerprint login NAME --role reader` makes it"
            )
        self._is_checked = True

    @contextmanager
    def _use(self) -> Iterator[Connection]:
        if not self._is_checked:
            self.check()
        with self._lasting().use() as connection:
            yield connection

    def _lasting(self) -> LastingConnection:
        if not hasattr(self._of_thread, "lasting"):
            self._of_thread.lasting = LastingConnection(
                self._database_url, application_name=_APPLICATION_NAME, statement_timeout_s=STATEMENT_TIMEOUT_S
            )
        lasting: LastingConnection = self._of_thread.lasting
        return lasting

    def connections(
        self, *, exchange: str | None, declared: str | None, certainty: str | None, after: str, limit: int
    ) -> list[Row]:
        """Read so many connections by their ids, from behind one on."""
        query = f"""
            SELECT {", ".join(STATUS_COLUMNS)} FROM connection_status
            WHERE connection_id COLLATE "C" > %(after)s
              AND (%(exchange)s IS NULL OR detected_exchange = %(exchange)s)
              AND (%(declared)s IS NULL OR declared_exchange = %(declared)s)
              AND (%(certainty)s IS NULL OR certainty = %(certainty)s)
            ORDER BY connection_id COLLATE "C" LIMIT %(limit)s"""  # noqa: S608  # only our own names
        asked = {"exchange": exchange, "declared": declared, "certainty": certainty, "after": after, "limit": limit}
        return self._rows(query, asked, STATUS_COLUMNS)

    def connection(self, connection_id: str) -> Row | None:
        """Read one connection, and its latest events."""
        asked = {"connection_id": connection_id, "limit": N_EVENTS}
        query = f"SELECT {', '.join(STATUS_COLUMNS)} FROM connection_status WHERE connection_id = %(connection_id)s"  # noqa: S608
        found = self._rows(query, asked, STATUS_COLUMNS)
        if not found:
            return None
        query = f"""
            SELECT {", ".join(EVENT_COLUMNS)} FROM verdict_events WHERE connection_id = %(connection_id)s
            ORDER BY detected_at DESC LIMIT %(limit)s"""  # noqa: S608  # only our own names
        return {**found[0], "events": self._rows(query, asked, EVENT_COLUMNS)}

    def alerts(self, rules: Sequence[str]) -> list[Row]:
        """Read what is wrong now, by some rules."""
        with self._use() as connection:
            return [vars(alert) for alert in read_alerts(connection, rules)]

    def active_model(self, topic: str) -> str | None:
        """Read which model scores the newest windows of a topic; None if no model was activated."""
        with self._use() as connection:
            schedule = read_state(connection, topic).schedule
        return None if schedule is None else schedule.activations[-1].model_version

    def fetch_model(self, model_version: str, folder: Path) -> float:
        """Write a registered model into a folder, and return its false-unknown rate."""
        with self._use() as connection:
            return fetch_artifact(connection, model_version, folder)

    def _rows(self, query: str, asked: Row, columns: Sequence[str]) -> list[Row]:
        with self._use() as connection, connection.cursor() as cursor:
            cursor.execute(query, asked)
            return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
