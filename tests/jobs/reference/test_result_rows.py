"""The hash of results: what it depends on, and what it does not."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.reference.result_rows import (
    TABLES,
    WRITING_TIMES,
    Chunk,
    ResultsHash,
    canonical_rows,
    differences,
    hash_results,
)

AT = datetime(2026, 9, 21, 14, 13, 20, 54978, tzinfo=UTC)
EVENT = {
    "connection_id": "c",
    "kafka_partition": 3,
    "last_offset": 2**53 + 1,
    "kind": "mismatch",
    "previous_verdict": None,
    "verdict": "kraken",
    "declared_exchange": "binance",
    "since_at": AT,
    "messages": 100,
    "strength_nats": 11.5,
    "probability": 1.0,
    "reasons": {"against": "binance", "reasons": [{"value": None, "text": "é"}, {"value": 2.0, "text": ""}]},
    "written_at": AT,
}
"""A row of `connection_events`, most of it, as psycopg2 reads it."""

OTHERS: dict[type, Any] = {str: "x", int: -1, float: 0.25, dict: {"against": "kraken"}, datetime: AT + timedelta(0, 1)}


def chunk_of(*rows: dict[str, Any], table: str = "connection_events") -> Chunk:
    return table, {name: [row[name] for row in rows] for name in rows[0]}


def hash_of(*rows: dict[str, Any], table: str = "connection_events") -> ResultsHash:
    return hash_results([chunk_of(*rows, table=table)])


def test_the_hash_of_a_row_by_hand() -> None:
    row = {"windows": 3, "connection_id": "c", "probability": 0.5, "since_at": AT, "since_offset": None}
    text = b'{"connection_id":"c","probability":0.5,"since_at":"2026-09-21T14:13:20.054978+00:00","windows":3}'
    digest = hashlib.sha256(text).hexdigest()
    found = hash_of(row, table="connection_verdicts")
    tables = {name: [table.rows, table.hash] for name, table in found.tables.items()}
    assert tables.pop("connection_verdicts") == [1, digest]
    nothing = "0" * 64
    assert tables == dict.fromkeys(
        ("window_scores", "connection_events", "health_events", "dead_letters"), [0, nothing]
    )
    empty = ",".join(f'["{name}",0,"{nothing}"]' for name in ("connection_events", "health_events", "dead_letters"))
    every = f'[["window_scores",0,"{nothing}"],["connection_verdicts",1,"{digest}"],{empty}]'
    assert found.hash == hashlib.sha256(every.encode()).hexdigest()


def test_rows_add_up() -> None:
    rows = [EVENT | {"last_offset": offset} for offset in range(4)]
    digests = [int(hash_of(row).tables["connection_events"].hash, 16) for row in rows]
    found = hash_of(*rows).tables["connection_events"]
    assert (found.rows, int(found.hash, 16)) == (4, sum(digests) % 2**256)
    assert sum(digests) > 2**256


@given(st.permutations(range(8)), st.lists(st.integers(1, 7), max_size=3))
def test_neither_order_nor_portions_matter(order: list[int], cuts: list[int]) -> None:
    rows = [EVENT | {"last_offset": i % 5, "verdict": str(i)} for i in order]
    ends = sorted({0, *cuts, 8})
    chunks = [chunk_of(*rows[start:end], table="window_scores") for start, end in pairwise(ends)]
    whole = [EVENT | {"last_offset": i % 5, "verdict": str(i)} for i in range(8)]
    assert hash_results(chunks) == hash_of(*whole, table="window_scores")


@pytest.mark.parametrize("name", [name for name in EVENT if name not in WRITING_TIMES])
def test_every_value_counts(name: str) -> None:
    value = EVENT[name]
    other = "x" if value is None else OTHERS[type(value)]
    found = {hash_of(row).hash for row in (EVENT, EVENT | {name: other}, EVENT | {name: None})}
    assert len(found) == (2 if value is None else 3)


@pytest.mark.parametrize("name", sorted(WRITING_TIMES))
def test_the_time_of_writing_does_not_count(name: str) -> None:
    assert hash_of(EVENT | {name: AT}) == hash_of(EVENT | {name: AT + timedelta(1)}) == hash_of(EVENT)


def test_table_and_number_of_copies_count() -> None:
    assert len({hash_of(EVENT, table=table).hash for table in TABLES}) == 5
    assert hash_of(EVENT, EVENT) != hash_of(EVENT) != hash_results([])


def test_a_column_that_is_null_is_as_good_as_none() -> None:
    assert hash_of({name: value for name, value in EVENT.items() if value is not None}) == hash_of(EVENT)
    assert len({hash_of(EVENT | {"verdict": value}).hash for value in (None, "", "null", "None", float("nan"))}) == 5


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("since_at", [AT, "2026-09-21T14:13:20.054978Z", "2026-09-21T16:13:20.054978+02:00", pd.Timestamp(AT)]),
        ("since_at", [AT, AT.astimezone(timezone(timedelta(hours=-3)))]),
        ("since_at", [AT.replace(microsecond=0), "2026-09-21T14:13:20.000000Z", "2026-09-21T14:13:20+00:00"]),
        ("since_at", [AT.replace(microsecond=500_000), "2026-09-21T14:13:20.5+00:00"]),
        ("since_at", [None, pd.NaT]),
        ("messages", [100, np.int64(100), np.int32(100)]),
        ("probability", [0.1, np.float64(0.1)]),
        ("probability", [0.0, -0.0, np.float64(-0.0)]),
        ("verdict", ["kraken", np.str_("kraken")]),
        ("verdict", [None, pd.NA]),
        ("features", [[0.25, None, 0.0], [np.float64(0.25), None, -0.0]]),
        ("reasons", [{"a": 1, "b": [2, {"c": None}]}, {"b": [2.0, {"c": None}], "a": 1.0}]),
    ],
)
def test_values_count_and_not_their_types(name: str, values: list[Any]) -> None:
    assert len({hash_of(EVENT | {name: value}).hash for value in values}) == 1


def test_what_pandas_makes_of_rows_is_the_same() -> None:
    rows = [EVENT, EVENT | {"declared_exchange": None, "last_offset": 7, "messages": 50}]
    frame = pd.DataFrame(rows)
    assert hash_results([("connection_events", {str(name): frame[name].tolist() for name in frame})]) == hash_of(*rows)
    assert list(canonical_rows({str(n): frame[n].to_numpy() for n in frame})) == list(
        canonical_rows(chunk_of(*rows)[1])
    )


def test_differences() -> None:
    rows = [EVENT | {"last_offset": offset} for offset in range(5)]
    first = chunk_of(rows[0], rows[1] | {"verdict": None, "probability": 0.5}, rows[2], rows[3] | {"written_at": None})
    second = chunk_of(*rows[4:2:-1], rows[1], rows[0])
    found, counts = differences([first], [second], most=9)
    assert [(d.table, d.key, d.only_in, d.values) for d in found] == [
        ("connection_events", ("c", 3, 1, "mismatch"), None, {"probability": (0.5, 1.0), "verdict": (None, "kraken")}),
        ("connection_events", ("c", 3, 2, "mismatch"), 0, {}),
        ("connection_events", ("c", 3, 4, "mismatch"), 1, {}),
    ]
    assert counts == {"connection_events": 3}
    assert differences([first], [second], most=1) == (found[:1], counts)
    assert differences([second], [second], most=9) == ([], {})
