"""Writes the report of a chaos run: a page that needs nothing else, and JSON beside it."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jobs.trials.chaos.chaos_load import BAD_EVERY
from jobs.trials.chaos.chaos_report import ChaosReport, Injury

_TEMPLATE: Final = "page.html.j2"
_WIDTH_INCHES: Final = 11.0
_LINE_INCHES: Final = 0.3
_QUIET: Final = "#005a8d"
_STRONG: Final = "#9c3f00"


def write_page(report: ChaosReport, path: Path) -> None:
    """Write the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_page(report), encoding="utf-8")


def write_figures(report: ChaosReport, path: Path) -> None:
    """Write the page's figures as JSON beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps(report.to_json(), indent=1) + "\n", encoding="utf-8")


def render_page(report: ChaosReport) -> str:
    """Write the report for a reader with a browser."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    image = _plot(report.injuries) if report.injuries else None
    template = environment.get_template(_TEMPLATE)
    return template.render(report=report, recoveries=report.recoveries(), image=image, bad_every=BAD_EVERY)


def _plot(injuries: list[Injury]) -> str:
    """Draw the recovery times, by kind and in the course of the run, as the address of an image."""
    names = sorted({injury.fault for injury in injuries}, key=lambda name: (not _is_kill(name), name), reverse=True)
    heights = (1.0 + _LINE_INCHES * len(names), 3.2)
    figure = Figure(figsize=(_WIDTH_INCHES, sum(heights)), layout="constrained")
    by_kind, in_time = figure.subfigures(2, 1, height_ratios=heights, squeeze=False)[:, 0]
    _draw_by_kind(by_kind.subplots(), names, injuries)
    _draw_in_time(in_time.subplots(), injuries)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=110)
    return "data:image/png;base64," + base64.b64encode(image.getvalue()).decode()


def _draw_by_kind(axes: Axes, names: list[str], injuries: list[Injury]) -> None:
    times = [[injury.recovery_s for injury in injuries if injury.fault == name] for name in names]
    axes.boxplot(
        times,
        orientation="horizontal",
        whis=(0, 100),
        widths=0.5,
        medianprops={"color": _STRONG, "linewidth": 2},
        tick_labels=[f"{name} ({len(found)})" for name, found in zip(names, times, strict=True)],
    )
    axes.set(xlabel="recovery in seconds: least, a quarter, median, three quarters, most", xlim=(0, None))
    axes.grid(alpha=0.3, axis="x")


def _draw_in_time(axes: Axes, injuries: list[Injury]) -> None:
    kills = [injury for injury in injuries if _is_kill(injury.fault)]
    worse = [injury for injury in injuries if not _is_kill(injury.fault)]
    for found, label, marker, color in ((kills, "kill -9", "o", _QUIET), (worse, "worse", "s", _STRONG)):
        at_min, recovery_s = [one.at_s / 60 for one in found], [one.recovery_s for one in found]
        axes.plot(at_min, recovery_s, marker, markersize=4.5, color=color, label=label)
    axes.set(xlabel="minutes since the first result", ylabel="recovery in seconds", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, ncols=2, loc="upper right")


def _is_kill(fault: str) -> bool:
    return fault.startswith("kill")
