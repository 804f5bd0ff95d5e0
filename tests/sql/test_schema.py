"""The table that the job writes to, and that everything in the database says what it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg2
import pytest

from jobs.config import JobSettings
from jobs.pipeline.tables import (
    connection_activity_ddl,
    connection_events_ddl,
    connection_verdicts_ddl,
    dead_letters_ddl,
    health_events_ddl,
    window_scores_ddl,
)
from model.registry.database_url import parse_database_url

Insert = Callable[..., None]
Select = Callable[..., list[dict[str, object]]]


def test_window_scores_has_the_columns_that_the_job_writes(select: Select) -> None:
    columns = select(
        "SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns "
        "WHERE table_name = 'window_scores' ORDER BY ordinal_position"
    )
    assert {str(c["column_name"]): c["data_type"] for c in columns} == {
        "connection_id": "text",
        "kafka_partition": "integer",
        "last_offset": "bigint",
        "first_offset": "bigint",
        "window_start_at": "timestamp with time zone",
        "window_end_at": "timestamp with time zone",
        "declared_exchange": "text",
        "predicted_exchange": "text",
        "confidence": "double precision",
        "probabilities": "jsonb",
        "unknown_score": "double precision",
        "model_version": "text",
        "scored_at": "timestamp with time zone",
        "fingerprint": "text",
        "features": "ARRAY",
    }
    nullable = {c["column_name"] for c in columns if c["is_nullable"] == "YES"}
    assert nullable == {"declared_exchange", "fingerprint", "features"}
    assert {c["column_name"]: c["column_default"] for c in columns if c["column_default"]} == {
        "scored_at": "clock_timestamp()"
    }


@pytest.mark.parametrize(
    ("table", "ddl", "by_database"),
    [
        ("window_scores", window_scores_ddl, {"scored_at"}),
        ("connection_verdicts", connection_verdicts_ddl, set()),
        ("connection_events", connection_events_ddl, {"written_at"}),
        ("health_events", health_events_ddl, {"written_at"}),
        ("connection_activity", connection_activity_ddl, set()),
        ("dead_letters", dead_letters_ddl, {"seen_at"}),
    ],
)
def test_the_job_writes_every_column_and_no_other(
    select: Select, table: str, ddl: Callable[[JobSettings], str], by_database: set[str]
) -> None:
    columns = select("SELECT column_name AS name FROM information_schema.columns WHERE table_name = %s", table)
    database = parse_database_url("postgresql://ann:secret@db.example:5433/prices")
    declared = ddl(JobSettings(kafka="k:1", database=database)).partition("(")[2].partition("PRIMARY KEY")[0]
    written = {line.split()[0] for line in declared.split(",\n") if line.strip()}
    assert written | by_database == {column["name"] for column in columns}
    assert not written & by_database


def test_the_primary_key_is_the_place_in_the_topic(select: Select) -> None:
    (key,) = select(
        "SELECT pg_get_constraintdef(oid) AS definition FROM pg_constraint WHERE conname = 'window_scores_pkey'"
    )
    assert key["definition"] == "PRIMARY KEY (connection_id, kafka_partition, last_offset, window_end_at)"


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
