"""What Grafana swallows without a word, and a reader then wonders about: found in the JSON of dashboards."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

Json = dict[str, Any]

COLUMNS = 24
TYPES = {"stat", "timeseries", "state-timeline", "bargauge", "barchart", "histogram", "table", "text", "row"}
FORMATS = {
    "timeseries": {"time_series"},
    "bargauge": {"time_series", "table"},
    "stat": {"table", "time_series"},
    "barchart": {"table"},
    "state-timeline": {"table"},
    "histogram": {"table"},
    "table": {"table"},
}
FOREIGN_TO_SQL = {"query", "sql", "expr", "rawQueryText", "metricColumn", "select", "where", "group", "table"}
FOREIGN_TO_PROMQL = {"query", "rawSql", "rawQuery", "sql"}
REFERENCE = re.compile(r"\$\{(\w+)(?:\.[^:}]*)?(?::\w+)?\}|\$(\w+)")
LINK = re.compile(r"/d/([\w-]+)(?:\?(\S*))?")
OKABE_ITO = {"#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#999999"}
OF_THE_THEME = {"text", "transparent"}
PALETTES = ("palette-", "continuous-")
OF_SERIES = {"timeseries", "barchart"}


def mistakes(dashboards: Mapping[str, Json], sources: Sequence[Json]) -> list[str]:
    """Return the mistakes in dashboards, by file, that read provisioned data sources."""
    known = {source["uid"]: source["type"] for source in sources}
    found = [f"{name}: {mistake}" for name, one in dashboards.items() for mistake in _of_one(one, known, dashboards)]
    for what in ("uid", "title"):
        values = [one.get(what) for one in dashboards.values()]
        found += [f"the {what} {value!r} is there twice" for value in set(values) if values.count(value) > 1]
    return found


def shown_panels(dashboard: Json) -> list[Json]:
    """Return the panels that show something, those in collapsed rows too."""
    every = dashboard["panels"] + [inner for panel in dashboard["panels"] for inner in panel.get("panels", ())]
    return [panel for panel in every if panel["type"] != "row"]


def _of_one(dashboard: Json, sources: Mapping[str, str], all_of_them: Mapping[str, Json]) -> Iterator[str]:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", dashboard.get("uid", "")):
        yield f"the uid {dashboard.get('uid')!r} is not 1 to 40 letters, digits, - and _"
    if dashboard.get("id") is not None:
        yield "it has an id, which belongs to another Grafana"
    if not dashboard.get("title"):
        yield "it has no title"
    if "__inputs" in dashboard or "__requires" in dashboard:
        yield "it was exported for sharing: __inputs asks for a data source"
    yield from _of_the_grid(dashboard["panels"])
    ids = [panel.get("id") for panel in shown_panels(dashboard) + _rows(dashboard)]
    yield from (f"panel id {one} is there twice" for one in set(ids) if ids.count(one) > 1)
    for panel in shown_panels(dashboard):
        yield from (f"panel {panel.get('title')!r}: {mistake}" for mistake in _of_a_panel(panel, sources))
    yield from _of_variables(dashboard, sources)
    yield from _of_links(dashboard, all_of_them)


def _rows(dashboard: Json) -> list[Json]:
    return [panel for panel in dashboard["panels"] if panel["type"] == "row"]


def _of_the_grid(panels: Sequence[Json]) -> Iterator[str]:
    for panel in panels:
        place = panel["gridPos"]
        if place["x"] + place["w"] > COLUMNS or min(place.values()) < 0 or 0 in (place["w"], place["h"]):
            yield f"panel {panel.get('title')!r} is not inside the {COLUMNS} columns"
    for one, other in combinations(panels, 2):
        a, b = one["gridPos"], other["gridPos"]
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        if not beside and not above:
            yield f"panels {one.get('title')!r} and {other.get('title')!r} overlap"


def _of_a_panel(panel: Json, sources: Mapping[str, str]) -> Iterator[str]:
    if panel["type"] not in TYPES:
        yield f"the type {panel['type']!r} is not one of current Grafana that we use"
    if not panel.get("title"):
        yield "it has no title"
    if panel["type"] == "text":
        return
    if len(panel.get("description", "")) <= len(panel.get("title", "")):
        yield "it has no description"
    if not panel["fieldConfig"]["defaults"].get("unit"):
        yield "it has no unit"
    if not panel.get("targets"):
        yield "it asks for nothing"
    refs = [target.get("refId") for target in panel["targets"]]
    if None in refs or len(set(refs)) < len(refs):
        yield "its queries have no refId of their own"
    for target in panel["targets"]:
        if target.get("datasource") != panel.get("datasource"):
            yield "a query asks another data source than the panel"
        yield from _of_a_source(target.get("datasource"), sources)
        yield from _of_a_target(target, panel["type"])
    yield from _of_colours(panel)


def _of_a_source(source: Json | None, sources: Mapping[str, str]) -> Iterator[str]:
    if not isinstance(source, dict) or sources.get(source.get("uid", "")) != source.get("type"):
        yield f"the data source {source} is not provisioned"


def _of_a_target(target: Json, kind: str) -> Iterator[str]:
    of_sql = target.get("datasource", {}).get("type") != "prometheus"
    stale = target.keys() & (FOREIGN_TO_SQL if of_sql else FOREIGN_TO_PROMQL)
    if stale:
        yield f"it has a stale {min(stale)!r} beside its query"
    if not of_sql:
        if not target.get("expr"):
            yield "its query is empty"
        return
    if not target.get("rawSql", "").strip() or not target.get("rawQuery") or target.get("editorMode") != "code":
        yield "its SQL is not what Grafana would run"
    if target.get("format") not in FORMATS.get(kind, {"table"}):
        yield f"the format {target.get('format')!r} is not for a {kind}"
    for macro, argument in re.findall(r"\$(__\w+)\(([^)]*)", target.get("rawSql", "")):
        if "(" in argument:
            yield f"the macro ${macro} ends at the first bracket, inside its argument"


def _of_colours(panel: Json) -> Iterator[str]:
    for colour in _values_of(panel["fieldConfig"], {"fixedColor", "color"}):
        if isinstance(colour, str) and colour not in OKABE_ITO | OF_THE_THEME:
            yield f"the colour {colour!r} is not one that everybody tells apart"
    for mode in _values_of(panel["fieldConfig"], {"mode"}):
        if str(mode).startswith(PALETTES):
            yield f"the colours of {mode!r} are not ones that everybody tells apart"
    if panel["type"] in OF_SERIES:
        legends = [target["legendFormat"] for target in panel["targets"] if "legendFormat" in target]
        yield from _of_legends(panel, legends)


def _of_legends(panel: Json, legends: Sequence[str]) -> Iterator[str]:
    """Find series that look like others; those of SQL have their names from the rows (`shapes.py`)."""
    coloured = _coloured(panel)
    for legend in legends:
        if "{{" in legend and all(matcher["options"] in legends for matcher in coloured):
            yield f"series {legend!r} have no colours"
    yield from without_colour(panel, [legend for legend in legends if "{{" not in legend])


def without_colour(panel: Json, names: Sequence[str]) -> Iterator[str]:
    """Find which of a panel's series, by their names, are drawn in no colour of their own."""
    for name in names:
        if not any(_fits(matcher, name) for matcher in _coloured(panel)):
            yield f"the series {name!r} has no colour"


def _coloured(panel: Json) -> list[Json]:
    overrides = panel["fieldConfig"]["overrides"]
    return [
        one["matcher"]
        for one in overrides
        if any(given["id"] in ("color", "custom.hideFrom") for given in one["properties"])
    ]


def _fits(matcher: Json, name: str) -> bool:
    if matcher["id"] == "byRegexp":
        return re.search(matcher["options"].strip("/"), name) is not None
    return bool(matcher["options"] == name)


def _of_variables(dashboard: Json, sources: Mapping[str, str]) -> Iterator[str]:
    variables = dashboard["templating"]["list"]
    names = [variable["name"] for variable in variables]
    yield from (f"variable {name!r} is there twice" for name in set(names) if names.count(name) > 1)
    used: set[str] = set()
    for panel in shown_panels(dashboard):
        asked = [target.get("rawSql") or target.get("expr") or "" for target in panel.get("targets", ())]
        used |= _references([panel["title"], *asked, *_values_of(panel, {"url", "content"})])
    for position, variable in enumerate(variables):
        before = names[:position]
        asked_for = _references([variable.get("query") or ""]) if variable["type"] == "query" else set()
        yield from (f"variable {variable['name']!r} uses ${name} before it is there" for name in asked_for - {*before})
        used |= asked_for
        yield from (f"variable {variable['name']!r}: {mistake}" for mistake in _of_a_variable(variable, sources))
    yield from (f"${name} is no variable" for name in sorted(used - set(names)))
    yield from (f"variable {name!r} is not used" for name in sorted(set(names) - used))


def _of_a_variable(variable: Json, sources: Mapping[str, str]) -> Iterator[str]:
    if not variable.get("label") or not variable.get("description"):
        yield "it has no label or no description"
    if variable["type"] != "query":
        return
    yield from _of_a_source(variable.get("datasource"), sources)
    if variable.get("definition") != variable.get("query"):
        yield "its definition is not its query"
    if variable.get("refresh") not in (1, 2):
        yield "its query is never asked"
    if variable.get("includeAll") and not variable.get("allValue"):
        yield "all of its values leave out what its query does not return"


def _of_links(dashboard: Json, all_of_them: Mapping[str, Json]) -> Iterator[str]:
    variables_of = {one["uid"]: {v["name"] for v in one["templating"]["list"]} for one in all_of_them.values()}
    for url in {*_values_of(dashboard["panels"], {"url"}), *(link.get("url", "") for link in dashboard["links"])}:
        match = LINK.fullmatch(url)
        if match is None:
            yield f"the link {url!r} leads to no dashboard"
        elif match[1] not in variables_of:
            yield f"the link {url!r} leads to a dashboard that there is not"
        else:
            named = set(re.findall(r"var-(\w+)=", match[2] or ""))
            yield from (f"the link {url!r} sets no variable of it" for _ in named - variables_of[match[1]])


def _references(texts: Iterable[Any]) -> set[str]:
    names = {one or other for text in texts for one, other in REFERENCE.findall(str(text))}
    return {name for name in names if not name.startswith("__")}


def _values_of(part: Any, keys: set[str]) -> list[Any]:
    if isinstance(part, list):
        return [value for item in part for value in _values_of(item, keys)]
    if not isinstance(part, dict):
        return []
    own = [value for key, value in part.items() if key in keys and not isinstance(value, dict | list)]
    return own + [value for item in part.values() for value in _values_of(item, keys)]
