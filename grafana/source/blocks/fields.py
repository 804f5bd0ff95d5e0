"""How single columns or series of a panel look: overrides of what the panel says of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from grafana.source.blocks.style import (
    EXCHANGE_COLOURS,
    MODEL_COLOURS,
    OTHER_EXCHANGE_COLOURS,
    PLAIN,
    SERIES_COLOURS,
    Json,
    link_to_connection,
)

_DASHES: Final[Sequence[Json]] = (
    {"fill": "solid"},
    {"fill": "dash", "dash": [12, 6]},
    {"fill": "dot", "dash": [0, 6]},
    {"fill": "dash", "dash": [3, 6]},
)

Steps = Sequence[tuple[float | None, str]]
"""Thresholds: from which value on which colour; the first is None, from the lowest on."""


def thresholds(steps: Steps) -> Json:
    """Lay out thresholds."""
    return {"mode": "absolute", "steps": [{"color": colour, "value": value} for value, colour in steps]}


def field(
    name: str = "",
    *,
    like: str = "",
    unit: str | None = None,
    decimals: int | None = None,
    width: int | None = None,
    colour: str | None = None,
    steps: Steps | None = None,
    words: Mapping[str, str | None] | None = None,
    links: Sequence[Json] = (),
    no_value: str | None = None,
    **custom: Any,
) -> Json:
    """Say how the column or series called `name`, or all whose names are `like` an expression, look.

    Parameters
    ----------
    unit, decimals, no_value
        Of its values.
    width : int
        Of a table's column, in pixels.
    colour : str
        The only one. Series and texts only.
    steps : Steps
        The colour by the value.
    words : mapping
        The colour by the value, for texts; None leaves a word as it is.
    links : sequence
        Where a click leads.
    custom
        Settings of the kind of panel, such as `lineStyle` or `cellOptions`.
    """
    given: dict[str, Any] = {"unit": unit, "decimals": decimals, "noValue": no_value, "custom.width": width}
    given["links"] = list(links) or None
    if colour is not None:
        given["color"] = {"mode": "fixed", "fixedColor": colour}
    if steps is not None:
        given |= {"color": {"mode": "thresholds"}, "thresholds": thresholds(steps)}
    if words is not None:
        given["mappings"] = coloured_words(words)
    if words is not None or (steps is not None and width is not None):
        given["custom.cellOptions"] = {"type": "color-text"}
    given |= {f"custom.{key}": value for key, value in custom.items()}
    matcher = {"id": "byRegexp", "options": f"/{like}/"} if like else {"id": "byName", "options": name}
    return {
        "matcher": matcher,
        "properties": [{"id": key, "value": value} for key, value in given.items() if value is not None],
    }


def coloured_words(words: Mapping[str, str | None]) -> list[Json]:
    """Colour texts by what they say."""
    shown = {
        word: {"index": index} | ({} if colour is None else {"color": colour})
        for index, (word, colour) in enumerate(words.items())
    }
    return [{"type": "value", "options": shown}]


def exchange_series() -> list[Json]:
    """Give each series that is named like an exchange that exchange's colour."""
    others = [field(like=f"^.*{letter}$", colour=colour) for letter, colour in OTHER_EXCHANGE_COLOURS.items()]
    return others + [field(name, colour=colour) for name, colour in {"none": PLAIN, **EXCHANGE_COLOURS}.items()]


def model_series() -> list[Json]:
    """Give each series that is named like a model a colour."""
    return [field(like=f"^.*{last}$", colour=colour) for last, colour in MODEL_COLOURS.items()]


def distinct_series(names: Sequence[str]) -> list[Json]:
    """Give each of these series a look of its own: a colour, and where colours run out a dash too."""
    return [
        field(
            name,
            colour=SERIES_COLOURS[number % len(SERIES_COLOURS)],
            lineStyle=_DASHES[number // len(SERIES_COLOURS)],
        )
        for number, name in enumerate(names)
    ]


def exchange_words() -> list[Json]:
    """Map names of exchanges to their colours; the first that fits counts."""
    others = [
        {"type": "regex", "options": {"pattern": f"/^.*{letter}$/", "result": {"color": colour, "index": 10 + index}}}
        for index, (letter, colour) in enumerate(OTHER_EXCHANGE_COLOURS.items())
    ]
    return coloured_words({"none": PLAIN, "nothing": PLAIN, **EXCHANGE_COLOURS}) + others


def exchange_column(name: str, *, width: int = 110) -> Json:
    """Colour the names of exchanges in a table's column."""
    column = field(name, width=width, no_value=" ")
    column["properties"] += [
        {"id": "custom.cellOptions", "value": {"type": "color-text"}},
        {"id": "mappings", "value": exchange_words()},
    ]
    return column


def connection_column(name: str = "Connection", *, width: int | None = None) -> Json:
    """Link the connection ids of a table's column to their dashboards."""
    return field(name, width=width, links=[link_to_connection()], no_value=" ")


def time_column(name: str, *, width: int = 150) -> Json:
    """Say how long ago the times of a table's column are."""
    return field(name, unit="dateTimeFromNow", width=width, no_value="–")


def instant_column(name: str = "", *, like: str = "", width: int = 150) -> Json:
    """Write the times of a table's column out, without the date if it is today."""
    return field(name, like=like, unit="dateTimeAsIsoNoDateIfToday", width=width, no_value="–")
