"""The report of a chaos run, as a page that needs nothing else and as JSON beside it."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from jobs.chaos import ChaosReport, Injury

_TEMPLATE: Final = "chaos_page.html.j2"


def write_report(report: ChaosReport, path: Path) -> None:
    """Write the page, and the same figures as JSON under the same name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_page(report), encoding="utf-8")
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
    return environment.get_template(_TEMPLATE).render(
        report=report, recoveries=report.recoveries(), image=_plot(report.injuries)
    )


def _plot(injuries: list[Injury]) -> str:
    """Draw each fault at its time with the time of recovery, as the address of an image."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    axes = figure.subplots()
    for fault in dict.fromkeys(injury.fault for injury in injuries):
        of_fault = [injury for injury in injuries if injury.fault == fault]
        at_min, recovery_s = [one.at_s / 60 for one in of_fault], [one.recovery_s for one in of_fault]
        axes.scatter(at_min, recovery_s, label=fault, s=22)
    axes.set(xlabel="minutes since the first result", ylabel="seconds until results flowed again", ylim=(0, None))
    axes.grid(alpha=0.3)
    if injuries:
        figure.legend(loc="outside right upper", fontsize="small", frameon=False)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=110)
    return "data:image/png;base64," + base64.b64encode(image.getvalue()).decode()
