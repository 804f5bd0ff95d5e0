"""What all plots share: colours that everybody can tell apart, and a figure as an image that a page can hold."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, Final, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS: Final = {"model": "#0072B2", "plain": "#D55E00", "other": "#009E73", "grey": "#777777"}
"""Of Okabe and Ito (2008), told apart with any colour vision; markers and lines differ as well."""

MARKERS: Final = {"model": "o", "plain": "s", "other": "^"}
LINES: Final = {"model": "-", "plain": "--", "other": ":"}
TITLES: Final = {
    "model": "model",
    "plain": "plain classifier",
    "fresh": "fresh synthetic sessions",
    "recordings": "recordings left out",
}

_STYLE: Final[dict[str, Any]] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "evaluation",
}


class Canvas:
    """A figure in the report's style; `uri` is its image once it is drawn."""

    def __init__(self, figure: Figure, axes: list[Axes]) -> None:
        self.figure = figure
        self.axes = axes
        self.uri = ""


@contextmanager
def canvas(rows: int, columns: int, *, width: float, height: float) -> Iterator[Canvas]:
    """Lay out axes; what is drawn in the block becomes an SVG image in a data URI."""
    with mpl.rc_context(cast(Any, _STYLE)):
        figure = Figure(figsize=(width, height), layout="constrained")
        drawn = Canvas(figure, list(figure.subplots(rows, columns, squeeze=False).flat))
        yield drawn
        buffer = BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    drawn.uri = "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def percent_axis(axes: Axes, *, low: float = 0.0, high: float = 1.0) -> None:
    """Show shares in percent on the vertical axis."""
    axes.set_ylim(low, high + 0.02 * (high - low))
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")


def interval_line(axes: Axes, places: list[float], shares: list[dict[str, Any]], who: str, label: str) -> None:
    """Draw shares over places, with their confidence intervals as a band."""
    kept = [(place, share) for place, share in zip(places, shares, strict=True) if share["ratio"] is not None]
    if not kept:
        return
    x = [place for place, _ in kept]
    axes.plot(
        x,
        [share["ratio"] for _, share in kept],
        LINES[who],
        marker=MARKERS[who],
        markersize=4,
        color=COLOURS[who],
        label=label,
    )
    lows, highs = ([share[end] for _, share in kept] for end in ("low", "high"))
    axes.fill_between(x, lows, highs, color=COLOURS[who], alpha=0.15, linewidth=0)
