"""The SQL that PostgreSQL gets of a panel or variable: macros and variables written out as Grafana does it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from udfs.errors import SchemaError

Json = dict[str, Any]
Chosen = Mapping[str, str | Sequence[str]]
"""Variable -> the value chosen, or several; without an entry all, or nothing typed."""

_MACRO: Final = re.compile(r"\$(__\w+)\(([^)]*)\)")
_REFERENCE: Final = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(\w+)")


@dataclass(frozen=True, kw_only=True)
class Span:
    """The time range of a dashboard, and the width of a point of its charts in seconds."""

    start: datetime
    end: datetime
    interval_s: int

    def filtered(self, column: str) -> str:
        """Write the condition that a time is in the range."""
        return f"{column} BETWEEN {_timestamp(self.start)} AND {_timestamp(self.end)}"

    def grouped(self, column: str) -> str:
        """Write the start of the point that a time belongs to, in seconds since the epoch."""
        return f"floor(extract(epoch from {column})/{self.interval_s})*{self.interval_s}"


def expand(sql: str, variables: Sequence[Json], chosen: Chosen, span: Span) -> str:
    """Write out a query of a dashboard with these variables.

    Raises
    ------
    SchemaError
        If it has a macro or a variable that there is not, or one that nothing is chosen for.
    """
    texts = {"__interval": f"{span.interval_s}s", "__interval_ms": str(1000 * span.interval_s)}
    declared = {variable["name"]: variable for variable in variables}

    def reference(match: re.Match[str]) -> str:
        name, format = match[1] or match[3], match[2]
        if name in texts:
            return texts[name]
        if name.startswith("__"):
            return match[0]
        if name not in declared:
            raise SchemaError(f"Expected a variable of the dashboard, found ${name}: declare it")
        if format == "percentencode":
            return quote(str(chosen.get(name) or ""), safe="")
        return _value(declared[name], chosen.get(name), quoted=format == "sqlstring")

    return _MACRO.sub(lambda match: _macro(match, span), _REFERENCE.sub(reference, sql))


def _value(variable: Json, chosen: str | Sequence[str] | None, *, quoted: bool) -> str:
    if chosen is None and variable["type"] == "textbox":
        chosen = ""
    if chosen is None:
        if not variable.get("includeAll"):
            raise SchemaError(f"Expected a value of the variable {variable['name']}, found none: choose one")
        return str(variable["allValue"])
    if isinstance(chosen, str) and not quoted and not variable.get("multi"):
        return chosen.replace("'", "''")
    values = [chosen] if isinstance(chosen, str) else chosen
    return ",".join("'" + value.replace("'", "''") + "'" for value in values)


def _macro(match: re.Match[str], span: Span) -> str:
    name, arguments = match[1], [argument.strip() for argument in match[2].split(",")]
    if name == "__timeFrom":
        return _timestamp(span.start)
    if name == "__timeTo":
        return _timestamp(span.end)
    if name == "__timeFilter":
        return span.filtered(arguments[0])
    if name == "__timeGroup":
        return span.grouped(arguments[0])
    if name == "__timeGroupAlias":
        return span.grouped(arguments[0]) + ' AS "time"'
    raise SchemaError(
        f"Expected a macro that this project uses, found ${name}: add it to fingerprint_testing.macro_expansion"
    )


def _timestamp(at: datetime) -> str:
    return "'" + at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") + "'"
