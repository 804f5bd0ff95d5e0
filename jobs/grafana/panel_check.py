"""Runs every panel's queries in a Grafana, with the time range and the variables that its dashboard is opened with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from jobs.grafana.grafana_server import Grafana
from jobs.grafana.opening_variables import Value, found, listed, opened_with, put_in
from jobs.grafana.provisioning import Json
from udfs.errors import ConfigError, PipelineError

_UNIT_MS: Final = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_POINTS: Final = 1000
_LEAST_INTERVAL_MS: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What a panel's queries came to, or a variable's, or a data source's trial; all is well without an error.

    Attributes
    ----------
    dashboard, panel : str
        Their titles; of a data source "data source" and its uid.
    rows : int or None
        Of all of its queries; None of a data source.
    error : str
        What Grafana says of the first one that fails.
    left_out : str
        Why nothing was asked.
    """

    dashboard: str
    panel: str
    rows: int | None = 0
    error: str = ""
    left_out: str = ""


def check_source(grafana: Grafana, uid: str) -> Checked:
    """Let Grafana try a data source; what it says of one that does not work is the error."""
    error = ""
    try:
        with grafana.asked(f"to reach the data source {uid!r}"):
            health = grafana.api.datasource.health(uid)
        if health.get("status") != "OK":
            error = (
                f"Expected Grafana at {grafana.url} to reach the data source {uid!r}, found {health.get('message')}: "
                "check its settings"
            )
    except ConfigError:
        raise
    except PipelineError as refused:
        error = str(refused)
    return Checked(dashboard="data source", panel=uid, rows=None, error=error)


def check_dashboard(grafana: Grafana, dashboard: Json, unusable: Mapping[str, str]) -> Iterator[Checked]:
    """Run the queries of a dashboard's variables and panels, one result for each.

    Parameters
    ----------
    grafana : Grafana
        Where they run.
    dashboard : dict
        As its file has it.
    unusable : str by str
        By uids of data sources that cannot be asked, why.
    """
    values: dict[str, Value] = {}
    for variable in dashboard.get("templating", {}).get("list", []):
        options = listed(variable)
        if variable["type"] == "query":
            target = {"datasource": variable["datasource"], "rawSql": variable["query"], "format": "table"}
            checked, frames = _run(grafana, dashboard, f"${variable['name']}", [target], values, unusable)
            yield checked
            options = found(frames)
        values[variable["name"]] = opened_with(variable, options)
    for panel in panels_of(dashboard):
        yield _run(grafana, dashboard, panel["title"], queries_of(panel), values, unusable)[0]


def panels_of(dashboard: Json) -> Iterator[Json]:
    """Find the panels that ask for something, those in collapsed rows too."""
    for panel in dashboard.get("panels", []):
        if queries_of(panel):
            yield panel
        yield from panels_of(panel)


def queries_of(panel: Json) -> list[Json]:
    """Find a panel's queries, each with its data source."""
    source = panel.get("datasource")
    return [{"datasource": source} | target for target in panel.get("targets", []) if not target.get("hide")]


def _run(
    grafana: Grafana,
    dashboard: Json,
    panel: str,
    queries: list[Json],
    values: dict[str, Value],
    unusable: Mapping[str, str],
) -> tuple[Checked, list[Json]]:
    title = dashboard["title"]
    uids = sorted({query["datasource"]["uid"] for query in queries})
    if reasons := [unusable[uid] for uid in uids if uid in unusable]:
        return Checked(dashboard=title, panel=panel, left_out=", ".join(reasons)), []
    time_from, time_to = (dashboard["time"][end] for end in ("from", "to"))
    common = {"intervalMs": interval_ms(time_from), "maxDataPoints": _POINTS}
    asked = [{"refId": "A"} | common | put_in(query, values) for query in queries]
    try:
        results = grafana.query(asked, time_from, time_to)
    except ConfigError:
        raise
    except PipelineError as error:
        return Checked(dashboard=title, panel=panel, error=str(error)), []
    errors = [f"{ref_id}: {result['error']}" for ref_id, result in sorted(results.items()) if result.get("error")]
    frames = [frame for result in results.values() for frame in result.get("frames") or []]
    rows = sum(len(columns[0]) for frame in frames if (columns := frame["data"]["values"]))
    return Checked(dashboard=title, panel=panel, rows=rows, error=errors[0] if errors else ""), frames


def interval_ms(time_from: str) -> int:
    """Choose how far apart points are in a range from `now-15m`, say, to now; at least a second.

    >>> interval_ms("now-15m"), interval_ms("now-6h")
    (1000, 21600)
    """
    match = re.fullmatch(r"now-(\d+)([smhdw])", time_from)
    range_ms = int(match[1]) * _UNIT_MS[match[2]] if match else _UNIT_MS["h"]
    return max(_LEAST_INTERVAL_MS, range_ms // _POINTS)
