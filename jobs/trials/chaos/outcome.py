"""What a run has come to, and what it must come to: every row and every dead letter, as one hash by table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, Final

from ingest.kafka.record_validity import kept_in_dead_letter, read_record
from ingest.kafka.topic_reader import Record, TopicReader
from jobs.reference.result_rows import Chunk, Difference, ResultsHash, differences, hash_results
from jobs.reference.topic_results import TopicResults
from jobs.results.stored_results import read_results, versions_of
from model.registry.topic_models import RegistryModels

DEAD_LETTER_TOPIC: Final = "dead_letter_topic"
"""The name under which dead letters in Kafka are counted: each once, for there it may be twice."""

_COLUMNS: Final = ("source_partition", "source_offset", "reason", "key_hash", "value_hash")
_MOST_DIFFERENCES: Final = 5

Row = tuple[Any, ...]


class Outcomes:
    """The results of one topic by the models that were activated for it.

    Parameters
    ----------
    kafka, topic : str
        Of the messages.
    registry_url : str
        The database that knows the models.
    """

    def __init__(self, kafka: str, topic: str, registry_url: str) -> None:
        self._kafka, self._topic = kafka, topic
        self._models, self._versions = RegistryModels(registry_url, topic), versions_of(registry_url, topic)

    def written(self, database_url: str, dead_letter_topic: str) -> ResultsHash:
        """Hash what a job has written into its database and its dead-letter topic."""
        dead_letters = {_dead_letter_found(record) for record in self._records(dead_letter_topic)}
        return _hash(read_results(database_url, *self._versions), dead_letters)

    def computed(self) -> ResultsHash:
        """Hash what must be written, computed from the topic without Flink."""
        dead_letters = [_dead_letter_expected(*rejected) for rejected in self._rejected()]
        with TopicReader(self._kafka, self._topic) as reader:
            return _hash(TopicResults(reader, self._models).chunks(), dead_letters)

    def differences(self, database_url: str) -> list[Difference]:
        """Find the first rows in which a database holds other results than the topic says."""
        with TopicReader(self._kafka, self._topic) as reader:
            expected = TopicResults(reader, self._models).chunks()
            found = read_results(database_url, *self._versions)
            return differences(found, expected, most=_MOST_DIFFERENCES)[0]

    def _rejected(self) -> Iterator[tuple[Record, str]]:
        for record in self._records(self._topic):
            reason = read_record(record.key, record.value)[1]
            if reason is not None:
                yield record, reason

    def _records(self, topic: str) -> Iterator[Record]:
        with TopicReader(self._kafka, topic) as reader:
            for span in reader.spans:
                for records in reader.read(span):
                    yield from records


def _hash(results: Iterable[Chunk], dead_letters: Iterable[Row]) -> ResultsHash:
    columns = dict(zip(_COLUMNS, zip(*dead_letters, strict=True), strict=False))
    in_topic = hash_results([(DEAD_LETTER_TOPIC, columns)], [DEAD_LETTER_TOPIC]).tables
    return ResultsHash(tables=hash_results(results).tables | in_topic)


def _dead_letter_expected(record: Record, reason: str) -> Row:
    key, value = kept_in_dead_letter(record.key, record.value)
    return record.partition, record.offset, reason, *_hashes(key, value)


def _dead_letter_found(record: Record) -> Row:
    headers = {name: value.decode() for name, value in record.headers.items()}
    return (
        int(headers["source_partition"]),
        int(headers["source_offset"]),
        headers["reason"],
        *_hashes(record.key, record.value),
    )


def _hashes(key: bytes | None, value: bytes | None) -> tuple[str, str]:
    return sha256(key or b"").hexdigest(), sha256(value or b"").hexdigest()
