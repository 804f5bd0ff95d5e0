"""The tables of results: what is made of their columns, and that rows computed elsewhere must have them all."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from jobs.config import JobSettings
from jobs.pipeline import queries
from jobs.pipeline.result_tables import RESULT_TABLES, Column, ResultTable
from jobs.pipeline.tables import result_table_ddl
from model.registry.database_url import parse_database_url

SETTINGS = JobSettings(kafka="k:1", database=parse_database_url("postgresql://ann:secret@db.example:5433/prices"))
TABLE = ResultTable(
    name="visits",
    columns={
        "place": Column("INT"),
        "seen_at": Column("STRING", "`at`"),
        "notes": Column("STRING", "'{}'", stored_as="jsonb"),
        "name": Column("STRING"),
    },
    key=("place",),
    partitioned_by="seen_at",
    written_at="written_at",
)
by_table = pytest.mark.parametrize("table", RESULT_TABLES.values(), ids=RESULT_TABLES)


def test_what_is_made_of_a_table() -> None:
    assert TABLE.primary_key == ("place", "seen_at")
    assert TABLE.results == ("place", "seen_at", "notes", "name")
    assert replace(TABLE, written_at="seen_at").results == ("place", "notes", "name")
    assert TABLE.postgres_types == {
        "place": "integer",
        "seen_at": "timestamp with time zone",
        "notes": "jsonb",
        "name": "text",
        "written_at": "timestamp with time zone",
    }


@by_table
def test_the_ddl_and_the_insert_have_every_column_in_order(table: ResultTable) -> None:
    ddl = result_table_ddl(SETTINGS, table)
    declared, key = re.findall(r"TABLE \w+ \((.*?),\s+PRIMARY KEY \((.*?)\)", ddl, re.DOTALL)[0]
    assert [tuple(line.split(maxsplit=1)) for line in declared.split(",\n")] == [
        (name, column.flink_type) for name, column in table.columns.items()
    ]
    assert set(key.split(", ")) <= table.columns.keys()
    insert: Callable[[JobSettings], str] = getattr(queries, f"{table.name}_query")
    filled = re.findall(rf"INSERT INTO {table.name} \((.*?)\)", insert(SETTINGS))
    assert filled == [", ".join(table.columns)]


@pytest.mark.parametrize(
    ("computed", "found"),
    [
        (["name", "notes", "seen_at"], "found place missing and none superfluous"),
        (["name", "notes", "seen_at", "place", "mood"], "found none missing and mood superfluous"),
        (["written_at", "place", "mood"], "found name, notes, seen_at missing and mood, written_at superfluous"),
    ],
)
def test_a_row_with_other_columns_is_an_error_that_names_them(computed: list[str], found: str) -> None:
    assert TABLE.in_order(["name", "notes", "seen_at", "place"]) == ["place", "seen_at", "notes", "name"]
    with pytest.raises(ValueError, match=f"Expected the columns of visits, {found}"):
        TABLE.in_order(computed)
