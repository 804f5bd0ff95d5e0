"""What is in the database when a topic is read from its beginning again, or read on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg2.extensions import connection as Connection

from ingest.kafka.topic_reader import Span
from jobs.cluster.model_activation import activate_from_start, ensure_schedule
from jobs.cluster.replay_checks import check_not_replaced, prepare_replay
from jobs.trials.sandbox import addresses_of
from model.artifact.artifact_folder import load_manifest
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from stack.roles import Role
from stack.stack_status import StackStatus
from udfs.errors import ConfigError

TOPIC = "rereading_messages"
BEGINS_AT_100 = (Span(partition=0, first=0, end=500), Span(partition=1, first=100, end=500))
NOW = datetime.now(UTC)

Insert = Callable[[list[Any]], None]
Select = Callable[..., list[dict[str, object]]]


@pytest.fixture
def cut(window: type, verdict: type, activity: type) -> Callable[..., list[Any]]:
    """Return a function that makes the rows of a connection: a window of 50 messages that end somewhere."""

    def rows(first_window_ends: int, last_offset: int, partition: int = 1) -> list[Any]:
        place = {"kafka_partition": partition}
        return [
            window(connection_id="c", last_offset=first_window_ends, probabilities={"kraken": 1.0}, **place),
            verdict(connection_id="c", last_offset=first_window_ends, **place),
            activity(connection_id="c", last_recv_at=NOW, last_offset=last_offset, **place),
        ]

    return rows


@pytest.mark.parametrize(
    ("first_window_ends", "last_offset", "partition", "is_cut"),
    [
        (120, 300, 1, True),  # its first message, at 71, has gone
        (120, 90, 1, True),  # the window itself ends where the topic has begun
        (149, 300, 1, False),  # it begins at 100, the first message that is there
        (60, 90, 1, False),  # all of it has gone
        (120, 300, 0, False),  # that partition is whole
    ],
)
def test_a_connection_whose_beginning_has_gone_is_not_counted_anew(
    database_url: str,
    insert: Insert,
    cut: Callable[..., list[Any]],
    first_window_ends: int,
    last_offset: int,
    partition: int,
    is_cut: bool,
) -> None:
    insert(cut(first_window_ends, last_offset, partition))
    heard: list[str] = []
    if is_cut:
        with pytest.raises(ConfigError, match="the connection c in rereading_messages, found that partition 1 begins"):
            prepare_replay(database_url, TOPIC, BEGINS_AT_100, heard.append)
        return
    prepare_replay(database_url, TOPIC, BEGINS_AT_100, heard.append)
    assert [line.partition(":")[0] for line in heard] == ["Partition 1 begins at offset 100"]


def test_events_of_before_a_replacement_go_when_the_topic_is_refresh(
    local_stack: StackStatus, database_url: str, insert: Insert, select: Select, event: type, toy_model: Path
) -> None:
    """Those at 99 and 50 are the old model's; of partition 1 the topic begins at 100, and what is before stays."""
    ensure_schedule(database_url, TOPIC, None, None)
    places = [(0, 99), (1, 50), (1, 100)]
    insert([event(connection_id="c", kafka_partition=partition, last_offset=offset) for partition, offset in places])
    kept = "SELECT kafka_partition AS p, last_offset AS o FROM connection_events ORDER BY p, o"
    prepare_replay(database_url, TOPIC, BEGINS_AT_100, lambda _: None)
    assert [(row["p"], row["o"]) for row in select(kept)] == places
    activate_from_start(database_url, TOPIC, str(toy_model), false_unknown_rate=None)
    insert([event(connection_id="d", kafka_partition=0, last_offset=7)])
    as_job = addresses_of(local_stack, database_url).require_database_url(Role.JOB)
    with pytest.raises(ConfigError, match="may not delete them: run `fingerprint submit --check`"):
        prepare_replay(as_job, TOPIC, BEGINS_AT_100, lambda _: None)
    prepare_replay(database_url, TOPIC, BEGINS_AT_100, lambda _: None)
    assert [(row["p"], row["o"]) for row in select(kept)] == [(0, 7), (1, 50)]
    prepare_replay(as_job, TOPIC, BEGINS_AT_100, lambda _: None)


def test_what_was_saved_before_a_replacement_is_not_gone_on_from(
    database_url: str, database: Connection, toy_model: Path
) -> None:
    def check(ago: timedelta) -> None:
        check_not_replaced(database_url, TOPIC, "file:///saved", (datetime.now(UTC) - ago).timestamp())

    check(timedelta(hours=1))
    ensure_schedule(database_url, TOPIC, None, None)
    check(timedelta(hours=1))  # its model is the first: it has replaced none
    activate_from_start(database_url, TOPIC, str(toy_model), false_unknown_rate=None)
    with pytest.raises(ConfigError, match=r"for all of rereading_messages, found an older one, .*: submit without it"):
        check(timedelta(hours=1))
    check(timedelta(0))


def test_a_database_has_results_of_one_topic(
    database_url: str, insert: Insert, select: Select, fault: type, toy_model: Path
) -> None:
    ensure_schedule(database_url, "misspelt", None, None)
    ensure_schedule(database_url, TOPIC, None, None)  # nothing had come of the other
    topics = "SELECT topic, model_version FROM model_activations"
    only = [{"topic": TOPIC, "model_version": load_manifest(DEFAULT_ARTIFACT).model_version}]
    assert select(topics) == only
    insert([fault(connection_id="c")])
    with pytest.raises(ConfigError, match="a database for the topic another alone, found one with results of reread"):
        ensure_schedule(database_url, "another", None, None)
    with pytest.raises(ConfigError, match="name another one with --database-url"):
        activate_from_start(database_url, "another", str(toy_model), false_unknown_rate=None)
    ensure_schedule(database_url, TOPIC, None, None)
    assert select(topics) == only
