"""Dashboards before Grafana sees them: ids, grid, data source, variables, and what a person needs to read a panel."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

GRAFANA = Path(__file__).resolve().parents[2] / "grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
GRID_COLUMNS = 24

(SOURCE,) = yaml.safe_load((GRAFANA / "provisioning/datasources/postgresql.yaml").read_text())["datasources"]
VIEWS = {path.stem for path in (GRAFANA.parent / "sql" / "views").glob("*.sql")}

each_dashboard = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)


def load(path: Path) -> dict[str, Any]:
    dashboard: dict[str, Any] = json.loads(path.read_text())
    return dashboard


def queries(dashboard: dict[str, Any]) -> list[str]:
    of_panels = [target["rawSql"] for panel in dashboard["panels"] for target in panel["targets"]]
    return of_panels + [variable["query"] for variable in dashboard["templating"]["list"]]


def test_the_provider_reads_the_folder_that_compose_mounts() -> None:
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/fingerprint.yaml").read_text())["providers"]
    mounts = yaml.safe_load((GRAFANA.parent / "docker-compose.yml").read_text())["services"]["grafana"]["volumes"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in mounts
    assert "./grafana/provisioning:/etc/grafana/provisioning:ro" in mounts


def test_the_data_source_is_the_current_postgresql_plugin() -> None:
    assert SOURCE["type"] == "grafana-postgresql-datasource"
    assert "${" in SOURCE["secureJsonData"]["password"]


def test_uids_are_unique_and_short() -> None:
    uids = [load(path)["uid"] for path in DASHBOARDS]
    assert len(set(uids)) == len(uids)
    assert all(re.fullmatch(r"[a-z-]{1,40}", uid) for uid in uids)


@each_dashboard
def test_panels_have_their_own_ids_and_places(path: Path) -> None:
    panels = load(path)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= GRID_COLUMNS
    for one, other in combinations((panel["gridPos"] for panel in panels), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above


@each_dashboard
def test_everything_reads_from_the_provisioned_data_source(path: Path) -> None:
    expected = {"type": SOURCE["type"], "uid": SOURCE["uid"]}
    dashboard = load(path)
    for variable in dashboard["templating"]["list"]:
        assert variable["datasource"] == expected
    for panel in dashboard["panels"]:
        assert panel["datasource"] == expected
        for target in panel["targets"]:
            assert target["datasource"] == expected
            assert target["rawQuery"]
            assert "query" not in target


@each_dashboard
def test_every_panel_explains_itself(path: Path) -> None:
    for panel in load(path)["panels"]:
        assert panel["title"]
        assert len(panel["description"]) > len(panel["title"])
        assert panel["fieldConfig"]["defaults"]["unit"]


@each_dashboard
def test_every_variable_used_is_declared_and_the_other_way_round(path: Path) -> None:
    dashboard = load(path)
    declared = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = {name for sql in queries(dashboard) for name in re.findall(r"\$\{?([a-z]\w*)", sql)}
    assert used == declared


@each_dashboard
def test_queries_read_views_only(path: Path) -> None:
    for sql in queries(load(path)):
        tables = set(re.findall(r"\b(?:FROM|JOIN)\s+([a-z_]+)", sql))
        assert tables
        assert tables <= VIEWS


@each_dashboard
def test_an_exchange_has_one_colour_everywhere(path: Path) -> None:
    colours: dict[str, set[str]] = {}
    for panel in load(path)["panels"]:
        for override in panel["fieldConfig"]["overrides"]:
            for prop in override["properties"]:
                if prop["id"] == "color" and prop["value"]["mode"] == "fixed":
                    colours.setdefault(override["matcher"]["options"], set()).add(prop["value"]["fixedColor"])
                if prop["id"] == "mappings" and override["matcher"]["options"] == "Detected":
                    for name, shown in prop["value"][0]["options"].items():
                        colours.setdefault(name, set()).add(shown["color"])
    for name in ("binance", "coinbase", "kraken", "unknown"):
        assert len(colours[name]) == 1
