"""Reads what Grafana reads when it starts with the files of `grafana/`: the same files, the same variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
import yaml

from jobs.shipped_files import shipped_folder

Json = dict[str, Any]

FOLDER: Final = "Exchange fingerprinting"
"""Title of Grafana's folder for dashboards and alert rules."""

_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """A data source as Grafana's API takes it, with its password.

    Attributes
    ----------
    settings : dict
        What goes to the API.
    is_needed : bool
        Whether nothing works without it.
    missing : tuple of str
        Environment variables that its file names and nobody has set.
    """

    settings: Json = field(repr=False)
    is_needed: bool
    missing: tuple[str, ...]

    @property
    def uid(self) -> str:
        """What dashboards and rules call it."""
        return str(self.settings["uid"])


def read_data_sources(environment: Mapping[str, str]) -> list[DataSource]:
    """Read every data source, with the environment's values put in."""
    files = (shipped_folder("grafana", "dashboards") / "provisioning" / "datasources").glob("*.yaml")
    sources = []
    for found in (source for path in sorted(files) for source in _read_yaml(path)["datasources"]):
        missing: list[str] = []
        settings = _replace(found, environment, missing)
        is_needed = settings.pop("isDefault", False)
        settings.pop("editable", None)
        sources.append(DataSource(settings=settings, is_needed=is_needed, missing=tuple(dict.fromkeys(missing))))
    return sources


def read_dashboards() -> list[Json]:
    """Read every dashboard."""
    files = (shipped_folder("grafana", "dashboards") / "dashboards").glob("*.json")
    return [orjson.loads(path.read_bytes()) for path in sorted(files)]


def read_rule_groups(environment: Mapping[str, str]) -> list[Json]:
    """Read every group of alert rules, with the environment's values put in, and links to the runbook if it has one."""
    files = (shipped_folder("grafana", "dashboards") / "provisioning" / "alerting").glob("*.yaml")
    groups = [
        _replace(group, environment, []) for path in sorted(files) for group in _read_yaml(path).get("groups", [])
    ]
    if not environment.get("GRAFANA_RUNBOOK_URL"):
        for rule in (rule for group in groups for rule in group["rules"]):
            del rule["annotations"]["runbook_url"]
    return groups


def _read_yaml(path: Path) -> Json:
    content: Json = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def _replace(value: Any, environment: Mapping[str, str], missing: list[str]) -> Any:
    """Put the environment's values for `${NAME}` into every text, and note the names that it has not."""
    if isinstance(value, dict):
        return {key: _replace(item, environment, missing) for key, item in value.items()}
    if isinstance(value, list):
        return [_replace(item, environment, missing) for item in value]
    if not isinstance(value, str):
        return value
    missing += [name for name in _VARIABLE.findall(value) if not environment.get(name)]
    return _VARIABLE.sub(lambda match: environment.get(match[1], ""), value)
