"""What Grafana and `watch` ask the database: the queries of a dashboard with macros and variables written out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg2.extensions import cursor as Cursor

from fingerprint_testing.macro_expansion import Json, Span, expand
from jobs.results.watch.panes import Pane
from jobs.results.watch.view_snapshot import ALERTS, SUMMARY, Choice, Order, statement
from jobs.results.wording import spoken_duration

POSTGRES = "grafana-postgresql-datasource"
POINTS = 800
"""About as many points has a panel across; Grafana makes its intervals from that."""

INTERVALS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""The widths that Grafana rounds to."""

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, kw_only=True)
class Query:
    """A query, where it is asked, and over which time range."""

    where: str
    name: str
    range: str
    sql: str


def panel_queries(dashboard: Json, *, now: datetime, since: timedelta | None, connection_id: str) -> Iterator[Query]:
    """Yield every query that a dashboard asks PostgreSQL, over its own time range or another one.

    Of a dashboard of one connection that is `connection_id`; all else that can be chosen is.
    """
    length = since or _duration(dashboard["time"]["from"].removeprefix("now-"))
    needed_s = length.total_seconds() / POINTS
    span = Span(start=now - length, end=now, interval_s=next(step for step in INTERVALS_S if step >= needed_s))
    variables = dashboard["templating"]["list"]

    def query(name: str, sql: str) -> Query:
        written = expand(sql, variables, {"connection": connection_id}, span)
        return Query(where=dashboard["title"], name=name, range=spoken_duration(length.total_seconds()), sql=written)

    for variable in variables:
        if variable["type"] == "query" and variable["datasource"]["type"] == POSTGRES:
            yield query(f"${variable['name']}", variable["query"])
    for panel in _panels(dashboard["panels"]):
        for target in panel.get("targets", ()):
            if target.get("datasource", panel.get("datasource", {})).get("type") == POSTGRES:
                number = f" {target['refId']}" if len(panel["targets"]) > 1 else ""
                yield query(f"{panel['title']}{number}", target["rawSql"])


def _panels(panels: list[Json]) -> Iterator[Json]:
    for panel in panels:
        yield panel
        yield from _panels(panel.get("panels", []))


def _duration(text: str) -> timedelta:
    number, unit = re.fullmatch(r"(\d+)([smhd])", text).groups()
    return timedelta(seconds=int(number) * _UNITS_S[unit])


def watch_queries(cursor: Cursor) -> Iterator[Query]:
    """Yield what `watch` and `alerts` ask every second, and `watch` with keys pressed."""

    def query(name: str, sql: str, values: dict[str, Any] | None = None) -> Query:
        return Query(where="watch", name=name, range="now", sql=cursor.mogrify(sql, values).decode())

    yield query("numbers", SUMMARY)
    yield query("count of alerts", ALERTS)
    for pane in Pane:
        yield query(pane.value, *statement(pane, Choice()))
    rate = Choice().sorted_by(Pane.CONNECTIONS, Order(column="rate"))
    for name, choice in {
        "by rate": rate,
        "with a text": Choice(text="KRAKEN-01"),
    }.items():
        yield query(f"connections {name}", *statement(Pane.CONNECTIONS, choice))
