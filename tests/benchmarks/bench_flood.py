"""How long `alerts` and `watch` take when somebody has sent a million connection ids.

`python tests/benchmarks/bench_flood.py --ids 1000000` fills a PostgreSQL of its own in three ways: ids that say a
little and fall silent, ids that have a verdict which is not what they declare, and both with a fault each. Of each it
tells how long the view and a reading of `watch` take, how many rows there are, and how many bytes `alerts` prints.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from contextlib import closing, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg2
from psycopg2.extensions import cursor as Cursor

from fingerprint_testing.own_postgres import own_postgres
from jobs.cli.results.alerts import print_alerts
from jobs.results.active_alerts import read_alerts
from jobs.results.migrations import migrate
from jobs.results.watch.view_snapshot import Choice, read_snapshot
from stack.services.postgres import remove_private_folder

SILENT = """
    INSERT INTO connection_activity (connection_id, kafka_partition, last_offset, declared_exchange, messages,
        last_recv_at)
    SELECT 'flood-' || n, n % 4, n, 'kraken', 10, now() - interval '20 minutes' - random() * interval '30 minutes'
    FROM generate_series(1, {n_ids}) AS n"""
VERDICTS = """
    INSERT INTO connection_verdicts (connection_id, declared_exchange, verdict, certainty, probability, strength_nats,
        windows, messages, since_at, since_offset, kafka_partition, last_offset, last_window_end_at, signature,
        model_version)
    SELECT 'flood-' || n, 'kraken', CASE WHEN n % 2 = 0 THEN 'unknown' ELSE 'binance' END, 'certain', 0.99, 12, 3, 100,
        now(), n, n % 4, n, now() - random() * interval '30 minutes', 'xf1-N-t0-h1s-sc', 'test-1'
    FROM generate_series(1, {n_ids}) AS n"""
EVENTS = """
    INSERT INTO connection_events (connection_id, kafka_partition, last_offset, kind, verdict, declared_exchange,
        since_at, since_offset, detected_at, messages, windows, strength_nats, probability, reasons, signature,
        model_version)
    SELECT 'flood-' || n, n % 4, n, CASE WHEN n % 2 = 0 THEN 'unknown_venue' ELSE 'mismatch' END,
        CASE WHEN n % 2 = 0 THEN 'unknown' ELSE 'binance' END, 'kraken', now(), n, now(), 100, 2, 12, 0.99,
        '{{"against": "kraken", "reasons": [{{"text": "heartbeats"}}]}}', 'xf1-N-t0-h1s-sc', 'test-1'
    FROM generate_series(1, {n_ids}) AS n"""
FAULTS = """
    INSERT INTO health_events (connection_id, kafka_partition, kafka_offset, kind, declared_exchange, messages,
        since_at, since_offset, detected_at, silence_s, limit_s, rate_before, rate_now, score)
    SELECT 'flood-' || n, n % 4, n, (ARRAY['gap', 'stall', 'drift'])[1 + n % 3], 'kraken', 100, now(), n,
        now() - random() * interval '10 minutes', 10, 5, 1, 2, 4
    FROM generate_series(1, {n_ids}) AS n"""
STEPS = {"silent ids": (SILENT,), "with verdicts": (VERDICTS, EVENTS), "with faults": (FAULTS,)}
MODEL = """
    INSERT INTO model_versions (model_version, manifest, sha256)
    VALUES ('test-1', '{"classes": ["binance", "kraken", "unknown"]}', repeat('0', 64))"""


def timed(what: Callable[[], object]) -> float:
    """Run something and return the seconds that it took."""
    started_s = time.perf_counter()
    what()
    return time.perf_counter() - started_s


def measure(name: str, database: psycopg2.extensions.connection) -> None:
    """Print what a reading takes."""
    view_s = timed(lambda: read_alerts(database))
    found = read_alerts(database)
    printed = StringIO()
    with redirect_stdout(printed):
        draw_s = timed(lambda: print_alerts(found))
    n_bytes = len(printed.getvalue().encode())
    watch_s = timed(lambda: read_snapshot(database, Choice()))
    print(
        f"{name}: alerts {len(found):,} rows in {view_s:.2f} s, drawn in {draw_s:.2f} s as {n_bytes:,} bytes; "
        f"watch {watch_s:.2f} s",
        flush=True,
    )


def fill(cursor: Cursor, statements: tuple[str, ...], n_ids: int) -> None:
    """Fill tables, and leave them as autovacuum does."""
    for statement in statements:
        cursor.execute(statement.format(n_ids=n_ids))
    cursor.execute("VACUUM (ANALYZE)")


def main() -> None:
    """Fill, and measure after each step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ids", type=int, default=1_000_000)
    n_ids = parser.parse_args().ids
    with TemporaryDirectory() as home:
        try:
            with own_postgres(Path(home)) as url:
                migrate(url)
                with closing(psycopg2.connect(url)) as database, database.cursor() as cursor:
                    database.autocommit = True
                    cursor.execute(MODEL)
                    for name, statements in STEPS.items():
                        fill(cursor, statements, n_ids)
                        measure(f"{n_ids:,} {name}", database)
        finally:
            remove_private_folder(Path(home) / "postgres")


if __name__ == "__main__":
    main()
