"""Where a peer reads and writes, as the benchmark tells it."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import psycopg2
from psycopg2.errors import UniqueViolation
from scoring import COLUMNS

_PLACE: Final = json.loads(Path(os.environ["PEER_PLACE"]).read_bytes())
"""A private file, because an address of the database has a password in it."""

KAFKA: Final[str] = _PLACE["kafka"]
TOPIC: Final[str] = _PLACE["topic"]
GROUP: Final[str] = _PLACE["group"]
"""For a consumer group: the same after a kill, another one in the next trial, which begins with the topic."""

PARTITIONS: Final[int] = _PLACE["partitions"]
DATABASE_URL: Final[str] = _PLACE["database_url"]
JDBC_URL: Final[str] = _PLACE["jdbc_url"]
"""Without the password, which the driver finds in a file."""

STATE_FOLDER: Final = Path(_PLACE["state_folder"])
"""What is in it is there again after a kill."""

JARS: Final[list[str]] = _PLACE["jars"]
"""Of Flink's connectors."""

N_PROCESSES: Final[int] = _PLACE["n_processes"]
PORTS: Final[list[int]] = _PLACE["ports"]
"""Free ones, one for each process."""

PROCESS: Final = int(os.environ.get("PEER_PROCESS", "0"))

WAIT_S: Final = 0.01
"""So long messages are waited for, as the job does: `JobSettings.bundle_ms`."""

_COPY: Final = f"COPY {{table}} ({', '.join(COLUMNS)}) FROM STDIN"
_KEEP: Final = f"SELECT {', '.join(COLUMNS)} FROM"


class Table:
    """Writes rows by COPY; those that are there already, as after a kill, are passed over."""

    def __init__(self) -> None:
        self._connection = psycopg2.connect(DATABASE_URL)

    def write(self, rows: Iterable[Sequence[object]]) -> None:
        """Write a batch in one transaction."""
        # What the generator names has no tab and no backslash in it.
        text = "".join("\t".join("\\N" if v is None else str(v) for v in row) + "\n" for row in rows)
        try:
            with self._connection, self._connection.cursor() as cursor:
                cursor.copy_expert(_COPY.format(table="window_scores"), io.StringIO(text))
        except UniqueViolation:
            with self._connection, self._connection.cursor() as cursor:
                cursor.execute(f"CREATE TEMP TABLE again ON COMMIT DROP AS {_KEEP} window_scores WITH NO DATA")
                cursor.copy_expert(_COPY.format(table="again"), io.StringIO(text))
                cursor.execute(f"INSERT INTO window_scores ({', '.join(COLUMNS)}) {_KEEP} again ON CONFLICT DO NOTHING")
