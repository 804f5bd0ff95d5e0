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

from jobs.chaos_load import BAD_EVERY
from jobs.chaos_report import ChaosReport, Injury

_TEMPLATE: Final = "chaos_page.html.j2"
_WIDTH_INCHES: Final = 11.0
_LINE_INCHES: Final = 0.42


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
    times: dict[str, list[Injury]] = {}
    for injury in injuries:
        times.setdefault(injury.fault, []).append(injury)
    names = sorted(times, key=lambda name: (not name.startswith("kill"), name), reverse=True)
    figure = Figure(figsize=(_WIDTH_INCHES, 1.2 + _LINE_INCHES * len(names) + 3.0), layout="constrained")
    by_kind, in_time = figure.subplots(2, 1, height_ratios=(0.6 + _LINE_INCHES * len(names), 3.0))
    _draw_by_kind(by_kind, names, times)
    for name in reversed(names):
        at_min, recovery_s = [i.at_s / 60 for i in times[name]], [i.recovery_s for i in times[name]]
        in_time.plot(at_min, recovery_s, "o" if name.startswith("kill") else "s", ms=4.5, label=name)
    in_time.set(xlabel="minutes since the first result", ylabel="recovery, s", ylim=(0, None))
    in_time.grid(alpha=0.3)
    in_time.legend(fontsize="x-small", frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=110)
    return "data:image/png;base64," + base64.b64encode(image.getvalue()).decode()


def _draw_by_kind(axes: Axes, names: list[str], times: dict[str, list[Injury]]) -> None:
    axes.boxplot(
        [[injury.recovery_s for injury in times[name]] for name in names],
        orientation="horizontal",
        whis=(0, 100),
        widths=0.5,
        medianprops={"color": "#9c3f00", "linewidth": 2},
        tick_labels=[f"{name} ({len(times[name])})" for name in names],
    )
    axes.set(xlabel="recovery, s: least, quarter, median, three quarters, most", xlim=(0, None))
    axes.grid(alpha=0.3, axis="x")
