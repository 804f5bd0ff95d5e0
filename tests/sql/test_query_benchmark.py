"""The benchmark of queries, with few rows: that it fills the tables as it says and times every query."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from fingerprint_testing.paths import BENCHMARKS, GRAFANA

BENCHMARK = BENCHMARKS / "bench_queries.py"
ROWS = 20_000


@pytest.mark.slow
def test_it_fills_and_times_and_fills_on(database_url: str, tmp_path: Path) -> None:
    out = tmp_path / "timings.json"
    command = [sys.executable, str(BENCHMARK), "--database-url", database_url, "--rows", str(ROWS), "--json", str(out)]
    for options in (["--repeats", "1", "--inserts", "1000"], ["--repeats", "1", "--only", "numbers"]):
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found = json.loads(out.read_text())
        assert found["windows"] == pytest.approx(
            ROWS, rel=0.25
        )  # a connection has a window less than its time has room for
        if "--inserts" in options:
            asked = {(query["where"], query["name"]) for query in found["queries"]}
            titles = {json.loads(path.read_text())["title"] for path in (GRAFANA / "dashboards").glob("*.json")}
            assert titles & {"Overview", "Connection"} <= {where for where, _ in asked}
            assert all(query["median_ms"] > 0 for query in found["queries"])
            assert found["inserts"][0]["indexes"] == "key only"
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT (connection_id, last_offset)) - count(*) FROM window_scores")
        assert cursor.fetchall() == [(0,)]
        # Each verdict's last window is the last one that is there.
        cursor.execute(
            """SELECT count(*) FROM connection_verdicts AS verdict JOIN (
                   SELECT connection_id, count(*) AS windows, max(last_offset) AS last_offset
                   FROM window_scores GROUP BY connection_id) AS found USING (connection_id)
               WHERE (found.windows, found.last_offset) IS DISTINCT FROM (verdict.windows, verdict.last_offset)"""
        )
        assert cursor.fetchall() == [(0,)]
