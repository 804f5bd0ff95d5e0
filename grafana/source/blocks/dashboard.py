"""A whole dashboard: its panels, its variables, and the links at its top."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from grafana.source.blocks.style import DASHBOARDS, TAG, Json, links_to_others

SCHEMA_VERSION: Final = 42


def dashboard(
    uid: str,
    description: str,
    panels: Sequence[Json],
    *,
    variables: Sequence[Json] = (),
    time_from: str = "now-15m",
    refresh: str = "10s",
) -> Json:
    """Put panels, numbered in their order, and variables together.

    Parameters
    ----------
    uid : str
        One of `DASHBOARDS`, which has the title too.
    description : str
        What the dashboard is for, in a sentence.
    time_from : str
        Where its time range begins, up to now.
    refresh : str
        How often it asks again; empty for never.
    """
    return {
        "uid": uid,
        "title": DASHBOARDS[uid],
        "description": " ".join(description.split()),
        "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": refresh,
        "time": {"from": time_from, "to": "now"},
        "timepicker": {"refresh_intervals": ["5s", "10s", "30s", "1m", "5m"]},
        "annotations": {"list": []},
        "links": links_to_others(uid),
        "templating": {"list": list(variables)},
        "panels": [{"id": number} | panel for number, panel in enumerate(panels, 1)],
    }
