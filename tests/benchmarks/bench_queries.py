"""How long the dashboards' and `watch`'s queries take with many rows, and what the indexes cost where rows are written.

`python tests/benchmarks/bench_queries.py --rows 10000000` fills a PostgreSQL (its own, or an empty one that
--database-url names) and times each query of each dashboard over its own time range and over a day, and those of
`watch` and of the views; the table has the median of five runs, and what the plan read. A database that was filled
before is filled on up to now. `--inserts` also replays windows through INSERT ... ON CONFLICT, with and without each
index.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg2
import support_path  # noqa: F401  # so that fingerprint_testing is found
from fill_tables import fill, fill_on
from panel_queries import Query, panel_queries, watch_queries
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from write_cost import Rate, insert_rates

from fingerprint_testing.own_postgres import own_postgres
from fingerprint_testing.paths import GRAFANA
from jobs.results.migrations import migrate
from stack.services.postgres import remove_private_folder

DASHBOARDS = GRAFANA / "dashboards"
LIMIT_MS = 100.0
TIMEOUT = "120s"


@dataclass(frozen=True, kw_only=True)
class Timing:
    """A query's median, and what its plan read.

    Attributes
    ----------
    rows, buffers : int
        Read of tables and indexes; pages of 8 KiB, whether they were in PostgreSQL's memory or not.
    """

    where: str
    name: str
    range: str
    median_ms: float
    returned: int
    rows: int
    buffers: int
    indexes: str


def time_query(database: Connection, query: Query, *, repeats: int) -> Timing:
    """Run a query once to warm up, then some times for the clock, then once for its plan."""
    times_ms = []
    with database.cursor() as cursor:
        cursor.execute(query.sql)
        for _ in range(repeats):
            started_s = time.perf_counter()
            cursor.execute(query.sql)
            returned = len(cursor.fetchall())
            times_ms.append(1000 * (time.perf_counter() - started_s))
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json) {query.sql}")
        (((explained,),),) = cursor.fetchall()
    nodes = list(_nodes(explained["Plan"]))
    scans = [node for node in nodes if "Relation Name" in node or node["Node Type"] == "Bitmap Index Scan"]
    used = sorted({node["Index Name"] for node in nodes if "Index Name" in node})
    used += sorted({f"all of {node['Relation Name']}" for node in nodes if node["Node Type"] == "Seq Scan"})
    return Timing(
        where=query.where,
        name=query.name,
        range=query.range,
        median_ms=round(statistics.median(times_ms), 1),
        returned=returned,
        rows=sum(round(_rows_read(node)) for node in scans),
        buffers=explained["Plan"]["Shared Hit Blocks"] + explained["Plan"]["Shared Read Blocks"],
        indexes=", ".join(used),
    )


def time_all(database: Connection, queries: list[Query], *, repeats: int) -> Iterator[Timing]:
    """Time each query; one that fails or takes minutes is told and left out."""
    for query in queries:
        named = f"{query.where}: {query.name}, {query.range}"
        try:
            timing = time_query(database, query, repeats=repeats)
        except psycopg2.Error as error:
            _say(f"   FAILED {named}: {error}")
            continue
        _say(f"{timing.median_ms:9,.1f} ms {named}")
        yield timing


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _rows_read(node: dict[str, Any]) -> float:
    of_one: float = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return of_one * node["Actual Loops"]


def all_queries(cursor: Cursor) -> Iterator[Query]:
    """Yield the queries of `watch`, and those of each dashboard over its own time range and over a day."""
    yield from watch_queries(cursor)
    now = datetime.now(UTC)
    cursor.execute("SELECT connection_id FROM connection_status ORDER BY last_seen_at DESC, windows LIMIT 1")
    ((connection_id,),) = cursor.fetchall()
    for since in (None, timedelta(days=1)):
        for path in sorted(DASHBOARDS.glob("*.json")):
            dashboard = json.loads(path.read_text())
            yield from panel_queries(dashboard, now=now, since=since, connection_id=connection_id)


def to_markdown(timings: list[Timing], rates: list[Rate]) -> str:
    """Lay the timings out as a table, the slowest first within each range; those over the limit are bold."""
    lines = [
        "| where | query | range | median ms | rows out | rows read | pages | indexes, tables read whole |",
        "|---|---|---|---:|---:|---:|---:|---|",
    ]
    for t in sorted(timings, key=lambda t: (t.where != "watch", t.range, -t.median_ms)):
        shown = f"**{t.median_ms:,.1f}**" if t.median_ms > LIMIT_MS else f"{t.median_ms:,.1f}"
        counts = f"{t.returned:,} | {t.rows:,} | {t.buffers:,}"
        lines.append(f"| {t.where} | {t.name} | {t.range} | {shown} | {counts} | {t.indexes} |")
    if rates:
        lines += ["", "| indexes of window_scores | rows | new rows/s | same rows again/s |", "|---|---:|---:|---:|"]
        lines += [f"| {r.indexes} | {r.rows:,} | {r.new_per_s:,.0f} | {r.again_per_s:,.0f} |" for r in rates]
    return "\n".join(lines) + "\n"


def summary(timings: list[Timing]) -> dict[str, Any]:
    """Say of each range how long the median query takes, and how many are over the limit."""
    found = {}
    for name in dict.fromkeys(timing.range for timing in timings):
        of_range = [timing.median_ms for timing in timings if timing.range == name]
        found[name] = {
            "queries": len(of_range),
            "median_ms": round(statistics.median(of_range), 1),
            "slowest_ms": max(of_range),
            f"over_{LIMIT_MS:.0f}_ms": sum(ms > LIMIT_MS for ms in of_range),
        }
    return found


@contextmanager
def opened(database_url: str | None, home: Path | None) -> Iterator[Connection]:
    """Connect to the named database, or to a PostgreSQL of our own; its folder is kept if it was named."""
    if database_url is not None:
        with closing(psycopg2.connect(database_url)) as connection:
            yield connection
        return
    with TemporaryDirectory(prefix="fingerprint-bench-") as temporary:
        place = home or Path(temporary)
        try:
            with own_postgres(place) as url, closing(psycopg2.connect(url)) as connection:
                yield connection
        finally:
            if home is None:
                remove_private_folder(place)


def prepare(connection: Connection, *, n_rows: int, days: int) -> int:
    """Migrate and fill the database, or fill it on; return how many windows there are."""
    connection.autocommit = True
    migrate(_url(connection))
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('bench.filled')")
        if cursor.fetchone() == (None,):
            fill(connection, n_rows=n_rows, days=days, progress=_say)
        else:
            fill_on(connection, progress=_say)
        cursor.execute("SELECT count(*) FROM window_scores")
        ((n_windows,),) = cursor.fetchall()
    return int(n_windows)


def _url(connection: Connection) -> str:
    parameters = connection.info
    address = f"{parameters.user}:{parameters.password}@{parameters.host}:{parameters.port}"
    return f"postgresql://{address}/{parameters.dbname}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Fill, time, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="windows to fill an empty database with")
    parser.add_argument("--days", type=int, default=30, help="over which they are spread")
    parser.add_argument("--database-url", help="an empty database, or one that was filled before")
    parser.add_argument("--home", type=Path, help="keep the own PostgreSQL here, to use it again")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="queries whose name has this in it")
    parser.add_argument("--inserts", type=int, default=0, metavar="N", help="also write so many windows")
    parser.add_argument("--json", type=Path, help="also write everything here")
    chosen = parser.parse_args()
    with opened(chosen.database_url, chosen.home) as connection:
        n_windows = prepare(connection, n_rows=chosen.rows, days=chosen.days)
        with connection.cursor() as cursor:
            cursor.execute(f"SET statement_timeout = '{TIMEOUT}'; SET TIME ZONE 'UTC'")
            queries = [q for q in all_queries(cursor) if chosen.only.lower() in f"{q.where} {q.name}".lower()]
        timings = list(time_all(connection, queries, repeats=chosen.repeats))
        rates = list(insert_rates(connection, n_rows=chosen.inserts)) if chosen.inserts else []
    print(f"{n_windows:,} windows\n\n{to_markdown(timings, rates)}")
    found = {"windows": n_windows, "ranges": summary(timings), "queries": [asdict(t) for t in timings]}
    print(json.dumps(found["ranges"], indent=1))
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(found | {"inserts": [asdict(rate) for rate in rates]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
