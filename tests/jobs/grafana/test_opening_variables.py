"""Variables as Grafana puts them into queries when a dashboard is opened; expected texts by hand."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.grafana.opening_variables import Value, found, opened_with, put_in

TWO = Value(chosen=("a", "it's"), is_list=True)
ONE = Value(chosen=("it's",))


@pytest.mark.parametrize(
    ("sql", "value", "expected"),
    [
        ("x IN ($v)", TWO, "x IN ('a','it''s')"),
        ("x IN (${v})", TWO, "x IN ('a','it''s')"),
        ("x IN (${v:sqlstring})", TWO, "x IN ('a','it''s')"),
        ("x = ${v:sqlstring}", ONE, "x = 'it''s'"),
        ("x = '$v'", ONE, "x = 'it''s'"),
        ("x IN (${v:raw})", TWO, "x IN (a,it's)"),
        ("x = '${v:percentencode}'", ONE, "x = 'it%27s'"),
        ("x = '${v:percentencode}'", Value(chosen=("$__timeFrom() é",)), "x = '%24__timeFrom%28%29%20%C3%A9'"),
        ("x IN ($v)", Value(chosen=("a",), is_list=True, instead="x"), "x IN (x)"),
        ("$__timeFilter(at) AND $vv", ONE, "$__timeFilter(at) AND $vv"),
        ("$__interval ${__from}", ONE, "$__interval ${__from}"),
    ],
)
def test_sql_is_quoted_where_several_values_may_be_chosen(sql: str, value: Value, expected: str) -> None:
    assert put_in({"rawSql": sql}, {"v": value})["rawSql"] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Value(chosen=("a.b", "c"), is_list=True), 'up{x=~"(a\\.b|c)"}'),
        (Value(chosen=("a.b",), is_list=True), 'up{x=~"a\\.b"}'),
        (Value(chosen=("a.b",)), 'up{x=~"a.b"}'),
    ],
)
def test_promql_gets_a_regular_expression(value: Value, expected: str) -> None:
    assert put_in({"expr": 'up{x=~"$v"}'}, {"v": value})["expr"] == expected


@pytest.mark.parametrize(
    ("variable", "options", "expected"),
    [
        (
            {"type": "query", "multi": True, "includeAll": True, "current": {"value": ["$__all"]}},
            ["a", "b"],
            Value(chosen=("a", "b"), is_list=True),
        ),
        (
            {"type": "query", "includeAll": True, "allValue": "column", "current": {"value": "$__all"}},
            ["a"],
            Value(chosen=("a",), is_list=True, instead="column"),
        ),
        ({"type": "query", "current": {}}, ["a", "b"], Value(chosen=("a",))),
        ({"type": "query", "current": {}}, [], Value(chosen=("",))),
        ({"type": "query", "current": {"value": "b"}}, ["a", "b"], Value(chosen=("b",))),
        ({"type": "textbox", "current": {"value": ""}}, [""], Value(chosen=("",))),
        ({"type": "custom", "current": {"value": "5"}}, ["5", "10"], Value(chosen=("5",))),
    ],
)
def test_a_dashboard_opens_with_all_or_the_first_or_the_chosen(
    variable: dict[str, Any], options: list[str], expected: Value
) -> None:
    assert opened_with(variable, options) == expected


def test_options_are_values_each_once() -> None:
    def frame(**columns: list[Any]) -> dict[str, Any]:
        fields = [{"name": name} for name in columns]
        return {"schema": {"fields": fields}, "data": {"values": list(columns.values())}}

    assert found([frame(a=["x", None, "y"]), frame(a=["x"])]) == ["x", "y"]
    assert found([frame(__text=["A"], __value=["a"])]) == ["a"]
