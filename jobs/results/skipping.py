"""Records that are given up, for they stop the job: which may be, and what is remembered of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ingest.kafka.dead_letters import Place
from ingest.kafka.topic_reader import Span
from model.registry.database import connect
from udfs.errors import ConfigError

SKIPPED: Final = "skipped: it stopped the job"
"""The reason of its dead letter."""

_REMEMBER: Final = """
    INSERT INTO dead_letters (kafka_partition, kafka_offset, reason) VALUES (%s, %s, %s)
    ON CONFLICT (kafka_partition, kafka_offset) DO NOTHING
"""


def find_span(spans: Sequence[Span], place: Place) -> Span:
    """Return what the partition of a record holds.

    Raises
    ------
    ConfigError
        If it does not hold the record.
    """
    for span in spans:
        if span.partition == place.partition and span.first <= place.offset < span.end:
            return span
    held = ", ".join(f"{span.partition}:{span.first} to {span.partition}:{span.end - 1}" for span in spans if len(span))
    raise ConfigError(
        f"Expected a record that the topic holds, found {place.partition}:{place.offset}, while it holds "
        f"{held or 'nothing'}: correct it"
    )


def remember_skipped(database_url: str, place: Place) -> None:
    """Write a dead letter of a record that was given up."""
    with connect(database_url) as database, database.cursor() as cursor:
        cursor.execute(_REMEMBER, (*place, SKIPPED))
