"""Dashboards as Grafana will read them, and the database that their queries run on."""

from __future__ import annotations

import importlib.util
import json
import sys
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


def _load(name: str) -> ModuleType:
    """Import a module that stands beside the tests, which are no package."""
    spec = importlib.util.spec_from_file_location(f"tests_grafana_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def checker() -> ModuleType:
    """Return the module `mistakes.py`."""
    return _load("mistakes")


@pytest.fixture(scope="session")
def shapes() -> ModuleType:
    """Return the module `shapes.py`."""
    return _load("shapes")
