"""Dashboards before Grafana sees them: they are what the Python writes, and nothing in them is swallowed."""

from __future__ import annotations

import copy
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fingerprint_testing.dashboard_mistakes import mistakes, shown_panels
from fingerprint_testing.paths import GRAFANA, ROOT, SQL
from grafana.source.__main__ import main
from grafana.source.blocks.style import (
    DASHBOARDS,
    EXCHANGE_COLOURS,
    ORANGE,
    OTHER_EXCHANGE_COLOURS,
    POSTGRESQL,
    VERMILLION,
)
from grafana.source.written_files import BUILDERS, written_files

Json = dict[str, Any]

VIEWS = {path.stem for path in (SQL / "views").glob("*.sql")}
READABLE = VIEWS | {"measure_stability"}


def test_the_files_are_what_python_writes() -> None:
    for path, content in written_files(GRAFANA).items():
        assert path.read_text(encoding="utf-8") == content, "run `python -m grafana.source`"


def test_there_is_no_other_file() -> None:
    folders = {GRAFANA / "dashboards", GRAFANA / "provisioning" / "alerting"}
    assert {path for folder in folders for path in folder.iterdir()} == set(written_files(GRAFANA))


def test_a_file_that_was_edited_is_found_and_written_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = shutil.copytree(GRAFANA, tmp_path / "grafana")
    assert main(["--check"], copy) == 0
    edited, gone = copy / "dashboards" / "overview.json", copy / "provisioning" / "alerting" / "rules.yaml"
    edited.write_text("{}")
    gone.unlink()
    assert main(["--check"], copy) == 1
    names = ("grafana/dashboards/overview.json", "grafana/provisioning/alerting/rules.yaml")
    assert capsys.readouterr().out.splitlines() == [f"{name}: not what its Python writes" for name in names]
    assert main([], copy) == 0
    assert edited.read_bytes() == (GRAFANA / "dashboards" / "overview.json").read_bytes()
    assert main(["--check"], copy) == 0


def test_nothing_is_swallowed(dashboards: dict[str, Json], sources: list[Json]) -> None:
    assert mistakes(dashboards, sources) == []


def _edit(*keys: Any, to: Any) -> Callable[[Json], None]:
    def edit(dashboard: Json) -> None:
        part: Any = dashboard
        for key in keys[:-1]:
            part = part[key]
        if to is None:
            del part[keys[-1]]
        else:
            part[keys[-1]] = to

    return edit


OTHER_SOURCE = {"type": "postgres", "uid": "fingerprint"}
TARGET = ("panels", 0, "targets", 0)
CHART = next(
    number for number, panel in enumerate(BUILDERS["overview.json"]()["panels"]) if panel["type"] == "timeseries"
)


@pytest.mark.parametrize(
    ("edit", "mistake"),
    [
        (_edit("uid", to="x" * 41), "is not 1 to 40"),
        (_edit("id", to=7), "it has an id"),
        (_edit("panels", 1, "id", to=1), "panel id 1 is there twice"),
        (_edit("panels", 1, "gridPos", "x", to=0), "overlap"),
        (_edit("panels", 0, "gridPos", "w", to=25), "is not inside"),
        (_edit("panels", 0, "type", to="graph"), "the type 'graph'"),
        (_edit("panels", 0, "description", to=""), "no description"),
        (_edit("panels", 0, "fieldConfig", "defaults", "unit", to=None), "no unit"),
        (_edit("panels", 0, "fieldConfig", "overrides", 0, "properties", 0, "value", "fixedColor", to="red"), "'red'"),
        (
            _edit("panels", CHART, "fieldConfig", "defaults", "color", to={"mode": "palette-classic"}),
            "'palette-classic'",
        ),
        (_edit(*TARGET, "refId", to=None), "no refId"),
        (_edit(*TARGET, "query", to="SELECT 1"), "stale 'query'"),
        (_edit(*TARGET, "rawQuery", to=False), "not what Grafana would run"),
        (_edit(*TARGET, "format", to="time_series_2"), "the format"),
        (_edit(*TARGET, "datasource", to=OTHER_SOURCE), "not provisioned"),
        (
            _edit(*TARGET, "rawSql", to="SELECT $__timeFilter(date(x)), $exchange, $declared"),
            "ends at the first bracket",
        ),
        (_edit(*TARGET, "rawSql", to="SELECT $exchagne"), "$exchagne is no variable"),
        (_edit("templating", "list", 0, "name", to="other"), "variable 'other' is not used"),
        (_edit("templating", "list", 0, "query", to="SELECT $declared"), "before it is there"),
        (_edit("templating", "list", 0, "datasource", to=OTHER_SOURCE), "not provisioned"),
        (_edit("templating", "list", 0, "allValue", to=""), "leave out"),
        (_edit("links", 0, "url", to="/d/nowhere"), "a dashboard that there is not"),
        (_edit("links", 0, "url", to="/d/fingerprint-connection?var-conection=a"), "sets no variable of it"),
    ],
)
def test_a_mistake_is_found(
    dashboards: dict[str, Json], sources: list[Json], edit: Callable[[Json], None], mistake: str
) -> None:
    broken = copy.deepcopy(dashboards)
    edit(broken["overview.json"])
    assert any(mistake in found for found in mistakes(broken, sources))


@pytest.mark.parametrize(
    ("title", "mistake"),
    [
        ("Windows by model", "series '{{model_version}}' have no colours"),
        ("Dead letters by reason", "series '{{reason}}' have no colours"),
        ("Time per window", "the series 'explaining, per verdict' has no colour"),
    ],
)
def test_series_that_look_alike_are_found(
    dashboards: dict[str, Json], sources: list[Json], title: str, mistake: str
) -> None:
    broken = copy.deepcopy(dashboards)
    (panel,) = [panel for panel in broken["pipeline.json"]["panels"] if panel["title"] == title]
    panel["fieldConfig"]["overrides"] = []
    assert any(mistake in found for found in mistakes(broken, sources))


def test_every_reason_of_the_job_has_a_look_of_its_own(dashboards: dict[str, Json]) -> None:
    declared = next((ROOT / "udfs" / "java").rglob("RejectionReason.java")).read_text(encoding="utf-8")
    (panel,) = [one for one in dashboards["pipeline.json"]["panels"] if one["title"] == "Dead letters by reason"]
    looks = {one["matcher"]["options"]: str(one["properties"]) for one in panel["fieldConfig"]["overrides"]}
    assert set(re.findall(r'^    [A-Z0-9_]+\("(.*)"\)', declared, re.MULTILINE)) == set(looks) - {"all"}
    assert len(set(looks.values())) == len(looks)


def test_alarm_is_no_exchange() -> None:
    assert not {ORANGE, VERMILLION} & {*EXCHANGE_COLOURS.values(), *OTHER_EXCHANGE_COLOURS.values()}


def test_two_of_one_uid_are_found(dashboards: dict[str, Json], sources: list[Json]) -> None:
    twice = dashboards | {"copy.json": dashboards["overview.json"]}
    assert "the uid 'fingerprint-overview' is there twice" in mistakes(twice, sources)


def test_every_dashboard_links_to_the_others(dashboards: dict[str, Json]) -> None:
    assert {dashboard["uid"]: dashboard["title"] for dashboard in dashboards.values()} == DASHBOARDS
    for dashboard in dashboards.values():
        others = [link["url"].removeprefix("/d/") for link in dashboard["links"]]
        assert others == [uid for uid in DASHBOARDS if uid != dashboard["uid"]]


def test_queries_read_views_only(dashboards: dict[str, Json]) -> None:
    for dashboard in dashboards.values():
        panels = shown_panels(dashboard)
        asked = [target["rawSql"] for panel in panels for target in panel.get("targets", ()) if "rawSql" in target]
        asked += [v["query"] for v in dashboard["templating"]["list"] if v.get("datasource") == POSTGRESQL]
        for sql in asked:
            own = set(re.findall(r"\b(\w+) AS (?:MATERIALIZED )?\(", sql))
            sql = re.sub(r"extract\(\w+ FROM", "", sql)
            assert (
                set(re.findall(r"\b(?:FROM|JOIN)\s+([a-z_]\w*)", sql)) - own - {"generate_series", "unnest"} <= READABLE
            ), sql


def test_times_are_compared_with_columns_as_they_are(dashboards: dict[str, Json]) -> None:
    # What is computed from an indexed column is not found by its index.
    for dashboard in dashboards.values():
        for panel in shown_panels(dashboard):
            for target in panel.get("targets", ()):
                assert all(
                    re.fullmatch(r"[a-z_.]+_at", column)
                    for column in re.findall(r"\$__timeFilter\(([^)]*)\)", target.get("rawSql", ""))
                )


def test_an_exchange_has_one_colour_everywhere(dashboards: dict[str, Json]) -> None:
    colours: dict[str, set[str]] = {}
    for dashboard in dashboards.values():
        for panel in shown_panels(dashboard):
            for override in panel.get("fieldConfig", {}).get("overrides", ()):
                for one in override["properties"]:
                    if one["id"] == "color" and one["value"]["mode"] == "fixed":
                        colours.setdefault(override["matcher"]["options"], set()).add(one["value"]["fixedColor"])
                    if one["id"] == "mappings":
                        for name, shown in one["value"][0]["options"].items():
                            colours.setdefault(name, set()).add(shown.get("color", ""))
    assert {name: colours[name] for name in EXCHANGE_COLOURS} == {n: {c} for n, c in EXCHANGE_COLOURS.items()}


def test_the_provider_reads_the_folder_that_compose_mounts() -> None:
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/fingerprint.yaml").read_text())["providers"]
    mounts = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["grafana"]["volumes"]
    assert provider["type"] == "file"
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in mounts
    assert "./grafana/provisioning:/etc/grafana/provisioning:ro" in mounts


def test_data_sources_are_current_and_have_no_secrets(sources: list[Json]) -> None:
    assert POSTGRESQL in [{"type": source["type"], "uid": source["uid"]} for source in sources]
    assert sum(source.get("isDefault", False) for source in sources) == 1
    for source in sources:
        assert source["access"] == "proxy"
        assert source["url"]
        assert all(secret.startswith("${") for secret in source.get("secureJsonData", {}).values())


def test_provisioning_files_are_read() -> None:
    # Grafana reads *.yaml and *.yml of these folders, and nothing else.
    for path in (GRAFANA / "provisioning").rglob("*"):
        if path.is_file():
            assert path.suffix in (".yaml", ".yml")
            assert path.parent.name in ("dashboards", "datasources", "alerting")
            assert yaml.safe_load(path.read_text())["apiVersion"] == 1
