"""Every SQL query of every dashboard on a real PostgreSQL, with Grafana's macros and variables expanded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from fingerprint_testing import dashboard_mistakes, panel_shapes
from fingerprint_testing.macro_expansion import Span, expand
from fingerprint_testing.paths import GRAFANA
from grafana.source.blocks.variables import SHOWN
from jobs.results.migrations import migrate

Json = dict[str, Any]
Run = Callable[..., Any]

LOADED: dict[str, Json] = {
    path.stem: json.loads(path.read_text()) for path in sorted((GRAFANA / "dashboards").glob("*.json"))
}
TARGETS = [
    pytest.param(name, panel, target, id=f"{name}: {panel['title']} {target['refId']}")
    for name, dashboard in LOADED.items()
    for panel in dashboard["panels"]
    for target in panel.get("targets", ())
    if "rawSql" in target
]
VARIABLES = [
    pytest.param(name, variable, id=f"{name}: {variable['name']}")
    for name, dashboard in LOADED.items()
    for variable in dashboard["templating"]["list"]
    if variable["type"] == "query" and variable["datasource"]["uid"] == "fingerprint"
]
CHOICES = [
    pytest.param(name, panel, target, variable, id=f"{name}: {panel['title']} {variable}")
    for name, panel, target in (param.values for param in TARGETS)
    for variable in ("exchange", "declared", "model", "connection")
    if f"${variable}" in target["rawSql"] or f"${{{variable}:" in target["rawSql"]
]
CHANGING = {"Lag", "Longest"}  # columns that go with the clock

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module", autouse=True)
def clock() -> None:
    """Let now be when these tests begin, however long other tests took since this file was read."""
    globals()["NOW"] = datetime.now(UTC).replace(microsecond=0)


def span() -> Span:
    return Span(start=NOW - timedelta(minutes=15), end=NOW + timedelta(seconds=1), interval_s=5)


@pytest.fixture(scope="module")
def empty(database_url: str) -> Connection:
    """Return a migrated database without rows."""
    migrate(database_url)
    with closing(psycopg2.connect(database_url)) as connection:
        connection.autocommit = True
        yield connection


@pytest.fixture(scope="module")
def filled(empty: Connection) -> Iterator[Connection]:
    """Hold what fill.sql says; the tests of the empty database come before."""
    with empty.cursor() as cursor:
        cursor.execute(Path(__file__).with_name("fill.sql").read_text(), {"now_at": NOW})
    return empty


@pytest.fixture(scope="module")
def run() -> Run:
    """Return a function that runs a query as Grafana does."""

    def run_query(database: Connection, dashboard: str, sql: str, **chosen: str | list[str]) -> Any:
        variables = LOADED[dashboard]["templating"]["list"]
        known = {variable["name"] for variable in variables}
        given = {"connection": "e"} | chosen
        statement = expand(sql, variables, {key: value for key, value in given.items() if key in known}, span())
        with database.cursor() as cursor:
            cursor.execute(statement)
            columns = [(column.name, column.type_code) for column in cursor.description or ()]
            return panel_shapes.Result(columns, cursor.fetchall())

    return run_query


@contextmanager
def standing_clock(database: Connection) -> Iterator[None]:
    """Let now() be the same in several statements: it is when their transaction began."""
    with database.cursor() as cursor:
        cursor.execute("BEGIN")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


@pytest.mark.parametrize(("name", "panel", "target"), TARGETS)
def test_every_query_runs_where_there_is_nothing(
    empty: Connection, run: Run, name: str, panel: Json, target: Json
) -> None:
    assert len(run(empty, name, target["rawSql"]).rows) <= 1


@pytest.mark.parametrize(("name", "variable"), VARIABLES)
def test_every_variable_is_asked_where_there_is_nothing(empty: Connection, run: Run, name: str, variable: Json) -> None:
    assert len(run(empty, name, variable["query"]).rows) <= 1


@pytest.mark.parametrize(("name", "panel", "target"), TARGETS)
def test_every_panel_gets_what_its_type_needs(
    filled: Connection,
    run: Run,
    name: str,
    panel: Json,
    target: Json,
) -> None:
    connection = "d" if "connection_health" in target["rawSql"] else "e"
    result = run(filled, name, target["rawSql"], connection=connection)
    assert list(panel_shapes.complaints(panel, target, result)) == []
    if panel["type"] in dashboard_mistakes.OF_SERIES:
        assert list(dashboard_mistakes.without_colour(panel, panel_shapes.series(result))) == []
    assert result.rows
    for row in result.rows[:1]:
        assert any(value is not None for value in row)


@pytest.mark.parametrize(("name", "panel", "target", "variable"), CHOICES)
def test_every_panel_obeys_its_variables(
    filled: Connection, run: Run, name: str, panel: Json, target: Json, variable: str
) -> None:
    nowhere = "o'clock" if variable == "connection" else ["o'clock"]
    for row in run(filled, name, target["rawSql"], **{variable: nowhere}).dicts():
        assert all(value in (0, None) for key, value in row.items() if key not in CHANGING)


@pytest.mark.parametrize(("name", "panel", "target", "variable"), [c for c in CHOICES if c.values[3] != "connection"])
def test_all_values_together_leave_nothing_out(
    filled: Connection, run: Run, name: str, panel: Json, target: Json, variable: str
) -> None:
    each = {
        "exchange": ["binance", "coinbase", "kraken", "unknown"],
        "declared": ["binance", "coinbase", "kraken", "none"],
        "model": ["test-1"],
    }[variable]
    with standing_clock(filled):
        one, other = (run(filled, name, target["rawSql"], **chosen).dicts() for chosen in ({}, {variable: each}))
    assert one == other


@pytest.mark.parametrize(("name", "variable"), VARIABLES)
def test_every_variable_offers_its_values(filled: Connection, run: Run, name: str, variable: Json) -> None:
    expected = {
        "exchange": ["binance", "coinbase", "kraken", "unknown"],
        "declared": ["binance", "coinbase", "kraken", "none"],
        "model": ["test-1"],
        "connection": ["e", "a", "b", "c", "d", "f"],
    }[variable["name"]]
    rows = run(filled, name, variable["query"]).rows
    assert sorted(row[0] for row in rows) == sorted(expected)
    if variable["name"] == "connection":
        assert rows[0][0] == "e"  # the lie
        assert run(filled, name, variable["query"], search="b").rows == [("b",)]


HOSTILE = [
    "feed-$__timeFilter(x)-1",
    "a$__timeFrom()b $__interval ${__from} $foo(bar)",
    "x${connection}y[[search]]$search",
    'kraken 100%/BTC,USD\'s "A"+B&c=#1?',
    "back\\slash\\u0041\\1%41 %u0041%",
    "Börse-日本-😀 بورصة/עברית",
    "{{ .Labels.subject }} a:b|c{d}[e] --; /* ' OR true",
]
"""Each is harmless to the job, and means something to Grafana, to PostgreSQL, or to what is between them."""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_connection_is_shown_whatever_its_id_means_to_grafana(filled: Connection, run: Run, name: str) -> None:
    queries = [target["rawSql"] for panel in LOADED["connection"]["panels"] for target in panel.get("targets", ())]
    (variable,) = [one for one in LOADED["connection"]["templating"]["list"] if one["name"] == "connection"]
    with standing_clock(filled):
        honest = [run(filled, "connection", sql, connection="e").dicts() for sql in queries]
        with filled.cursor() as cursor:
            for table in ("window_scores", "connection_verdicts", "connection_events", "health_events"):
                cursor.execute(f"UPDATE {table} SET connection_id = %s WHERE connection_id = 'e'", (name,))
        assert [run(filled, "connection", sql, connection=name).dicts() for sql in queries] == honest
        assert all(row["What"] for row in honest[queries.index(_alerts_of_one(queries))])
        assert run(filled, "connection", variable["query"], search=name[1:-1]).rows == [(name,)]


def test_the_rows_of_a_connection_are_found_by_an_index(filled: Connection) -> None:
    shown = SHOWN.replace("${connection:percentencode}", "a%24")
    with standing_clock(filled), filled.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN SELECT count(*) FROM connection_verdicts WHERE connection_id = {shown}")
        assert any("Index Cond: (connection_id = " in line for (line,) in cursor.fetchall())


def _alerts_of_one(queries: list[str]) -> str:
    (found,) = [sql for sql in queries if "FROM alerts" in sql]
    return found


def test_a_declared_exchange_that_is_a_macro_is_in_all_and_not_to_be_chosen(filled: Connection, run: Run) -> None:
    (variable,) = [one for one in LOADED["overview"]["templating"]["list"] if one["name"] == "declared"]
    with standing_clock(filled), filled.cursor() as cursor:
        cursor.execute(
            "UPDATE connection_verdicts SET declared_exchange = '$__timeFilter(x)' WHERE connection_id = 'e'"
        )
        assert ("$__timeFilter(x)",) not in run(filled, "overview", variable["query"]).rows
        (panel,) = [panel for panel in LOADED["overview"]["panels"] if panel["title"] == "Connection list"]
        rows = run(filled, "overview", panel["targets"][0]["rawSql"]).dicts()
        assert "$__timeFilter(x)" in {row["Declared"] for row in rows}


@pytest.fixture(scope="module")
def shown(filled: Connection, run: Run) -> Callable[..., list[Json]]:
    """Return a function that returns the rows of a panel's query."""

    def rows(dashboard: str, title: str, query: int = 0, **chosen: str | list[str]) -> list[Json]:
        (panel,) = [panel for panel in LOADED[dashboard]["panels"] if panel["title"] == title]
        found: list[Json] = run(filled, dashboard, panel["targets"][query]["rawSql"], **chosen).dicts()
        return found

    return rows


Shown = Callable[..., list[Json]]


def test_the_overview_counts_what_is_there(shown: Shown) -> None:
    assert shown("overview", "Connections") == [{"All": 6, "Mismatch": 1, "Unknown": 1}]
    (silent,) = shown("overview", "Silent now")
    assert silent["Silent"] == 1
    assert 0 < silent["Longest"] <= 240 + (datetime.now(UTC) - NOW).total_seconds()
    assert shown("overview", "Dead letters") == [{"Dead letters": 5}]
    reasons = [(row["Reason"], row["Records"]) for row in shown("overview", "Dead letters by reason")]
    assert reasons == [("not JSON", 3), ("no key", 2)]
    by_exchange = {row["metric"]: row["value"] for row in shown("overview", "Connections by detected exchange")}
    assert by_exchange == {"binance": 2, "coinbase": 1, "kraken": 2, "unknown": 1}
    assert [row["Connection"] for row in shown("overview", "Connection list")][0] == "e"
    kinds = [row["Kind"] for row in shown("overview", "Latest verdict changes")]
    assert sorted(kinds) == ["mismatch", "named", "named", "named", "named", "unknown_venue"]
    changes = [row["value"] for row in shown("overview", "Verdict changes") if row["metric"] == "named"]
    assert sum(changes) == 4
    wrong = {(row["Alert"], row["Connection"]) for row in shown("overview", "What is wrong now")}
    assert {("mismatch", "e"), ("unknown venue", "d"), ("stall", "d")} <= wrong


def test_the_overview_measures_speed(shown: Shown) -> None:
    # Six connections with a window every two seconds are 3 a second; the first and the last point are not full.
    per_point: dict[float, float] = {}
    for row in shown("overview", "Windows per second"):
        per_point[float(row["time"])] = per_point.get(float(row["time"]), 0) + float(row["value"])
    inner = [per_point[time] for time in sorted(per_point)][1:-1]
    assert sum(inner) / len(inner) == pytest.approx(3, rel=0.02)
    for row in shown("overview", "Scoring latency"):
        assert [row["p50"], row["p95"], row["p99"]] == pytest.approx([40, 40, 40])
    for row in shown("overview", "Confidence"):
        assert row["value"] == pytest.approx(0.9)


def test_a_connection_is_told_with_its_exchange(shown: Shown) -> None:
    (now,) = shown("connection", "Now")
    assert now == {"Declared": "binance", "Detected": "kraken", "Certainty": "certain", "Probability": 0.99}
    assert {row["metric"]: row["value"] for row in shown("connection", "Probabilities")} == pytest.approx(
        {"kraken": 0.9, "other": 0.1}
    )
    for row in shown("connection", "Time between messages"):
        assert [row["p10"], row["p50"], row["p90"]] == pytest.approx([500, 1000, 4000])
    band = [list(row.values())[1:] for row in shown("connection", "Time between messages", 1)]
    assert band == [pytest.approx([10**2, 10**4])] * 2
    # p10, p50 and p90 are 0.5, 1 and 4 ms, as of a and f of binance; ten times that of c, the other one that looks like
    # kraken. 5, 15, ... 95% are below 500 times 1, 2^1/8, 2^3/8, 2^5/8, 2^7/8, 2 * 4^1/8, ... 2 * 4^7/8 and 8 us: 500,
    # 545, 648, 771, 917, then 1189, 1682, 2378, then 3364 and 4000; a bar ends at 1000, the next one at 3162.
    spread = shown("connection", "Spread of the times between messages, against its exchange's")
    assert [row["Time"] for row in spread] == ["300 µs", "1 ms", "3 ms", "10 ms", "30 ms"]
    assert [row["This connection"] for row in spread] == pytest.approx([0.5, 0.3, 0.2, 0, 0])
    assert [row["Detected exchange"] for row in spread] == pytest.approx([0, 0, 0.5, 0.3, 0.2])
    assert [row["Declared exchange"] for row in spread] == pytest.approx([0.5, 0.3, 0.2, 0, 0])


@pytest.mark.parametrize(
    ("start_s", "end_s", "expected"),
    [
        # Its first window began 602 s ago, and 8 s later it was certain.
        (-900, 30, [(-594, "binance", "kraken")]),
        (-300, 30, [(-300, "binance", "kraken")]),
        (-900, 90, [(-594, "binance", "kraken"), (0, None, None)]),
        (-900, -600, []),
    ],
    ids=["decided in the range", "decided before it", "silent at its end", "not yet decided"],
)
def test_a_verdict_stands_until_the_next_one_or_the_last_window(
    filled: Connection, start_s: int, end_s: int, expected: list[tuple[int, str, str]]
) -> None:
    dashboard = LOADED["connection"]
    (panel,) = [panel for panel in dashboard["panels"] if panel["title"] == "Verdict over time"]
    shown = Span(start=NOW + timedelta(seconds=start_s), end=NOW + timedelta(seconds=end_s), interval_s=5)
    sql = expand(panel["targets"][0]["rawSql"], dashboard["templating"]["list"], {"connection": "e"}, shown)
    with filled.cursor() as cursor:
        cursor.execute(sql)
        found = [((at - NOW).total_seconds(), declared, verdict) for at, declared, verdict in cursor.fetchall()]
    assert found == expected


def test_a_connection_is_told_with_its_messages(shown: Shown) -> None:
    for row in shown("connection", "Types of messages"):
        assert list(row.values())[1:] == pytest.approx([0.8, 0.1, 0.05, 0.03, 0.02])
    for row in shown("connection", "Latency of answers"):
        assert [row["ACK"], row["NACK"]] == pytest.approx([10_000, 20_000], rel=1e-5)
    for row in shown("connection", "Sequence numbers"):
        assert [row["jumps"], row["backward"]] == pytest.approx([0.04, 0.02])
    kinds: dict[str, int] = {}
    for row in shown("connection", "Health events", connection="d"):
        kinds[row["metric"]] = kinds.get(row["metric"], 0) + row["value"]
    assert kinds == {"gap": 3, "stall": 1}
    whats = [row["What"] for row in shown("connection", "Latest health events", connection="d")]
    assert whats[0] == "1 number missing after 10"
    assert whats[-1] == "nothing for 1 min, where 5 s are allowed"
    reasons = [(row["Against"], row["Nats"], row["Reason"]) for row in shown("connection", "Top reasons")]
    assert reasons == [("binance", 2, "10% of heartbeats"), ("binance", 1, "no jumps")]


def test_model_health_compares_with_the_reference(shown: Shown) -> None:
    (sums,) = shown("model_health", "Windows")
    # Of a to e, which declare something, a, b and c look like that.
    expected = {"Windows": 1800, "Unknown": 1 / 6, "As declared": 3 / 5, "Mean confidence": 0.9}
    assert {key: float(value) for key, value in sums.items()} == pytest.approx(expected)
    # 0.9 is below the first decile, 0.91, and a margin of 0.8 is between the eighth and the ninth.
    assert {float(row["value"]) for row in shown("model_health", "Windows with low confidence")} == {1.0}
    confidence = shown("model_health", "Confidence in the deciles of the reference")
    assert [float(row["Now"]) for row in confidence] == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    assert [float(row["Held-out windows"]) for row in confidence] == pytest.approx([0.1] * 10)
    margin = shown("model_health", "Margin in the deciles of the reference")
    assert [float(row["Now"]) for row in margin] == [0, 0, 0, 0, 0, 0, 0, 0, 1, 0]
    (bin_,) = shown("model_health", "As declared, in numbers")
    assert bin_["Confidence"] == "90–95%"
    assert bin_["Windows"] == 1500
    assert float(bin_["As declared"]) == pytest.approx(0.6)
    assert float(bin_["Difference"]) == pytest.approx(-0.3)
    unknown = {row["metric"]: float(row["value"]) for row in shown("model_health", "Unknown windows")}
    assert unknown == {"binance": 0, "coinbase": 0, "kraken": 0.5, "none": 0}
    stability = {(row["Exchange"], row["Measure"]): row for row in shown("model_health", "Stability of measures")}
    assert stability["binance", "confidence"]["Index / limit"] > 4
    # Each of the three measures of four exchanges has one value in all windows, or two.
    (drifted,) = shown("model_health", "What has drifted")
    assert drifted == {"Connections": 1, "Measures": 12, "Against model": "test-1"}
    assert [row["Model"] for row in shown("model_health", "Which model scores what")] == ["test-1"]
