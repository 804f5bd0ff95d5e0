"""The report's plots: each takes a part of the report and gives an image."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes

from model.evaluation.figures import NOT_DECIDED
from model.evaluation.report.drawing import COLOURS, LINES, MARKERS, TITLES, canvas, interval_line, percent_axis
from udfs.schema import EXCHANGES, UNKNOWN

ON: Final = ("fresh", "recordings")
WHO: Final = ("model", "plain")
_MOST_FEATURES: Final = 20


def plot_confusions(main: dict[str, Any]) -> str:
    """Draw what each label is called, in shares of the label, for both namers, by windows and by connections."""
    with canvas(2, 4, width=13, height=6.4) as drawn:
        places = [(who, on, unit) for who in WHO for on in ON for unit in ("windows", "connections")]
        for axes, (who, on, unit) in zip(drawn.axes, places, strict=True):
            _draw_confusion(axes, main[on][who][unit]["confusion"])
            axes.set_title(f"{TITLES[who]}: {unit},\n{TITLES[on]}")
    return drawn.uri


def _draw_confusion(axes: Axes, counts: dict[str, dict[str, int]]) -> None:
    truths = [name for name in (*EXCHANGES, UNKNOWN) if name in counts]
    names = [*EXCHANGES, UNKNOWN, NOT_DECIDED]
    table = np.array([[counts[truth].get(name, 0) for name in names] for truth in truths], dtype=float)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.grid(visible=False)
    axes.set_xticks(range(len(names)), names, rotation=35, ha="right")
    axes.set_yticks(range(len(truths)), truths)
    for row, column in np.ndindex(table.shape):
        if table[row, column]:
            colour = "white" if shares[row, column] > 0.6 else "#222222"
            text = f"{int(table[row, column]):,}"
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)


def plot_reliability(confidence: dict[str, Any]) -> str:
    """Draw how often probabilities come true."""
    with canvas(1, 4, width=13, height=3.6) as drawn:
        places = [(on, unit) for unit in ("windows", "connections") for on in ON]
        for axes, (on, unit) in zip(drawn.axes, places, strict=True):
            axes.plot([0, 1], [0, 1], color=COLOURS["grey"], linewidth=0.8)
            for who in WHO:
                figures = confidence[on][who][unit]
                bins, ece = figures["bins"], figures["ece"]
                label = f"{TITLES[who]}, error {ece:.3f}" if ece is not None else TITLES[who]
                axes.plot(bins["confidence"], bins["accuracy"], LINES[who], color=COLOURS[who], linewidth=1)
                sizes = [8 + 150 * share for share in bins["share"]]
                axes.scatter(
                    bins["confidence"], bins["accuracy"], sizes, color=COLOURS[who], marker=MARKERS[who], label=label
                )
            axes.set(xlabel="probability", ylabel="share right", title=f"{unit},\n{TITLES[on]}", xlim=(0, 1.02))
            percent_axis(axes)
            axes.legend(loc="upper left", fontsize=8, markerscale=0.7)
    return drawn.uri


def plot_precision_recall(ranking: dict[str, Any]) -> str:
    """Draw precision over recall of telling strangers from known exchanges."""
    with canvas(1, 4, width=13, height=3.6) as drawn:
        places = [(on, unit) for unit in ("windows", "connections") for on in ON]
        for axes, (on, unit) in zip(drawn.axes, places, strict=True):
            for who in WHO:
                figures = ranking[on][who][unit]
                label = f"{TITLES[who]}, AUROC {figures['auroc']}"
                axes.step(
                    figures["recall"],
                    figures["precision"],
                    LINES[who],
                    where="post",
                    color=COLOURS[who],
                    label=label,
                )
            base = ranking[on]["model"][unit]["base_rate"]
            if base is not None:
                axes.axhline(base, color=COLOURS["grey"], linewidth=0.8)
            axes.set(xlabel="share of strangers found", ylabel="precision", title=f"{unit},\n{TITLES[on]}")
            percent_axis(axes)
            axes.legend(loc="lower left", fontsize=8)
    return drawn.uri


def plot_requested(requested: dict[str, Any]) -> str:
    """Draw the observed rate of known windows refused over the requested one, and the strangers refused for it."""
    with canvas(1, 4, width=13, height=3.6) as drawn:
        for column, on in enumerate(ON):
            rates = [row["requested"] for row in requested[on]["model"]]
            observed, refused = drawn.axes[2 * column : 2 * column + 2]
            observed.fill_between(rates, [r / 2 for r in rates], [2 * r for r in rates], color="#eeeeee", linewidth=0)
            observed.plot(rates, rates, color=COLOURS["grey"], linewidth=0.8)
            for who in WHO:
                rows = requested[on][who]
                by_session = [max(row["observed_by_session"] or 0.0, 1e-5) for row in rows]
                style: dict[str, Any] = {
                    "color": COLOURS[who],
                    "marker": MARKERS[who],
                    "markersize": 4,
                    "label": TITLES[who],
                }
                observed.plot(rates, by_session, LINES[who], **style)
                interval_line(refused, rates, [row["strangers_refused"] for row in rows], who, TITLES[who])
            observed.set(xscale="log", yscale="log", xlabel="requested", ylabel="observed", title=f"{TITLES[on]}")
            observed.legend(fontsize=8)
            refused.set(xscale="log", xlabel="requested", ylabel="strangers' windows refused", title=f"{TITLES[on]}")
            percent_axis(refused)
    return drawn.uri


def plot_course(course: dict[str, Any]) -> str:
    """Draw right and undecided verdicts over the messages seen."""
    with canvas(1, 4, width=13, height=3.6) as drawn:
        places = [(on, group) for on in ON for group in ("known", "strangers")]
        for axes, (on, group) in zip(drawn.axes, places, strict=True):
            for who in WHO:
                points = course[on][who][group]["points"]
                messages = [point["messages"] for point in points]
                interval_line(axes, messages, [point["right"] for point in points], who, f"right: {TITLES[who]}")
            points = course[on]["model"][group]["points"]
            undecided = [point["undecided"] for point in points]
            interval_line(axes, [point["messages"] for point in points], undecided, "other", "undecided: model")
            what = "known exchanges" if group == "known" else "strangers"
            axes.set(xlabel="messages seen", ylabel="share of connections", title=f"{what},\n{TITLES[on]}")
            percent_axis(axes)
            axes.legend(fontsize=8, loc="center right")
    return drawn.uri


def plot_shifts(rate_shift: list[dict[str, Any]], jitter: dict[str, list[dict[str, Any]]]) -> str:
    """Draw what is right under other rates and other jitter."""
    parts = [
        ("fresh synthetic sessions", rate_shift, "rate_factor", "factor of the message rate"),
        ("fresh synthetic sessions", jitter["fresh"], "jitter_ms", "added jitter, median in ms"),
        ("recordings left out", jitter["recordings"], "jitter_ms", "added jitter, median in ms"),
    ]
    with canvas(1, 3, width=13, height=3.8) as drawn:
        for axes, (title, rows, what, label) in zip(drawn.axes, parts, strict=True):
            places = [float(place) for place in range(len(rows))]
            for who in WHO:
                shares = [row[who]["connections_right"] for row in rows]
                interval_line(axes, places, shares, who, f"connections: {TITLES[who]}")
                windows = [row[who]["windows_right"]["ratio"] for row in rows]
                axes.plot(places, windows, ":", color=COLOURS[who], label=f"windows: {TITLES[who]}")
            axes.set_xticks(places, [f"{row[what]:g}" for row in rows])
            axes.set(xlabel=label, ylabel="right", title=title)
            lowest = min(row[who][f"{unit}_right"]["ratio"] or 0.0 for row in rows for who in WHO for unit in _UNITS)
            percent_axis(axes, low=max(0.0, lowest - 0.1))
            axes.legend(fontsize=8, loc="lower left")
    return drawn.uri


_UNITS: Final = ("connections", "windows")


def plot_importance(importance: list[dict[str, Any]]) -> str:
    """Draw the features that gain most."""
    rows = importance[:_MOST_FEATURES][::-1]
    with canvas(1, 1, width=9, height=5.2) as drawn:
        axes = drawn.axes[0]
        axes.barh([row["feature"] for row in rows], [row["share"] for row in rows], color=COLOURS["model"])
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
        axes.set_xlabel("share of all splits' gain")
        axes.grid(visible=False, axis="y")
    return drawn.uri


def plot_ways(ways: list[dict[str, Any]]) -> str:
    """Draw how well each way to refuse ranks strangers, and how many it refuses."""
    rows = ways[::-1]
    names = [row["way"] for row in rows]
    with canvas(1, 2, width=13, height=3.8) as drawn:
        ranked, refused = drawn.axes
        for who, unit in (("model", "connections"), ("plain", "windows")):
            ranked.plot(
                [row["recordings"][f"auroc_{unit}"] for row in rows],
                names,
                MARKERS[who],
                color=COLOURS[who],
                label=unit,
            )
            shares = [row["recordings"][f"strangers_{unit}_refused"] for row in rows]
            middles = [share["ratio"] or 0.0 for share in shares]
            errors = np.array([[s["ratio"] - s["low"], s["high"] - s["ratio"]] if s["of"] else [0, 0] for s in shares])
            refused.errorbar(
                middles, names, xerr=np.abs(errors).T, fmt=MARKERS[who], color=COLOURS[who], capsize=2, label=unit
            )
        ranked.set(xlabel="AUROC, strangers against known exchanges", title="recordings left out")
        refused.set(xlabel="strangers refused, where 1% of known windows are", title="recordings left out")
        refused.set_yticklabels([])
        refused.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
        ranked.legend(fontsize=8)
    return drawn.uri
