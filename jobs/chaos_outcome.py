"""What a run has come to, and what it must come to: every row and every dead letter, as one hash by table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Final

from confluent_kafka import Message
from psycopg2.sql import SQL, Identifier

from ingest.records import TopicReader
from ingest.validity import read_record
from jobs.database import connect
from jobs.results import Chunk, Difference, ResultsHash, differences, hash_results
from jobs.results_tables import read_results
from jobs.results_topic import TopicResults
from jobs.tables import DEAD_LETTERS
from model.artifact import DEFAULT_ARTIFACT, explainer_of, load_predictor
from model.serving import OneModel

DEAD_LETTER_TOPIC: Final = "dead_letter_topic"
"""The name under which dead letters in Kafka are counted: each once, for there it may be twice."""

_COLUMNS: Final = {
    DEAD_LETTERS: ("kafka_partition", "kafka_offset", "reason", "connection_key", "n_bytes"),
    DEAD_LETTER_TOPIC: ("source_partition", "source_offset", "reason", "key_hash", "value_hash"),
}
_MOST_DIFFERENCES: Final = 5

Row = tuple[Any, ...]


class Outcomes:
    """The results of one topic by the default model.

    Parameters
    ----------
    kafka, topic : str
        Of the messages.
    """

    def __init__(self, kafka: str, topic: str) -> None:
        self._kafka, self._topic = kafka, topic
        predictor = load_predictor(DEFAULT_ARTIFACT)
        self._models, self._version = OneModel(predictor, explainer_of(predictor)), predictor.model_version

    def written(self, database_url: str, dead_letter_topic: str) -> ResultsHash:
        """Hash what a job has written into its database and its dead-letter topic."""
        rows = {
            DEAD_LETTERS: _dead_letters(database_url),
            DEAD_LETTER_TOPIC: {_letter_found(record) for record in self._records(dead_letter_topic)},
        }
        return _hash(read_results(database_url, self._version), rows)

    def computed(self) -> ResultsHash:
        """Hash what must be written, computed from the topic without Flink."""
        refused = list(self._refused())
        rows = {
            DEAD_LETTERS: [_row_expected(record, reason) for record, reason in refused],
            DEAD_LETTER_TOPIC: [_letter_expected(record, reason) for record, reason in refused],
        }
        with TopicReader(self._kafka, self._topic) as reader:
            return _hash(TopicResults(reader, self._models).chunks(), rows)

    def differences(self, database_url: str) -> list[Difference]:
        """Find the first rows in which a database holds other results than the topic says."""
        with TopicReader(self._kafka, self._topic) as reader:
            expected = TopicResults(reader, self._models).chunks()
            found = read_results(database_url, self._version)
            return differences(found, expected, most=_MOST_DIFFERENCES)[0]

    def _refused(self) -> Iterator[tuple[Message, str]]:
        for record in self._records(self._topic):
            reason = read_record(record.key(), record.value())[1]
            if reason is not None:
                yield record, reason

    def _records(self, topic: str) -> Iterator[Message]:
        with TopicReader(self._kafka, topic) as reader:
            for span in reader.spans:
                for records in reader.read(span):
                    yield from records


def _hash(results: Iterable[Chunk], rows: Mapping[str, Iterable[Row]]) -> ResultsHash:
    tables = dict(hash_results(results).tables)
    for name, found in rows.items():
        columns = dict(zip(_COLUMNS[name], zip(*found, strict=True), strict=False))
        tables |= hash_results([(name, columns)], [name]).tables
    return ResultsHash(tables=tables)


def _dead_letters(database_url: str) -> list[Row]:
    columns = SQL(", ").join(map(Identifier, _COLUMNS[DEAD_LETTERS]))
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(SQL("SELECT {} FROM {}").format(columns, Identifier(DEAD_LETTERS)))
        return cursor.fetchall()


def _row_expected(record: Message, reason: str) -> Row:
    """Lay out the row of a record whose key is a connection's, as those of the load are."""
    return record.partition(), record.offset(), reason, _bytes(record.key()).decode(), len(_bytes(record.value()))


def _letter_expected(record: Message, reason: str) -> Row:
    return record.partition(), record.offset(), reason, *_hashes(record)


def _letter_found(record: Message) -> Row:
    headers = {name: _bytes(value).decode() for name, value in dict(record.headers() or ()).items()}
    return int(headers["source_partition"]), int(headers["source_offset"]), headers["reason"], *_hashes(record)


def _hashes(record: Message) -> tuple[str, str]:
    return sha256(_bytes(record.key())).hexdigest(), sha256(_bytes(record.value())).hexdigest()


def _bytes(value: bytes | str | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""
