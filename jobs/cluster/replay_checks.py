"""Reading a topic from its beginning, again or on: what must be so, that results become a function of the topic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ingest.kafka.topic_identity import read_topic_identity
from ingest.kafka.topic_reader import Span
from jobs.results.read_topics import check_same_topic, has_results, known_topic, note_dead_letter_topic, note_topic
from model.registry.database import Connection, connect
from model.registry.model_registry import replaced_at
from stack.roles import Role
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
_MAY_FORGET: Final = "SELECT has_function_privilege('forget_replaced_events(text, integer, bigint)', 'EXECUTE')"
_HAS_EVENTS: Final = """
    SELECT EXISTS (
        SELECT FROM connection_events
        WHERE kafka_partition = %(partition)s AND last_offset >= %(first)s AND written_at < %(replaced)s
    )
"""


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
        _forget_replaced_events(database, topic, spans)


def check_not_replaced(database_url: str, topic: str, savepoint: str, at_s: float) -> None:
    """Refuse to go on from a savepoint when the whole topic is to be scored anew since.

    Raises
    ------
    ConfigError
        If a model was activated from the start after the savepoint was taken.
    """
    with connect(database_url) as database:
        replaced = replaced_at(database, topic)
    if replaced is not None and at_s < replaced.timestamp():
        raise ConfigError(
            f"Expected a savepoint or checkpoint of after {replaced:%Y-%m-%d %H:%M:%S}, when a model was activated for "
            f"all of {topic}, found an older one, {savepoint}: submit without it, so that the topic is scored from its "
            "beginning"
        )


def check_topics(
    database_url: str, kafka: str, topic: str, dead_letter_topic: str, progress: Callable[[str], None]
) -> None:
    """Note which topics the results are of, and refuse others under the same names.

    Raises
    ------
    ConfigError
        If the topic of the messages is another one than the results in the database are of.
    """
    messages, letters = read_topic_identity(kafka, topic), read_topic_identity(kafka, dead_letter_topic)
    with connect(database_url) as database:
        if has_results(database):
            check_same_topic(database, topic, messages)
        if known_topic(database, "messages") != messages:
            note_topic(database, "messages", messages)
        said = note_dead_letter_topic(database, letters)
    if said is not None:
        progress(said)


def check_offsets(
    committed: Mapping[int, int], topic: str, spans: Sequence[Span], progress: Callable[[str], None]
) -> None:
    """Compare what the job has told Kafka of its place with what the topic holds: it goes on about there.

    Parameters
    ----------
    committed : mapping of int to int
        Next offset by partition.
    topic : str
        Of the messages.
    spans : sequence of Span
        What the topic holds.
    progress : callable
        Is told which records were deleted before they were read.

    Raises
    ------
    ConfigError
        If a partition ends before the offset.
    """
    for span in spans:
        offset = committed.get(span.partition, span.first)
        if offset > span.end:
            raise ConfigError(
                f"Expected partition {span.partition} of {topic} to reach offset {offset:,}, up to which it was read, "
                f"found that it ends at {span.end:,}: records were lost; submit without --resume, with a database "
                "without results"
            )
        if offset < span.first:
            progress(
                f"Partition {span.partition} begins at offset {span.first:,}: up to {span.first - offset:,} records "
                "were deleted before they were read, and counting starts anew there"
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


def forget_replaced_events(database_url: str, topic: str, spans: Sequence[Span]) -> None:
    """Delete the events of models that others have replaced: a row of theirs need not be one of the others.

    Raises
    ------
    ConfigError
        If there are any, and our login may not delete them.
    """
    with connect(database_url) as database:
        _forget_replaced_events(database, topic, spans)


def _forget_replaced_events(database: Connection, topic: str, spans: Sequence[Span]) -> None:
    if (replaced := replaced_at(database, topic)) is None:
        return
    with database.cursor() as cursor:
        cursor.execute(_MAY_FORGET)
        may_forget = cursor.fetchone() == (True,)
        for span in spans:
            of_span = {"topic": topic, "partition": span.partition, "first": span.first, "replaced": replaced}
            cursor.execute(_FORGET_EVENTS if may_forget else _HAS_EVENTS, of_span)
            if not may_forget and cursor.fetchone() == (True,):
                raise ConfigError(
                    f"Expected no events of models that were replaced for all of {topic}, found some, and a login that "
                    f"may not delete them: run `fingerprint submit --check` with one in MODEL_DATABASE_URL that is a "
                    f"member of {Role.MODEL_ADMIN.group}"
                )
