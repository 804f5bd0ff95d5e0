"""Reading a topic from its beginning, again or on: what must be so, that results become a function of the topic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from ingest.kafka.topic_reader import Span
from model.registry.database import Connection, connect
from model.registry.model_registry import replaced_at
from stack.services.flink import savepoint_time_s
from udfs.errors import ConfigError

_CUT_CONNECTION: Final = """
    SELECT connection_id
    FROM connection_activity AS activity JOIN connection_verdicts AS verdict USING (connection_id)
    WHERE activity.kafka_partition = %(partition)s
      AND greatest(activity.last_offset, verdict.last_offset) >= %(first)s
      AND EXISTS (
          SELECT FROM window_scores AS score
          WHERE score.connection_id = activity.connection_id AND score.kafka_partition = %(partition)s
            AND score.first_offset < %(first)s
      )
    LIMIT 1
"""
_FORGET_EVENTS: Final = "SELECT forget_replaced_events(%(topic)s, %(partition)s, %(first)s)"


def prepare_replay(database_url: str, topic: str, spans: Sequence[Span], progress: Callable[[str], None]) -> None:
    """Let nothing stand beside what the topic, read from its beginning, says.

    Parameters
    ----------
    database_url : str
        Of the results.
    topic : str
        Of the messages.
    spans : sequence of Span
        What the topic holds.
    progress : callable
        Is told which partitions do not begin at offset 0.

    Raises
    ------
    ConfigError
        If there are windows of a connection whose first messages the topic does not hold any more.
    """
    with connect(database_url) as database:
        for span in spans:
            if span.first:
                _check_is_whole(database, topic, span)
                progress(beginning_note(span))
        if replaced_at(database, topic) is not None:
            _forget_events(database, topic, spans)


def check_not_replaced(database_url: str, topic: str, savepoint: Path) -> None:
    """Refuse to go on from a savepoint when the whole topic is to be scored anew since.

    Raises
    ------
    ConfigError
        If a model was activated from the start after the savepoint was taken.
    """
    with connect(database_url) as database:
        replaced = replaced_at(database, topic)
    if replaced is not None and savepoint_time_s(savepoint) < replaced.timestamp():
        raise ConfigError(
            f"Expected a savepoint or checkpoint of after {replaced:%Y-%m-%d %H:%M:%S}, when a model was activated for "
            f"all of {topic}, found an older one, {savepoint}: submit without it, so that the topic is scored from its "
            "beginning"
        )


def beginning_note(span: Span) -> str:
    """Say what a partition without its first records means for the results."""
    return (
        f"Partition {span.partition} begins at offset {span.first:,}: results of what was before are not computed, and "
        "windows are counted from there"
    )


def _check_is_whole(database: Connection, topic: str, span: Span) -> None:
    with database.cursor() as cursor:
        cursor.execute(_CUT_CONNECTION, {"partition": span.partition, "first": span.first})
        found = cursor.fetchone()
    if found is not None:
        raise ConfigError(
            f"Expected all messages of the connection {found[0]} in {topic}, found that partition {span.partition} "
            f"begins at offset {span.first:,} by now, and windows counted from there would stand beside those of "
            "before: go on with --resume, or name a database without results"
        )


def _forget_events(database: Connection, topic: str, spans: Sequence[Span]) -> None:
    """Delete the events of models that others have replaced: a row of theirs need not be one of the others."""
    with database.cursor() as cursor:
        for span in spans:
            cursor.execute(_FORGET_EVENTS, {"topic": topic, "partition": span.partition, "first": span.first})
