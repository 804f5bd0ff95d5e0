"""One hash of everything that the job has written, whatever the order and the time of writing."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from jobs.database import connect

TIMES_OF_WRITING: Final = {
    "window_scores": "scored_at",
    "connection_verdicts": "updated_at",
    "connection_events": "written_at",
}
"""The tables, and of each the one column that is no function of the topic and the model version."""


def results_digest(database_url: str) -> tuple[str, dict[str, int]]:
    """Hash all rows of the results, and count them by table.

    Returns
    -------
    hex : str
        SHA-256 over each table's sorted hashes of rows, a row being its JSON text without the time of writing.
    counts : dict
        Rows of each table.
    """
    total, counts = sha256(), {}
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SET timezone = 'UTC'")
        for table, time_of_writing in TIMES_OF_WRITING.items():
            cursor.execute(
                f"""
                SELECT count(*), string_agg(row_hash, NULL ORDER BY row_hash)
                FROM (
                    SELECT sha256(convert_to((to_jsonb(result) - '{time_of_writing}')::text, 'UTF8')) AS row_hash
                    FROM {table} AS result
                ) AS hashed"""  # noqa: S608  # only our own names
            )
            count, hashes = cursor.fetchone() or (0, None)
            counts[table] = count
            total.update(table.encode() + bytes(hashes or b""))
    return total.hexdigest(), counts
