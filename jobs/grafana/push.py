"""Writes folder, data sources, dashboards and alert rules into a Grafana; doing it again leaves the same there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jobs.grafana.grafana_server import Grafana
from jobs.grafana.provisioning import FOLDER, DataSource, Json, read_dashboards, read_data_sources, read_rule_groups
from udfs.errors import ConfigError

FOLDER_UID: Final = "fingerprint"

MADE: Final = "made"
OVERWRITTEN: Final = "overwritten"
UNCHANGED: Final = "as it was"
KEPT: Final = "kept, Grafana has it from its own files"

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """What became of a folder, data source, dashboard or group of rules."""

    kind: str
    name: str
    outcome: str


def push(grafana: Grafana, environment: Mapping[str, str]) -> Iterator[Pushed]:
    """Write everything, telling of each thing once it is there.

    What that Grafana was started with from files of its own is kept: it would not let us change it.

    Raises
    ------
    ConfigError
        If the environment does not say where the database is, or Grafana does not let us write.
    """
    sources = read_data_sources(environment)
    existing = {source.uid: _find_source(grafana, source.uid) for source in sources}
    missing = [n for s in sources if s.is_needed and not existing[s.uid] for n in s.missing]
    if missing:
        raise ConfigError(
            f"Expected {', '.join(missing)} in the environment, as Grafana reaches the database, found nothing: set "
            f"{'it' if len(missing) == 1 else 'them'}"
        )
    folder_uid, folder = _push_folder(grafana)
    yield folder
    for source in sources:
        yield _push_source(grafana, source, existing[source.uid])
    for dashboard in read_dashboards():
        yield _push_dashboard(grafana, dashboard, folder_uid)
    there = {source.uid for source in sources if existing[source.uid] or not source.missing}
    yield from _push_rules(grafana, read_rule_groups(environment), folder_uid, there)


def _push_folder(grafana: Grafana) -> tuple[str, Pushed]:
    with grafana.asked(f"to take the folder {FOLDER!r}"):
        for found in grafana.api.folder.get_all_folders():
            if found["uid"] == FOLDER_UID or found["title"] == FOLDER:
                return str(found["uid"]), Pushed(kind="folder", name=FOLDER, outcome=UNCHANGED)
        grafana.api.folder.create_folder(FOLDER, uid=FOLDER_UID)
    return FOLDER_UID, Pushed(kind="folder", name=FOLDER, outcome=MADE)


def _find_source(grafana: Grafana, uid: str) -> Json | None:
    with grafana.asked_for(f"the data source {uid!r}"):
        found: Json = grafana.api.datasource.get_datasource_by_uid(uid)
        return found
    return None


def _push_source(grafana: Grafana, source: DataSource, existing: Json | None) -> Pushed:
    name = str(source.settings["name"])
    if existing is not None and existing.get("readOnly"):
        return Pushed(kind="data source", name=name, outcome=KEPT)
    if source.missing:
        outcome = "kept" if existing is not None else "left out"
        return Pushed(kind="data source", name=name, outcome=f"{outcome}, {', '.join(source.missing)} is not set")
    # Whose Grafana it is decides which data source is the default one.
    settings = source.settings | {"isDefault": bool(existing and existing.get("isDefault"))}
    with grafana.asked(f"to take the data source {name!r}"):
        if existing is None:
            grafana.api.datasource.create_datasource(settings)
            return Pushed(kind="data source", name=name, outcome=MADE)
        grafana.api.datasource.update_datasource_by_uid(source.uid, settings)
    return Pushed(kind="data source", name=name, outcome=OVERWRITTEN)


def _push_dashboard(grafana: Grafana, dashboard: Json, folder_uid: str) -> Pushed:
    existing: Json = {}
    with grafana.asked_for(f"the dashboard {dashboard['uid']!r}"):
        existing = grafana.api.dashboard.get_dashboard(dashboard["uid"])
    meta = existing.get("meta", {})
    if meta.get("provisioned"):
        return Pushed(kind="dashboard", name=dashboard["title"], outcome=KEPT)
    if meta.get("folderUid") == folder_uid and _content(existing["dashboard"]) == _content(dashboard):
        return Pushed(kind="dashboard", name=dashboard["title"], outcome=UNCHANGED)
    body = {"dashboard": _content(dashboard), "folderUid": folder_uid, "overwrite": True}
    with grafana.asked(f"to take the dashboard {dashboard['title']!r}"):
        grafana.api.dashboard.update_dashboard(body)
    return Pushed(kind="dashboard", name=dashboard["title"], outcome=OVERWRITTEN if existing else MADE)


def _content(dashboard: Json) -> Json:
    """Leave out what Grafana numbers itself."""
    return {key: value for key, value in dashboard.items() if key not in ("id", "version")}


def _push_rules(grafana: Grafana, groups: list[Json], folder_uid: str, sources: set[str]) -> Iterator[Pushed]:
    with grafana.asked("to show its alert rules"):
        rules = {rule["uid"]: rule for rule in grafana.api.client.GET("/v1/provisioning/alert-rules")}
    for group in groups:
        before = [rules[rule["uid"]] for rule in group["rules"] if rule["uid"] in rules]
        missing = {step["datasourceUid"] for rule in group["rules"] for step in rule["data"]} - sources - {"__expr__"}
        if any(rule.get("provenance") == "file" for rule in before):
            outcome = KEPT
        elif missing:
            outcome = f"left out, there is no data source {', '.join(sorted(missing))}"
        else:
            with grafana.asked(f"to take the alert rules {group['name']!r}"):
                body = _rule_group(group, folder_uid)
                grafana.api.alertingprovisioning.update_rule_group(folder_uid, group["name"], body)
            outcome = OVERWRITTEN if before else MADE
        yield Pushed(kind="alert rules", name=group["name"], outcome=outcome)


def _rule_group(group: Json, folder_uid: str) -> dict[str, Any]:
    """Turn a group of a provisioning file into what the API takes."""
    place = {"orgID": group["orgId"], "folderUID": folder_uid, "ruleGroup": group["name"]}
    interval: str = group["interval"]
    return {
        "title": group["name"],
        "folderUid": folder_uid,
        "interval": int(interval[:-1]) * _SECONDS[interval[-1]],
        "rules": [rule | place for rule in group["rules"]],
    }
