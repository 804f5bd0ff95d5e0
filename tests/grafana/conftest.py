"""Dashboards as Grafana will read them, and the database that their queries run on."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

GRAFANA = Path(__file__).resolve().parents[2] / "grafana"


@pytest.fixture(scope="session")
def dashboards() -> dict[str, dict[str, Any]]:
    """Return the dashboards by the names of their files."""
    return {path.name: json.loads(path.read_text()) for path in sorted((GRAFANA / "dashboards").glob("*.json"))}


@pytest.fixture(scope="session")
def sources() -> list[dict[str, Any]]:
    """Return the provisioned data sources."""
    files = sorted((GRAFANA / "provisioning" / "datasources").glob("*.yaml"))
    return [source for path in files for source in yaml.safe_load(path.read_text())["datasources"]]


@pytest.fixture(scope="session")
def checker() -> ModuleType:
    """Return the module `mistakes.py`."""
    spec = importlib.util.spec_from_file_location("tests_mistakes", Path(__file__).with_name("mistakes.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
