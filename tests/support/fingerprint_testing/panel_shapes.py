"""What each type of panel needs of the rows that its query returns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

Json = dict[str, Any]

NUMBERS = {20, 21, 23, 700, 701, 1700}
TIMES = {1082, 1114, 1184}
TEXTS = {19, 25, 1042, 1043}
BOOLEANS = {16}


@dataclass(frozen=True)
class Result:
    """Rows of a query, with the names of its columns and the types that PostgreSQL says they have."""

    columns: Sequence[tuple[str, int]]
    rows: Sequence[Sequence[Any]]

    def dicts(self) -> list[Json]:
        names = [name for name, _ in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


def series(result: Result) -> list[str]:
    """Name the lines or bars that are drawn: by the column `metric`, or each column of numbers but the time."""
    names = [name for name, _ in result.columns]
    if "metric" in names:
        return sorted({row[names.index("metric")] for row in result.rows})
    return [name for name, oid in result.columns if oid in NUMBERS and name != "time"]


def complaints(panel: Json, target: Json, result: Result) -> Iterator[str]:
    """Say why Grafana could not show the result in the panel as it is meant."""
    names = [name for name, _ in result.columns]
    if len(set(names)) < len(names) or "?column?" in names:
        yield f"columns without names of their own: {names}"
    unknown = [name for name, oid in result.columns if oid not in NUMBERS | TIMES | TEXTS | BOOLEANS]
    if unknown:
        yield f"columns that Grafana does not show: {unknown}"
    if target["format"] == "time_series":
        yield from _of_a_series(result)
    elif panel["type"] == "stat":
        yield from _of_a_stat(panel, result)
    elif panel["type"] == "barchart":
        yield from _of_bars(panel, result)
    elif panel["type"] == "state-timeline":
        yield from _of_states(result)
    if target["format"] == "table" or not any(oid in TEXTS for _, oid in result.columns):
        yield from _of_overrides(panel, names)


def _of_a_series(result: Result) -> Iterator[str]:
    names = [name for name, _ in result.columns]
    if names[0] != "time" or result.columns[0][1] not in NUMBERS | TIMES:
        yield f"no time first: {names}"
        return
    kinds = [oid for _, oid in result.columns[1:]]
    if not any(oid in NUMBERS for oid in kinds):
        yield "nothing to draw"
    if any(oid not in NUMBERS | TEXTS for oid in kinds):
        yield "something that is neither a number nor the name of a series"
    times = [float(row[0].timestamp() if isinstance(row[0], datetime) else row[0]) for row in result.rows]
    if times != sorted(times):
        yield "times that are not sorted"
    named = [
        tuple(value for value, (_, oid) in zip(row, result.columns, strict=True) if oid in TEXTS) for row in result.rows
    ]
    if len(set(zip(times, named, strict=True))) < len(times):
        yield "two values of one series at one time"


def _of_a_stat(panel: Json, result: Result) -> Iterator[str]:
    if len(result.rows) > 1:
        yield f"{len(result.rows)} rows, of which one is shown"
    shows_texts = panel["options"]["reduceOptions"]["fields"] == "/.*/"
    hidden = [name for name, oid in result.columns if oid not in NUMBERS]
    if hidden and not shows_texts:
        yield f"columns that are no numbers and not shown: {hidden}"


def _of_bars(panel: Json, result: Result) -> Iterator[str]:
    kinds = dict(result.columns)
    x = panel["options"]["xField"]
    if x not in kinds:
        yield f"no column {x!r} to name the bars by"
    if not any(oid in NUMBERS for name, oid in kinds.items() if name != x):
        yield "no column of numbers"
    named = [row[[name for name, _ in result.columns].index(x)] for row in result.rows if x in kinds]
    if len(set(named)) < len(named):
        yield "two groups of bars of one name"


def _of_states(result: Result) -> Iterator[str]:
    (name, oid), *states = result.columns
    if name != "time" or oid not in TIMES:
        yield f"no time first: {name}"
        return
    if not states or any(oid not in TEXTS for _, oid in states):
        yield f"strips that are no texts: {states}"
    times = [row[0] for row in result.rows]
    if None in times or any(later <= earlier for earlier, later in pairwise(times)):
        yield "times that do not rise"


def _of_overrides(panel: Json, names: Sequence[str]) -> Iterator[str]:
    if len(panel["targets"]) > 1:
        return
    for override in panel["fieldConfig"]["overrides"]:
        matcher = override["matcher"]
        if matcher["id"] == "byName" and matcher["options"] not in names:
            yield f"settings for a column {matcher['options']!r} that there is not"
