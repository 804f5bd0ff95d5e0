"""PromQL of dashboards and alert rules as Grafana sends it, and what Prometheus answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests
import yaml

from fingerprint_testing.paths import GRAFANA

SCRAPE_S = 5
STEP_S = 5
RANGE_S = 300
TIMEOUT_S = 10


@dataclass(frozen=True)
class Asked:
    """One query, and where it stands."""

    place: str
    expr: str
    instant: bool


def dashboard_queries() -> Iterator[Asked]:
    """Find every target of every dashboard that asks Prometheus."""
    for path in sorted((GRAFANA / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                if target["datasource"]["type"] == "prometheus":
                    place = f"{path.stem}: {panel['title']} {target['refId']}"
                    yield Asked(place, target["expr"], target["instant"])


def alert_queries() -> Iterator[Asked]:
    """Find every query of every provisioned alert rule that asks Prometheus."""
    for path in sorted((GRAFANA / "provisioning" / "alerting").glob("*.y*ml")):
        for group in yaml.safe_load(path.read_text()).get("groups", []):
            for rule in group["rules"]:
                for query in rule["data"]:
                    if query["datasourceUid"] == "fingerprint-prometheus":
                        yield Asked(f"alert: {rule['title']} {query['refId']}", query["model"]["expr"], instant=True)


def expand(expr: str) -> str:
    """Write Grafana's variables out as its data source does; $1 of a replacement stays."""
    values: Mapping[str, int] = {
        "__rate_interval": max(STEP_S + SCRAPE_S, 4 * SCRAPE_S),
        "__interval": STEP_S,
        "__range": RANGE_S,
    }
    for name, seconds in values.items():
        expr = re.sub(rf"\$(?:{name}\b|{{{name}}})", f"{seconds}s", expr)
    assert re.search(r"\$[^\d]", expr) is None, f"not expanded: {expr}"
    return expr


def ask(url: str, expr: str) -> list[dict[str, Any]]:
    """Ask for the latest values: each series with its labels and its `value`."""
    answer = requests.post(f"{url}/api/v1/query", data={"query": expand(expr)}, timeout=TIMEOUT_S).json()
    assert answer["status"] == "success", f"{answer.get('error')}: {expr}"
    return [{"metric": series["metric"], "value": float(series["value"][1])} for series in answer["data"]["result"]]


def ask_range(url: str, expr: str, *, start_s: float, end_s: float) -> list[dict[str, Any]]:
    """Ask for the values of a time, one every `STEP_S`: each series with its labels and its `values`."""
    asked = {"query": expand(expr), "start": str(start_s), "end": str(end_s), "step": str(STEP_S)}
    answer = requests.post(f"{url}/api/v1/query_range", data=asked, timeout=TIMEOUT_S).json()
    assert answer["status"] == "success", f"{answer.get('error')}: {expr}"
    series: list[dict[str, Any]] = answer["data"]["result"]
    return series
