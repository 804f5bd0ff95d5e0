"""Two models' verdicts on the same sessions, in figures that can stand side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from model.training.calibrator import Judgements
from model.training.dataset import Dataset, Source
from udfs.schema import UNKNOWN

MOST_LOSS: Final = 0.02
"""Of the share right of a class's windows or connections; more than that is warned of."""

UNITS: Final = ("windows", "connections")

Confusion = dict[str, dict[str, Counter[str]]]
"""Unit, true label, verdict, count."""

Outcomes = dict[str, dict[str, dict[str, int]]]
"""True label, unit, and how many were called `right`, `unknown` or `wrong`."""


@dataclass(frozen=True, kw_only=True)
class Named:
    """What a model that never saw a session, or its like, says of it.

    Attributes
    ----------
    source : Source
    windows : dict of int
        Verdict to number of windows.
    verdict, certainty : str
        Of the connection.
    """

    source: Source
    windows: dict[str, int]
    verdict: str
    certainty: str

    def to_json(self) -> dict[str, Any]:
        """Lay out for the report."""
        return {
            "recording": self.source.name,
            "left_out_with": self.source.group,
            "windows": self.windows,
            "verdict": self.verdict,
            "certainty": self.certainty,
        }


def names_of(dataset: Dataset, judgements: Judgements, classes: Sequence[str]) -> list[Named]:
    """List what was said of each session that has a window."""
    called = np.array(classes)[judgements.windows]
    return [
        Named(
            source=source,
            windows=dict(sorted(Counter(called[dataset.session == i].tolist()).items())),
            verdict=judgements.connections[i].exchange,
            certainty=judgements.connections[i].certainty,
        )
        for i, source in enumerate(dataset.sources)
        if judgements.connections[i].windows
    ]


def confusion_of(names: Iterable[Named], *, label: str | None = None) -> Confusion:
    """Count verdicts by true label, or all of them under the one that is given."""
    confusion: Confusion = {unit: {} for unit in UNITS}
    for named in names:
        truth = label or named.source.label
        confusion["windows"].setdefault(truth, Counter()).update(named.windows)
        confusion["connections"].setdefault(truth, Counter()).update([named.verdict])
    return confusion


def read_confusion(metrics: dict[str, Any]) -> Confusion:
    """Take the counts out of what `session_metrics` made."""
    return {unit: {label: Counter(row) for label, row in metrics[unit]["confusion"].items()} for unit in UNITS}


def add_confusions(one: Confusion, other: Confusion) -> Confusion:
    """Add counts.

    >>> one = {"windows": {"a": Counter(a=2)}, "connections": {}}
    >>> add_confusions(one, {"windows": {"a": Counter(b=1)}, "connections": {}})["windows"]
    {'a': Counter({'a': 2, 'b': 1})}
    """
    return {
        unit: {
            label: one[unit].get(label, Counter()) + other[unit].get(label, Counter())
            for label in sorted(one[unit].keys() | other[unit].keys())
        }
        for unit in UNITS
    }


def outcomes_of(confusion: Confusion) -> Outcomes:
    """Count what was right, called unknown, or wrong; of strangers, `unknown` is right.

    >>> counts = {"a": Counter(a=5, unknown=2, b=1), "unknown": Counter(unknown=3, a=1)}
    >>> outcomes_of({"windows": counts, "connections": {}})["a"]["windows"]
    {'right': 5, 'unknown': 2, 'wrong': 1}
    >>> outcomes_of({"windows": counts, "connections": {}})["unknown"]["windows"]
    {'right': 3, 'unknown': 0, 'wrong': 1}
    """
    outcomes: Outcomes = {}
    for unit, rows in confusion.items():
        for label, row in rows.items():
            right, unknown = row[label], 0 if label == UNKNOWN else row[UNKNOWN]
            counts = {"right": right, "unknown": unknown, "wrong": row.total() - right - unknown}
            outcomes.setdefault(label, {})[unit] = counts
    return outcomes


def right_share(counts: dict[str, int] | None) -> float | None:
    """Divide what was right by all; None if there was nothing."""
    total = sum(counts.values()) if counts else 0
    return counts["right"] / total if counts and total else None


def losses(before: Outcomes, after: Outcomes) -> list[str]:
    """Say which class lost more than `MOST_LOSS` of its share right, in words."""
    said = []
    for label in sorted(before.keys() & after.keys()):
        for unit in UNITS:
            had, has = right_share(before[label].get(unit)), right_share(after[label].get(unit))
            if had is not None and has is not None and round(had - has, 9) > MOST_LOSS:
                who = f"strangers' {unit} are refused" if label == UNKNOWN else f"{label}'s {unit} are named right"
                said.append(f"{has:.1%} of {who}, {had:.1%} before")
    return said
