"""The tables that the job writes to, and that everything in the database says what it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg2
import pytest

from jobs.pipeline.result_tables import RESULT_TABLES, ResultTable

Insert = Callable[..., None]
Select = Callable[..., list[dict[str, object]]]


@pytest.mark.parametrize("table", RESULT_TABLES.values(), ids=RESULT_TABLES)
def test_a_table_has_the_columns_and_the_key_that_the_job_writes(select: Select, table: ResultTable) -> None:
    columns = select(
        "SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
        table.name,
    )
    assert {column["name"]: column["type"] for column in columns} == table.postgres_types
    (key,) = select(
        "SELECT pg_get_constraintdef(oid) AS definition FROM pg_constraint WHERE conname = %s", f"{table.name}_pkey"
    )
    assert key["definition"] == f"PRIMARY KEY ({', '.join(table.primary_key)})"


@pytest.mark.parametrize("table", RESULT_TABLES.values(), ids=RESULT_TABLES)
def test_the_database_tells_the_time_of_writing_where_the_job_does_not(select: Select, table: ResultTable) -> None:
    columns = select(
        "SELECT column_name AS name, column_default AS value, is_nullable FROM information_schema.columns "
        "WHERE table_name = %s",
        table.name,
    )
    by_database = {column["name"] for column in columns} - table.columns.keys()
    assert by_database == ({table.written_at} - {None} - table.columns.keys()) | table.noted.keys()
    assert {(c["value"], c["is_nullable"]) for c in columns if c["name"] == table.written_at} <= {
        ("clock_timestamp()", "NO")
    }


def test_what_is_not_known_of_a_window_is_null(select: Select) -> None:
    columns = select(
        "SELECT column_name AS name FROM information_schema.columns "
        "WHERE table_name = 'window_scores' AND is_nullable = 'YES'"
    )
    assert {column["name"] for column in columns} == {"declared_exchange", "signature", "features"}


def test_every_table_view_column_and_function_says_what_it_is(select: Select) -> None:
    silent = select(
        """
        SELECT c.relname AS name, a.attname AS part
        FROM pg_class c
        CROSS JOIN LATERAL (
            SELECT NULL::name AS attname, 0 AS attnum
            UNION ALL SELECT attname, attnum FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0
        ) a
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
          AND c.relname !~ 'yoyo' AND (c.relname <> 'window_scores_default' OR a.attnum = 0)
          AND coalesce(CASE WHEN a.attnum = 0 THEN obj_description(c.oid, 'pg_class')
                            ELSE col_description(c.oid, a.attnum) END, '') = ''
        UNION ALL
        SELECT proname, NULL FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL
        """
    )
    assert silent == []


def test_the_same_window_cannot_be_stored_twice(insert: Insert, window: Any) -> None:
    row = window(connection_id="c", last_offset=49, probabilities={"kraken": 1.0})
    insert([row])
    with pytest.raises(psycopg2.errors.UniqueViolation):
        insert([row])


def test_a_confidence_that_is_no_probability_is_refused(insert: Insert, window: Any) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation, match="window_scores_confidence_is_a_probability"):
        insert([window(connection_id="c", last_offset=49, probabilities={"kraken": 1.5})])


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"certainty": "maybe"}, "connection_verdicts_certainty_is_known"),
        ({"probability": 1.01}, "connection_verdicts_probability_is_one"),
    ],
)
def test_a_verdict_that_makes_no_sense_is_refused(
    insert: Insert, verdict: Any, values: dict[str, object], constraint: str
) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation, match=constraint):
        insert([verdict(connection_id="c", **values)])


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"kind": "odd"}, "connection_events_kind_is_known"),
        ({"probability": -0.01}, "connection_events_probability_is_one"),
        ({"reasons": "[]"}, "connection_events_reasons_is_an_object"),
    ],
)
def test_an_event_that_makes_no_sense_is_refused(
    insert: Insert, event: Any, values: dict[str, object], constraint: str
) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation, match=constraint):
        insert([event(connection_id="c", **values)])


def test_a_fault_of_no_known_kind_is_refused(insert: Insert, fault: Any) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation, match="health_events_kind_is_known"):
        insert([fault(connection_id="c", kind="tired")])
