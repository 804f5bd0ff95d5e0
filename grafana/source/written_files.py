"""Every file of grafana/ that this package writes, and what it holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from grafana.source import (
    alert_rules,
    connection_dashboard,
    model_health_dashboard,
    overview_dashboard,
    pipeline_dashboard,
)
from grafana.source.blocks.style import Json

BUILDERS: Final[Mapping[str, Callable[[], Json]]] = {
    "overview.json": overview_dashboard.build,
    "connection.json": connection_dashboard.build,
    "model_health.json": model_health_dashboard.build,
    "pipeline.json": pipeline_dashboard.build,
}
"""File -> what builds its dashboard."""


def written_files(grafana: Path) -> dict[Path, str]:
    """Write every dashboard, and the alert rules, as their files in the folder `grafana` hold them."""
    files = {
        grafana / "dashboards" / name: json.dumps(build(), indent=2, ensure_ascii=False) + "\n"
        for name, build in BUILDERS.items()
    }
    return files | {grafana / "provisioning" / "alerting" / "rules.yaml": alert_rules.written()}
