"""`python -m jobs.dashboards`: write grafana/dashboards/*.json anew, in a checkout."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from jobs.dashboards import connection, model_health, overview, pipeline
from jobs.dashboards.style import Json

FOLDER: Final = Path(__file__).resolve().parents[2] / "grafana" / "dashboards"

BUILDERS: Final[Mapping[str, Callable[[], Json]]] = {
    "overview.json": overview.build,
    "connection.json": connection.build,
    "model_health.json": model_health.build,
    "pipeline.json": pipeline.build,
}
"""File -> what builds its dashboard."""


def written(dashboard: Json) -> str:
    """Write a dashboard as its file holds it."""
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write every dashboard."""
    for name, build in BUILDERS.items():
        (FOLDER / name).write_text(written(build()), encoding="utf-8")


if __name__ == "__main__":
    main()
