"""Monthly partitions: made ahead, filled from the default one, dropped when they are old."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg2.extensions import connection as Connection

Insert = Callable[..., None]
Select = Callable[..., list[dict[str, object]]]

KRAKEN = {"kraken": 1.0}
HOME = "SELECT last_offset, tableoid::regclass::text AS home FROM window_scores ORDER BY last_offset"


@pytest.fixture(autouse=True)
def partitions_before(database: Connection, select: Select) -> Iterator[None]:
    """Drop the partitions that a test has made."""
    statement = "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'window_scores'::regclass"
    before = select(statement)
    yield
    with database.cursor() as cursor:
        for row in select(statement):
            if row not in before:
                cursor.execute(f"DROP TABLE {row['name']}")


def names(rows: list[dict[str, object]]) -> list[object]:
    return [value for row in rows for value in row.values()]


def test_months_are_utc_whatever_the_session_thinks(database: Connection, select: Select) -> None:
    with database.cursor() as cursor:
        cursor.execute("SET timezone = 'America/New_York'")
    made = names(select("SELECT create_partitions('2024-01-01 00:30+00', 3)"))
    assert made == ["window_scores_2024_01", "window_scores_2024_02", "window_scores_2024_03"]
    (bounds,) = select(
        "SELECT pg_get_expr(relpartbound, oid) AS bounds FROM pg_class WHERE relname = 'window_scores_2024_02'"
    )
    with database.cursor() as cursor:
        cursor.execute("RESET timezone")
    assert bounds["bounds"] == "FOR VALUES FROM ('2024-01-31 19:00:00-05') TO ('2024-02-29 19:00:00-05')"


def test_making_them_again_makes_only_the_missing(select: Select) -> None:
    select("SELECT create_partitions('2024-11-15 00:00+00', 2)")
    assert names(select("SELECT create_partitions('2024-11-15 00:00+00', 3)")) == ["window_scores_2025_01"]


def test_no_partition_has_statistics_of_arrays_and_objects(select: Select) -> None:
    select("SELECT create_partitions('2024-05-15 00:00+00', 1)")
    without = select(
        "SELECT attrelid::regclass::text AS home, string_agg(attname, ' ' ORDER BY attname) AS columns "
        "FROM pg_attribute JOIN pg_inherits ON inhrelid = attrelid "
        "WHERE inhparent = 'window_scores'::regclass AND attstattarget = 0 "
        "GROUP BY attrelid"
    )
    assert {row["columns"] for row in without} == {"features probabilities"}
    assert {"window_scores_default", "window_scores_2024_05"} <= {row["home"] for row in without}
    assert len(without) == len(select("SELECT FROM pg_inherits WHERE inhparent = 'window_scores'::regclass"))


def test_rows_go_to_their_month_or_to_the_default(insert: Insert, select: Select, window: Any) -> None:
    select("SELECT create_partitions('2024-05-15 00:00+00', 1)")
    ends = [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2024, 4, 30, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2024, 5, 1, tzinfo=UTC),
        datetime(2024, 6, 1, tzinfo=UTC),
    ]
    insert(
        [window(connection_id="c", last_offset=n, probabilities=KRAKEN, window_end_at=at) for n, at in enumerate(ends)]
    )
    assert [row["home"] for row in select(HOME)] == [
        "window_scores_default",
        "window_scores_default",
        "window_scores_2024_05",
        "window_scores_default",
    ]


def test_rows_that_came_before_their_partition_move_into_it_unchanged(
    insert: Insert, select: Select, window: Any
) -> None:
    ends = [datetime(2024, 4, 30, tzinfo=UTC), datetime(2024, 5, 2, tzinfo=UTC)]
    insert(
        [window(connection_id="c", last_offset=n, probabilities=KRAKEN, window_end_at=at) for n, at in enumerate(ends)]
    )
    before = select("SELECT * FROM window_scores ORDER BY last_offset")
    select("SELECT create_partitions('2024-05-15 00:00+00', 1)")
    assert [row["home"] for row in select(HOME)] == ["window_scores_default", "window_scores_2024_05"]
    assert select("SELECT * FROM window_scores ORDER BY last_offset") == before


def test_retention_counts_from_the_end_of_a_month(select: Select) -> None:
    select("SELECT create_partitions('2024-01-15 00:00+00', 3)")
    drop = "SELECT drop_old_partitions(%s, %s)"
    retention = timedelta(days=30)
    almost = datetime(2024, 3, 1, 23, 59, tzinfo=UTC)
    assert names(select(drop, retention, almost)) == []
    assert names(select(drop, retention, almost + timedelta(minutes=1))) == ["window_scores_2024_01"]


def test_retention_keeps_a_recording_that_was_scored_lately(insert: Insert, select: Select, window: Any) -> None:
    now_at = datetime(2024, 3, 1, tzinfo=UTC)
    old, new = now_at - timedelta(days=31), now_at - timedelta(days=29)
    cases = [(old, old), (old, new), (new, new)]
    insert(
        [
            window(connection_id="c", last_offset=n, probabilities=KRAKEN, window_end_at=end, scored_at=scored)
            for n, (end, scored) in enumerate(cases)
        ]
    )
    select("SELECT drop_old_partitions(%s, %s)", timedelta(days=30), now_at)
    assert [row["last_offset"] for row in select(HOME)] == [1, 2]


def test_retention_drops_verdicts_and_events_that_are_old_and_were_written_then(
    insert: Insert, select: Select, database: Connection, verdict: Any, event: Any
) -> None:
    now_at = datetime.now(UTC)
    old, new = now_at - timedelta(days=31), now_at - timedelta(days=29)
    for name, (ended, written) in {"a": (old, old), "b": (old, new), "c": (new, new)}.items():
        insert([verdict(connection_id=name, last_window_end_at=ended, updated_at=written)])
        insert([event(connection_id=name, detected_at=ended)])
        with database.cursor() as cursor:
            cursor.execute("UPDATE connection_events SET written_at = %s WHERE connection_id = %s", (written, name))
    select("SELECT drop_old_partitions(%s, %s)", timedelta(days=30), now_at)
    for table in ("connection_verdicts", "connection_events"):
        assert names(select(f"SELECT connection_id FROM {table} ORDER BY 1")) == ["b", "c"]


def test_retention_drops_what_is_known_of_the_health_of_connections_that_are_gone(
    insert: Insert, select: Select, database: Connection, verdict: Any, fault: Any, activity: Any
) -> None:
    now_at = datetime.now(UTC)
    old, new = now_at - timedelta(days=31), now_at - timedelta(days=29)
    for name, (ended, written) in {"a": (old, old), "b": (old, new), "c": (new, new)}.items():
        insert([fault(connection_id=name, detected_at=ended), activity(connection_id=name, last_recv_at=ended)])
        with database.cursor() as cursor:
            cursor.execute("UPDATE health_events SET written_at = %s WHERE connection_id = %s", (written, name))
    # A recording's times are old, but its verdict is still there.
    insert([verdict(connection_id="b", last_window_end_at=old, updated_at=new)])
    select("SELECT drop_old_partitions(%s, %s)", timedelta(days=30), now_at)
    for table in ("health_events", "connection_activity"):
        assert names(select(f"SELECT connection_id FROM {table} ORDER BY 1")) == ["b", "c"]


def test_retention_drops_what_was_noted_of_topics(select: Select, database: Connection) -> None:
    now_at = datetime.now(UTC)
    old, new = now_at - timedelta(days=31), now_at - timedelta(days=29)
    with database.cursor() as cursor:
        for offset, noted in ((9, old), (19, new)):
            cursor.execute("INSERT INTO unread_records VALUES (0, %s, 5, 4, %s)", (offset, noted))
        cursor.execute("INSERT INTO topic_changes VALUES ('partitions', '1 to 2', %s)", (old,))
    select("SELECT drop_old_partitions(%s, %s)", timedelta(days=30), now_at)
    assert [row["counts_from"] for row in select("SELECT counts_from FROM unread_records")] == [19]
    assert select("SELECT kind FROM topic_changes") == []
