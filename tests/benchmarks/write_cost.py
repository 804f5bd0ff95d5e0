"""What the indexes of window_scores cost where the job writes: rows per second with and without each of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json, execute_values

from jobs.pipeline.result_tables import RESULT_TABLES, WINDOW_SCORES

BATCH = 500
KEY = ", ".join(RESULT_TABLES[WINDOW_SCORES].primary_key)
COPIED = "bench.window_scores_copy"


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How fast rows were written with some indexes: new ones, and the same ones once more as a replay does."""

    indexes: str
    rows: int
    new_per_s: float
    again_per_s: float


def insert_rates(database: Connection, *, n_rows: int) -> Iterator[Rate]:
    """Write windows as the job does, in batches of INSERT ... ON CONFLICT, into copies of this month's partition.

    The first copy has the primary key only, each further one also one more of the indexes, the last one all.
    """
    with database.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM window_scores ORDER BY window_end_at DESC LIMIT 1")
        ((partition,),) = cursor.fetchall()
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexname !~ 'pkey$' ORDER BY 1",
            (partition,),
        )
        indexes: list[tuple[str, str]] = cursor.fetchall()
        cursor.execute(f"SELECT * FROM {partition} ORDER BY window_end_at DESC LIMIT %s", (n_rows,))
        names = [column.name for column in cursor.description or ()]
        rows = [tuple(_adapted(value) for value in row) for row in cursor.fetchall()][::-1]
        sets = [[], *([index] for index in indexes), *([indexes] if len(indexes) > 1 else [])]
        for chosen in sets:
            cursor.execute(f"CREATE TABLE {COPIED} (LIKE {partition} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
            cursor.execute(f"ALTER TABLE {COPIED} ADD PRIMARY KEY ({KEY})")
            for number, (_, definition) in enumerate(chosen):
                method = definition.partition(" USING ")[2]
                cursor.execute(f"CREATE INDEX copy_{number}_idx ON {COPIED} USING {method}")
            new_per_s, again_per_s = (_write(cursor, names, rows) for _ in range(2))
            cursor.execute(f"DROP TABLE {COPIED}")
            shown = ", ".join(name.removeprefix(f"{partition}_") for name, _ in chosen)
            yield Rate(
                indexes=f"key, {shown}" if shown else "key only",
                rows=len(rows),
                new_per_s=round(new_per_s),
                again_per_s=round(again_per_s),
            )


def _adapted(value: Any) -> Any:
    return Json(value) if isinstance(value, dict) else value


def _write(cursor: Any, names: list[str], rows: list[tuple[Any, ...]]) -> float:
    """Write the rows in the job's statement, a transaction for each batch; return rows per second."""
    columns, values = ", ".join(names), ", ".join(f"{name} = excluded.{name}" for name in names)
    statement = f"INSERT INTO {COPIED} ({columns}) VALUES %s ON CONFLICT ({KEY}) DO UPDATE SET {values}"
    started_s = time.perf_counter()
    execute_values(cursor, statement, rows, page_size=BATCH)
    return len(rows) / (time.perf_counter() - started_s)
