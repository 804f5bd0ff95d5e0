"""Variables of dashboards: the values that they have when a dashboard is opened, put into queries as Grafana does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

Json = dict[str, Any]

ALL: Final = "$__all"

_USED: Final = re.compile(r"\$(?P<plain>[A-Za-z]\w*)|\$\{(?P<name>[A-Za-z]\w*)(?::(?P<format>\w+))?\}")


@dataclass(frozen=True, kw_only=True)
class Value:
    """What a variable stands for.

    Attributes
    ----------
    chosen : tuple of str
        Its values; one unless several may be chosen.
    is_list : bool
        Whether several may be chosen.
    instead : str or None
        What goes into a query as it is, where all values are chosen and the dashboard says so.
    """

    chosen: tuple[str, ...]
    is_list: bool = False
    instead: str | None = None

    def written(self, how: str | None, *, is_sql: bool) -> str:
        """Write it into a query: for SQL quoted if several may be chosen, for PromQL as a regular expression."""
        if self.instead is not None:
            return self.instead
        if how in ("sqlstring", "singlequote") or (how is None and is_sql and self.is_list):
            return ",".join(_quoted(value) for value in self.chosen)
        if how in ("regex", "pipe") or (how is None and not is_sql and self.is_list):
            values = self.chosen if how == "pipe" else tuple(re.escape(value) for value in self.chosen)
            return values[0] if len(values) == 1 else f"({'|'.join(values)})" if how != "pipe" else "|".join(values)
        if how == "percentencode":
            return quote(",".join(self.chosen), safe="")
        if how is None and is_sql:
            return ",".join(value.replace("'", "''") for value in self.chosen)
        return ",".join(self.chosen)


def put_in(query: Json, values: Mapping[str, Value]) -> Json:
    """Put values for the variables of a query. Macros begin with `$__`, and Grafana's server knows them."""

    def written(match: re.Match[str]) -> str:
        value = values.get(match["plain"] or match["name"])
        return match[0] if value is None else value.written(match["format"], is_sql="rawSql" in query)

    return {key: _USED.sub(written, text) if isinstance(text, str) else text for key, text in query.items()}


def opened_with(variable: Json, options: Sequence[str]) -> Value:
    """Say what a variable stands for when its dashboard is opened.

    Parameters
    ----------
    variable : dict
        As the dashboard has it.
    options : sequence of str
        What its query found, or what the dashboard lists.
    """
    is_list = bool(variable.get("multi") or variable.get("includeAll"))
    current = variable.get("current", {}).get("value")
    chosen = tuple(map(str, current if isinstance(current, list) else [] if current is None else [current]))
    if ALL in chosen:
        return Value(chosen=tuple(options), is_list=True, instead=variable.get("allValue") or None)
    if not chosen and variable["type"] == "query":
        chosen = tuple(options[:1])
    return Value(chosen=chosen or ("",), is_list=is_list)


def listed(variable: Json) -> list[str]:
    """Read the options that the dashboard itself lists."""
    return [str(option["value"]) for option in variable.get("options", []) if option["value"] != ALL]


def found(frames: Sequence[Json]) -> list[str]:
    """Read the options out of what a variable's query returned, each once."""
    return list(dict.fromkeys(_values(frames)))


def _values(frames: Sequence[Json]) -> Iterator[str]:
    for frame in frames:
        names = [field["name"] for field in frame["schema"]["fields"]]
        for name, column in zip(names, frame["data"]["values"], strict=True):
            if name == "__value" or "__value" not in names:
                yield from (str(value) for value in column if value is not None)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
