"""Results as values: a hash that says whether two sets of rows are the same, and the first rows that differ.

The hash of a row is the SHA-256 of a JSON object of its values: names in order, NULL left out (a column that is added
later changes nothing), timestamps in UTC to the microsecond, numbers by value. A table's hash is the sum of its rows'
modulo 2^256, so no order is needed, but how often a row is there counts. Columns of writing time are no result.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast

import numpy as np
import orjson
import pandas as pd

from jobs.pipeline.result_tables import CONNECTION_ACTIVITY, RESULT_TABLES

Columns = Mapping[str, Sequence[Any]]
Chunk = tuple[str, Columns]
"""A table's name, and some of its rows by column."""

OF_MODELS: Final = {name: table.key for name, table in RESULT_TABLES.items() if "model_version" in table.columns}
"""The tables of what models say, and by what a row of each is found again."""

TABLES: Final = {name: table.key for name, table in RESULT_TABLES.items() if name != CONNECTION_ACTIVITY}
"""The same of all tables that are computed here."""

WRITING_TIMES: Final = frozenset(table.written_at for table in RESULT_TABLES.values() if table.written_at is not None)

_MODULUS: Final = 2**256


@dataclass(frozen=True, kw_only=True)
class TableHash:
    """How many rows a table has, and the sum of their hashes."""

    rows: int = 0
    total: int = 0

    @property
    def hash(self) -> str:
        """The sum in hexadecimal."""
        return f"{self.total:064x}"


@dataclass(frozen=True, kw_only=True)
class ResultsHash:
    """The hash of all tables of results."""

    tables: dict[str, TableHash]

    @property
    def hash(self) -> str:
        """One hash of all, in hexadecimal."""
        return hashlib.sha256(orjson.dumps([[name, t.rows, t.hash] for name, t in self.tables.items()])).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A row that two sources of results do not agree on.

    `values` holds, of each column that differs, the value of the first source and that of the second; it is empty where
    one of them does not have the row: `only_in` says then which one, 0 or 1, has it.
    """

    table: str
    key: tuple[Any, ...]
    only_in: int | None
    values: dict[str, tuple[Any, Any]]


def hash_results(chunks: Iterable[Chunk], tables: Iterable[str] = tuple(TABLES)) -> ResultsHash:
    """Add up the rows of some tables, in whatever order they come."""
    rows, totals = Counter[str](), Counter[str]()
    for table, columns in chunks:
        hashes = [int.from_bytes(hashlib.sha256(row).digest()) for row in canonical_rows(columns)]
        rows[table] += len(hashes)
        totals[table] = (totals[table] + sum(hashes)) % _MODULUS
    return ResultsHash(tables={name: TableHash(rows=rows[name], total=totals[name]) for name in tables})


def canonical_rows(columns: Columns) -> Iterator[bytes]:
    """Write each row as JSON in the one way that its values have.

    >>> list(canonical_rows({"b": [1.0, None], "a_at": ["2021-04-04T22:06:40.5Z"] * 2, "scored_at": ["now", "now"]}))
    [b'{"a_at":"2021-04-04T22:06:40.500000+00:00","b":1.0}', b'{"a_at":"2021-04-04T22:06:40.500000+00:00"}']
    """
    names = sorted(columns.keys() - WRITING_TIMES)
    converters = [_timestamp if name.endswith("_at") else _value for name in names]
    values = [list(map(convert, columns[name])) for name, convert in zip(names, converters, strict=True)]
    for row in zip(*values, strict=True):
        yield orjson.dumps(
            {name: value for name, value in zip(names, row, strict=True) if value is not None},
            option=orjson.OPT_SORT_KEYS,
        )


def differences(first: Iterable[Chunk], second: Iterable[Chunk], *, most: int) -> tuple[list[Difference], Counter[str]]:
    """Compare results row by row: at most so many differences of each table, and how many rows differ in each.

    All rows of the second source are held in memory.
    """
    others = {place: row for place, row in _keyed(second)}
    found: list[Difference] = []
    counts = Counter[str]()
    for place, row in _keyed(first):
        other = others.pop(place, None)
        if row != other:
            _note(found, counts, _difference(place, row, other), most)
    for place, row in others.items():
        _note(found, counts, _difference(place, None, row), most)
    return found, counts


_Place = tuple[str, tuple[Any, ...]]


def _keyed(chunks: Iterable[Chunk]) -> Iterator[tuple[_Place, bytes]]:
    for table, columns in chunks:
        keys = zip(*(columns[name] for name in TABLES[table]), strict=True)
        for key, row in zip(keys, canonical_rows(columns), strict=True):
            yield (table, key), row


def _note(found: list[Difference], counts: Counter[str], difference: Difference, most: int) -> None:
    counts[difference.table] += 1
    if counts[difference.table] <= most:
        found.append(difference)


def _difference(place: _Place, first: bytes | None, second: bytes | None) -> Difference:
    table, key = place
    if first is None or second is None:
        return Difference(table=table, key=key, only_in=0 if second is None else 1, values={})
    both = orjson.loads(first), orjson.loads(second)
    names = sorted(name for name in both[0].keys() | both[1].keys() if both[0].get(name) != both[1].get(name))
    values = {name: (both[0].get(name), both[1].get(name)) for name in names}
    return Difference(table=table, key=key, only_in=None, values=values)


def _timestamp(value: Any) -> datetime | None:
    if value is None or value is pd.NaT:
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    elif isinstance(value, pd.Timestamp):
        value = value.to_pydatetime()
    return cast(datetime, value.astimezone(UTC))


def _value(value: Any) -> Any:
    kind = type(value)
    if value is None or kind is str or kind is int or kind is bool:
        return value
    if kind is float:
        # 0.0 has a sign and NaN is no JSON; neither is to be mistaken for something else.
        return value + 0.0 if math.isfinite(value) else str(value)
    if kind is dict:
        return _json(value)
    if isinstance(value, np.generic):
        return _value(value.item())
    return None if value is pd.NA else _json(value)


def _json(value: Any) -> Any:
    """Make a float of each number, as PostgreSQL's jsonb does not part 1 from 1.0."""
    if isinstance(value, dict):
        return {name: item + 0.0 if type(item) is float else _json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_json(item) for item in value]
    return value if value is None or isinstance(value, str | bool) else float(value) + 0.0
