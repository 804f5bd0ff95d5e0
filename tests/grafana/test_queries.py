"""Every query of every dashboard on a real PostgreSQL, with Grafana's macros and variables expanded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from jobs.migrate import migrate

DASHBOARDS = sorted((Path(__file__).resolve().parents[2] / "grafana" / "dashboards").glob("*.json"))
LOADED = {path.stem: json.loads(path.read_text()) for path in DASHBOARDS}
PANELS = [pytest.param(panel, id=f"{name}: {panel['title']}") for name, d in LOADED.items() for panel in d["panels"]]
VARIABLES = [
    pytest.param(variable, id=f"{name}: {variable['name']}")
    for name, d in LOADED.items()
    for variable in d["templating"]["list"]
]

NOW = datetime.now(UTC)
EVERY_VALUE = {"exchange": ["binance", "coinbase", "kraken", "unknown"], "declared": ["binance", "kraken", "none"]}
INTERVAL_S = 5


def expand(sql: str, values: dict[str, list[str]]) -> str:
    """Write macros and variables out as Grafana's PostgreSQL data source does, for the last 15 minutes."""
    start, end = (f"'{at.isoformat()}'" for at in (NOW - timedelta(minutes=15), NOW + timedelta(seconds=1)))
    for name, chosen in values.items():
        sql = re.sub(rf"\${name}\b", ",".join(f"'{value}'" for value in chosen), sql)
    sql = sql.replace("$__interval_ms", str(1000 * INTERVAL_S)).replace("$__interval", f"{INTERVAL_S}s")
    sql = sql.replace("$__timeFrom()", start).replace("$__timeTo()", end)
    sql = re.sub(r"\$__timeFilter\(([^()]*)\)", rf"\1 BETWEEN {start} AND {end}", sql)
    group = rf"floor(extract(epoch from \1)/{INTERVAL_S})*{INTERVAL_S} AS \"time\"".replace('\\"', '"')
    sql = re.sub(r"\$__timeGroupAlias\(([^(),]*), *\d+s(?:, *\w+)?\)", group, sql)
    assert "$" not in sql, f"not expanded: {sql}"
    return sql


@pytest.fixture(scope="module")
def database(database_url: str) -> Iterator[Connection]:
    """Hold ten minutes of six connections: each exchange, an unknown one, a mismatch and one that declares nothing."""
    migrate(database_url)
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(
            """
            INSERT INTO window_scores (
                connection_id, kafka_partition, last_offset, first_offset, window_start_at, window_end_at,
                declared_exchange, predicted_exchange, confidence, probabilities, unknown_score, model_version,
                scored_at
            )
            SELECT name, 0, 25 * n + 49, 25 * n, end_at - interval '4 s', end_at, declared, detected, 0.9,
                   jsonb_build_object(detected, 0.9), 0.1, 'test-1', end_at + interval '40 ms'
            FROM (VALUES ('a', 'binance', 'binance'), ('b', 'coinbase', 'coinbase'), ('c', 'kraken', 'kraken'),
                         ('d', 'kraken', 'unknown'), ('e', 'binance', 'kraken'), ('f', NULL, 'binance'))
                     AS connections (name, declared, detected)
            CROSS JOIN generate_series(0, 299) AS n
            CROSS JOIN LATERAL (SELECT %s - interval '2 s' * n AS end_at) AS ends
            """,
            (NOW,),
        )
        cursor.execute(
            """
            INSERT INTO connection_verdicts
            SELECT connection_id, min(declared_exchange), min(predicted_exchange), 'certain', 0.99, 15, count(*),
                   25 * count(*) + 25, 75, min(window_start_at), 0, NULL, 0, max(last_offset), max(window_end_at),
                   'xf1-N-t0-h1s-sc', 'test-1'
            FROM window_scores
            GROUP BY connection_id
            """
        )
        yield connection


def run(database: Connection, sql: str) -> list[dict[str, Any]]:
    with database.cursor() as cursor:
        cursor.execute(sql)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_shows_something(database: Connection, panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        rows = run(database, expand(target["rawSql"], EVERY_VALUE))
        assert rows
        assert any(value is not None for value in rows[0].values())
        if target["format"] == "time_series":
            assert next(iter(rows[0])) == "time"
            times = [
                float(row["time"].timestamp() if isinstance(row["time"], datetime) else row["time"]) for row in rows
            ]
            assert times == sorted(times)


@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_obeys_the_variables(database: Connection, panel: dict[str, Any]) -> None:
    one = {"exchange": ["kraken"], "declared": ["none"]}  # no connection is both
    for target in panel["targets"]:
        rows = run(database, expand(target["rawSql"], one))
        numbers = [value for row in rows for value in row.values() if value is not None]
        assert all(number == 0 for number in numbers)


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_variable_offers_its_values(database: Connection, variable: dict[str, Any]) -> None:
    rows = run(database, expand(variable["query"], {}))
    values = {value for row in rows for value in row.values()}
    if variable["name"] == "exchange":
        assert values == {"binance", "coinbase", "kraken", "unknown"}
    else:
        assert values == {"binance", "coinbase", "kraken", "none"}


def test_the_numbers_are_those_of_the_rows(database: Connection) -> None:
    panels = {panel["title"]: panel["targets"][0]["rawSql"] for panel in LOADED["overview"]["panels"]}
    every_value = EVERY_VALUE | {"declared": ["binance", "coinbase", "kraken", "none"]}
    shown = {title: run(database, expand(sql, every_value)) for title, sql in panels.items()}
    assert shown["Connections"] == [{"All": 6, "Mismatch": 1, "Unknown": 1}]
    assert {row["metric"]: row["value"] for row in shown["Connections by detected exchange"]} == {
        "binance": 2,
        "coinbase": 1,
        "kraken": 2,
        "unknown": 1,
    }
    assert [row["Connection"] for row in shown["Connection list"]][0] == "e"
    # Six connections with a window every two seconds are 3 a second; the first and the last interval are not full.
    per_interval: dict[float, float] = {}
    for row in shown["Windows per second"]:
        per_interval[float(row["time"])] = per_interval.get(float(row["time"]), 0) + float(row["value"])
    inner = [per_interval[time] for time in sorted(per_interval)][1:-1]
    assert sum(inner) / len(inner) == pytest.approx(3, rel=0.02)
    for row in shown["Scoring latency"]:
        assert [row["p50"], row["p95"], row["p99"]] == pytest.approx([40, 40, 40])
