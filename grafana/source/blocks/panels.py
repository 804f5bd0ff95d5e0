"""Panels: each function makes one of a kind, with what all of that kind have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

from grafana.source.blocks.fields import Steps, thresholds
from grafana.source.blocks.style import PLAIN, POSTGRESQL, PROMETHEUS, SKY_BLUE, Json

Place = tuple[int, int, int, int]
"""Column (0-23), row, width in columns, height in rows of 38 pixels."""


@dataclass(frozen=True)
class PromQL:
    """A query in PromQL; `legend` names its series, with labels as {{label}}; `instant` asks for the latest value."""

    expr: str
    legend: str = ""
    instant: bool = False


Query = str | PromQL
"""SQL, or PromQL."""


def section(title: str, y: int) -> Json:
    """Head the panels below with a line of text."""
    return {"type": "row", "title": title, "gridPos": _grid((0, y, 24, 1)), "collapsed": False, "panels": []}


def stat(
    title: str,
    description: str,
    *queries: Query,
    at: Place,
    unit: str,
    decimals: int | None = None,
    steps: Steps = ((None, PLAIN),),
    fields: Sequence[Json] = (),
    no_value: str = "–",
    texts: bool = False,
    sparkline: bool = False,
) -> Json:
    """Make a panel of large values: one for each number of the query's one row, or, if `texts`, for each column."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "/.*/" if texts else "", "values": False},
        "orientation": "vertical",
        "colorMode": "value",
        "graphMode": "area" if sparkline else "none",
        "textMode": "auto",
        "justifyMode": "center",
        "wideLayout": False,
        "showPercentChange": False,
        "text": {"titleSize": 14, "valueSize": 18 if texts else 28},
    }
    config = _defaults(unit, decimals=decimals, color={"mode": "thresholds"}, thresholds=thresholds(steps))
    config["noValue"] = no_value
    return _panel("stat", title, description, queries, at, config, fields, options, "table")


def timeseries(
    title: str,
    description: str,
    *queries: Query,
    at: Place,
    unit: str,
    decimals: int | None = None,
    least: float | None = None,
    most: float | None = None,
    soft_most: float | None = None,
    fields: Sequence[Json] = (),
    stacked: str = "",
    bars: bool = False,
    interval: str = "5s",
    span_nulls: bool | int = False,
    logarithmic: bool = False,
    expected: float | None = None,
    no_value: str | None = None,
) -> Json:
    """Make a chart over time.

    Parameters
    ----------
    least, most : float
        Ends of the axis; where the values end if None.
    soft_most : float
        Upper end of the axis unless values go beyond.
    stacked : str
        `normal` or `percent`; empty for lines on their own.
    bars : bool
        Bars instead of lines, for counts of what is rare.
    interval : str
        The shortest $__interval.
    span_nulls : bool or int
        Whether a line goes on over missing points; for gaps up to so many milliseconds.
    expected : float
        Where a dashed line says what would be usual.
    no_value : str
        What is shown where there is nothing.
    """
    filled = 40 if stacked or bars else 0
    custom: Json = {
        "drawStyle": "bars" if bars else "line",
        "lineInterpolation": "linear",
        "lineWidth": 1 if stacked or bars else 2,
        "fillOpacity": 80 if bars else filled,
        "showPoints": "never" if bars else "auto",
        "pointSize": 4,
        "spanNulls": span_nulls,
        "axisPlacement": "auto",
        "stacking": {"mode": stacked or "none", "group": "A"},
    }
    if logarithmic:
        custom["scaleDistribution"] = {"type": "log", "log": 10}
    if bars:
        custom["barMaxWidth"] = 24
    if soft_most is not None:
        custom["axisSoftMax"] = soft_most
    config = _defaults(
        unit, decimals=decimals, min=least, max=most, color={"mode": "fixed", "fixedColor": PLAIN}, noValue=no_value
    )
    config["custom"] = custom
    if expected is not None:
        custom["thresholdsStyle"] = {"mode": "dashed"}
        config["thresholds"] = thresholds(((None, "transparent"), (expected, PLAIN)))
    options = {"legend": _legend(), "tooltip": {"mode": "multi", "sort": "desc"}}
    return _panel("timeseries", title, description, queries, at, config, fields, options, "time_series") | {
        "interval": interval
    }


def state_timeline(
    title: str,
    description: str,
    *queries: Query,
    at: Place,
    mappings: Sequence[Json],
    no_value: str,
) -> Json:
    """Make a strip for each column of texts over time, each text in its colour; a text stands until the next one."""
    options = {"mergeValues": True, "legend": _legend(shown=False), "tooltip": {"mode": "single", "sort": "none"}}
    config = _defaults("string", color={"mode": "thresholds"}, thresholds=thresholds(((None, PLAIN),)))
    config |= {"mappings": list(mappings), "noValue": no_value}
    config["custom"] = {"lineWidth": 0, "fillOpacity": 70, "spanNulls": False}
    return _panel("state-timeline", title, description, queries, at, config, (), options, "table")


def bargauge(
    title: str,
    description: str,
    *queries: Query,
    at: Place,
    unit: str,
    decimals: int | None = 0,
    least: float | None = 0,
    most: float | None = None,
    steps: Steps = ((None, SKY_BLUE),),
    fields: Sequence[Json] = (),
    no_value: str | None = None,
) -> Json:
    """Make horizontal bars: one for each series of the query, with its latest value."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "horizontal",
        "displayMode": "basic",
        "valueMode": "color",
        "showUnfilled": False,
        "namePlacement": "left",
        "sizing": "auto",
        "minVizHeight": 16,
        "minVizWidth": 8,
        "maxVizHeight": 48,
        "text": {"titleSize": 16, "valueSize": 20},
    }
    config = _defaults(unit, decimals=decimals, min=least, max=most, noValue=no_value)
    config |= {"color": {"mode": "thresholds"}, "thresholds": thresholds(steps)}
    return _panel("bargauge", title, description, queries, at, config, fields, options, "time_series")


def barchart(
    title: str,
    description: str,
    *queries: Query,
    at: Place,
    unit: str,
    x: str,
    decimals: int | None = None,
    least: float | None = 0,
    most: float | None = None,
    fields: Sequence[Json] = (),
    no_value: str | None = None,
) -> Json:
    """Make upright bars: a group for each row of a table, named by its column `x`; a bar for each column of numbers."""
    options = {
        "xField": x,
        "orientation": "vertical",
        "stacking": "none",
        "showValue": "never",
        "groupWidth": 0.8,
        "barWidth": 0.95,
        "xTickLabelRotation": 0,
        "xTickLabelSpacing": 100,
        "fullHighlight": False,
        "legend": _legend(),
        "tooltip": {"mode": "multi", "sort": "none"},
    }
    config = _defaults(
        unit, decimals=decimals, min=least, max=most, color={"mode": "fixed", "fixedColor": PLAIN}, noValue=no_value
    )
    config["custom"] = {"lineWidth": 0, "fillOpacity": 85, "gradientMode": "none", "axisPlacement": "auto"}
    return _panel("barchart", title, description, queries, at, config, fields, options, "table")


def table(
    title: str,
    description: str,
    *queries: Query,
    at: Place,
    unit: str = "short",
    decimals: int | None = None,
    fields: Sequence[Json] = (),
    no_value: str = "",
) -> Json:
    """Make a table of the query's rows and columns."""
    config = _defaults(unit, decimals=decimals, color={"mode": "thresholds"}, thresholds=thresholds(((None, PLAIN),)))
    config["noValue"] = no_value
    config["custom"] = {"align": "auto", "filterable": False, "cellOptions": {"type": "auto"}}
    options = {"showHeader": True, "cellHeight": "sm", "sortBy": []}
    return _panel("table", title, description, queries, at, config, fields, options, "table")


def _panel(
    kind: str,
    title: str,
    description: str,
    queries: Sequence[Query],
    at: Place,
    defaults: Json,
    fields: Sequence[Json],
    options: Json,
    format: str,
) -> Json:
    targets = [_target(chr(ord("A") + number), query, format) for number, query in enumerate(queries)]
    if isinstance(queries[0], PromQL):
        defaults.setdefault("noValue", "No metrics of the job in the time range.")
    return {
        "type": kind,
        "title": title,
        "description": " ".join(dedent(description).split()),
        "gridPos": _grid(at),
        "datasource": targets[0]["datasource"],
        "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": list(fields)},
        "options": options,
    }


def _target(ref: str, query: Query, format: str) -> Json:
    if isinstance(query, PromQL):
        return {
            "refId": ref,
            "datasource": PROMETHEUS,
            "editorMode": "code",
            "expr": dedent(query.expr).strip(),
            "legendFormat": query.legend or "__auto",
            "range": not query.instant,
            "instant": query.instant,
            "format": "time_series",
        }
    return {
        "refId": ref,
        "datasource": POSTGRESQL,
        "editorMode": "code",
        "rawQuery": True,
        "format": format,
        "rawSql": dedent(query).strip(),
    }


def _grid(at: Place) -> Json:
    return dict(zip("xywh", at, strict=True))


def _defaults(unit: str, **given: Any) -> Json:
    return {"unit": unit, "mappings": []} | {key: value for key, value in given.items() if value is not None}


def _legend(*, shown: bool = True) -> Json:
    return {"displayMode": "list", "placement": "bottom", "showLegend": shown, "calcs": []}
