"""The report as one page that needs nothing else: images within, no network."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from model.evaluation.report import plots

_TEMPLATE: Final = "page.html.j2"


def render_page(report: dict[str, Any]) -> str:
    """Write the report for a reader with a browser."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(share=share_text, interval=interval_text, figure=figure_text, per=per_text)
    images = {
        "confusion": plots.plot_confusions(report["main"]),
        "reliability": plots.plot_reliability(report["confidence"]),
        "precision_recall": plots.plot_precision_recall(report["ranking"]),
        "requested": plots.plot_requested(report["requested"]),
        "course": plots.plot_course(report["course"]),
        "shifts": plots.plot_shifts(report["rate_shift"], report["jitter"]),
        "importance": plots.plot_importance(report["importance"]),
        "ways": plots.plot_ways(report["ways"]),
    }
    return environment.get_template(_TEMPLATE).render(report=report, images=images)


def share_text(share: dict[str, Any] | None) -> str:
    """Write a share in percent.

    >>> share_text({"ratio": 0.98765, "hits": 80, "of": 81})
    '98.8%'
    """
    return "–" if share is None or share["ratio"] is None else f"{share['ratio']:.1%}"


def interval_text(share: dict[str, Any] | None) -> str:
    """Write a share's counts and confidence interval.

    >>> interval_text({"hits": 80, "of": 81, "ratio": 0.98765, "low": 0.93333, "high": 0.99782})
    '80 of 81, 93.3–99.8%'
    """
    if share is None or share["ratio"] is None:
        return ""
    return f"{share['hits']:,} of {share['of']:,}, {100 * share['low']:.1f}–{100 * share['high']:.1f}%"


def figure_text(value: float | None, *, as_share: bool = False) -> str:
    """Write a number as short as it may be.

    >>> figure_text(0.98765, as_share=True), figure_text(12), figure_text(0.01234), figure_text(None)
    ('98.8%', '12', '0.012', '–')
    """
    if value is None:
        return "–"
    if as_share:
        return f"{value:.1%}" if abs(value) >= 0.0095 or value == 0 else f"{value:.2%}"
    return (
        f"{value:,.0f}"
        if float(value).is_integer() or abs(value) >= 100
        else f"{value:.3g}"
        if abs(value) >= 1
        else f"{value:.3f}"
    )


def per_text(rate: float) -> str:
    """Write a rate in percent without zeros at its end.

    >>> per_text(0.005), per_text(0.1)
    ('0.5%', '10%')
    """
    return f"{100 * rate:g}%"
