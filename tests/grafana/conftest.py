"""Dashboards as Grafana will read them, and the database that their queries run on."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from fingerprint_testing.paths import GRAFANA


@pytest.fixture(scope="session")
def dashboards() -> dict[str, dict[str, Any]]:
    """Return the dashboards by the names of their files."""
    return {path.name: json.loads(path.read_text()) for path in sorted((GRAFANA / "dashboards").glob("*.json"))}


@pytest.fixture(scope="session")
def sources() -> list[dict[str, Any]]:
    """Return the provisioned data sources."""
    files = sorted((GRAFANA / "provisioning" / "datasources").glob("*.yaml"))
    return [source for path in files for source in yaml.safe_load(path.read_text())["datasources"]]
