"""What all dashboards share: data sources, colours, and how they link to each other."""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]
"""A part of a dashboard, as Grafana's JSON has it."""

POSTGRESQL: Final[Json] = {"type": "grafana-postgresql-datasource", "uid": "fingerprint"}
PROMETHEUS: Final[Json] = {"type": "prometheus", "uid": "fingerprint-prometheus"}

# The colours of Okabe and Ito (2008), which people with any colour vision tell apart on dark and light ground.
ORANGE: Final = "#E69F00"
SKY_BLUE: Final = "#56B4E9"
GREEN: Final = "#009E73"
YELLOW: Final = "#F0E442"
BLUE: Final = "#0072B2"
VERMILLION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
GREY: Final = "#999999"
PLAIN: Final = "text"
"""The theme's own colour of text: light on dark, dark on light."""

CRITICAL: Final = VERMILLION
WARNING: Final = ORANGE

EXCHANGE_COLOURS: Final = {"binance": GREEN, "coinbase": SKY_BLUE, "kraken": PURPLE, "unknown": GREY}
OTHER_EXCHANGE_COLOURS: Final = {"[a-m]": YELLOW, "[^a-m]": BLUE}
"""Last letter of the name -> colour, for exchanges that were enrolled later: it is the same on every panel and day."""

MODEL_COLOURS: Final = {"[0-2]": SKY_BLUE, "[3-5]": YELLOW, "[6-8]": PURPLE, "[9ab]": GREEN, "[^0-9ab]": BLUE}
"""Last character of a model's version, which is a hash -> colour."""

SERIES_COLOURS: Final = (SKY_BLUE, YELLOW, PURPLE, GREEN, BLUE)
"""For series without a colour of their own, in this order; orange and vermillion are kept for what is wrong."""

KIND_COLOURS: Final = {"named": SKY_BLUE, "mismatch": VERMILLION, "unknown_venue": ORANGE}

TAG: Final = "fingerprint"
DASHBOARDS: Final = {
    "fingerprint-overview": "Overview",
    "fingerprint-connection": "Connection",
    "fingerprint-model": "Model health",
    "fingerprint-pipeline": "Pipeline",
}
"""Uid -> title of every dashboard, in the order of the links at their tops."""

CONNECTION_URL: Final = "/d/fingerprint-connection?var-connection=${{{}:percentencode}}&${{__url_time_range}}"


def links_to_others(uid: str) -> list[Json]:
    """Link to the other dashboards, which keep the time range and the variables that they have too."""
    return [
        {
            "title": title,
            "type": "link",
            "url": f"/d/{other}",
            "icon": "dashboard",
            "tooltip": "",
            "tags": [],
            "asDropdown": False,
            "includeVars": True,
            "keepTime": True,
            "targetBlank": False,
        }
        for other, title in DASHBOARDS.items()
        if other != uid
    ]


def link_to_connection(value: str = "__value.raw") -> Json:
    """Link a cell that holds a connection id to that connection's dashboard."""
    return {"title": "Show this connection", "url": CONNECTION_URL.format(value), "targetBlank": False}
