"""Computes results from the topic alone: what is a message, whose it is, and what the job makes of it."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from ingest.kafka.record_validity import MAX_VALUE_BYTES, printable_text, read_record
from ingest.kafka.topic_reader import Record, Span, TopicReader
from jobs.pipeline.result_tables import DEAD_LETTERS, HEALTH_EVENTS, RESULT_TABLES
from jobs.reference.health import health_rows
from jobs.reference.result_rows import Chunk, Columns
from jobs.reference.scored_windows import PartitionMessages
from jobs.reference.verdict_rows import result_rows
from udfs.errors import SchemaError
from udfs.model_schedule import Models
from udfs.schema import MISSING, MsgType
from udfs.windows import IDLE_GAP_NS, WIRE_COLUMNS

Progress = Callable[[int], None]

_CODES: Final = {t.name: t.value for t in MsgType}
_NUMBERS: Final = ("recv_ts_ns", "exchange_ts_ns", "seq", "request_id", "payload_bytes", "prev_seq")
_KEPT: Final = (*WIRE_COLUMNS, "prev_seq")


class DeadLetter(NamedTuple):
    """A row of `dead_letters`."""

    kafka_partition: int
    kafka_offset: int
    reason: str
    connection_key: str | None
    n_bytes: int | None


class TopicResults:
    """The results of all messages that a topic holds.

    Parameters
    ----------
    reader : TopicReader
        Of the topic.
    models : Models
        Of the topic.
    idle_gap_ns : int
        The longest idle gap within a segment of a connection.

    Attributes
    ----------
    records : int
        Records read so far.
    rejected : Counter
        How many of them are invalid, by reason.
    """

    def __init__(self, reader: TopicReader, models: Models, idle_gap_ns: int = IDLE_GAP_NS) -> None:
        self._reader, self._models, self._idle_gap_ns = reader, models, idle_gap_ns
        self._partition_of: dict[str, int] = {}
        self.records = 0
        self.rejected = Counter[str]()

    def chunks(self, progress: Progress = lambda _: None) -> Iterator[Chunk]:
        """Yield the rows of all tables, partition by partition; `progress` is told the offsets that are done.

        Raises
        ------
        ConfigError
            If Kafka does not answer.
        SchemaError
            If messages of one connection are in two partitions: their order, and so what comes of them, is open.
        """
        done, schedule = 0, self._models.schedule()
        for span in self._reader.spans:
            messages, dead_letters = self._gather(span, done, progress)
            yield DEAD_LETTERS, _columns(dead_letters)
            yield HEALTH_EVENTS, health_rows(messages)
            for table, rows in result_rows(messages, self._models, schedule):
                yield table, {str(name): rows[name].tolist() for name in rows}
            done += len(span)
            progress(done)

    def _gather(self, span: Span, done: int, progress: Progress) -> tuple[PartitionMessages, list[DeadLetter]]:
        log, dead_letters = _Log(span.partition), list[DeadLetter]()
        for records in self._reader.read(span):
            self.records += len(records)
            for record in records:
                message, reason = read_record(record.key, record.value)
                if message is None:
                    self.rejected[str(reason)] += 1
                    dead_letters.append(_dead_letter(record, str(reason)))
                else:
                    log.append(message, record.offset)
            if records:
                progress(done + records[-1].offset - span.first)
        for name in log.connections:
            other = self._partition_of.setdefault(name, span.partition)
            if other != span.partition:
                raise SchemaError(
                    f"Expected the messages of a connection in one partition, found those of {name!r} in partitions "
                    f"{other} and {span.partition}: publish them with one way of choosing partitions by key"
                )
        return log.by_segment(self._idle_gap_ns), dead_letters


def _dead_letter(record: Record, reason: str) -> DeadLetter:
    return DeadLetter(
        kafka_partition=record.partition,
        kafka_offset=record.offset,
        reason=reason,
        connection_key=printable_text(record.key),
        n_bytes=None if record.value is None else min(len(record.value), MAX_VALUE_BYTES + 1),
    )


def _columns(rows: Sequence[DeadLetter]) -> Columns:
    names = RESULT_TABLES[DEAD_LETTERS].in_order(DeadLetter._fields)
    return {name: [getattr(row, name) for row in rows] for name in names}


class _Log:
    """The messages of one partition as they come, eight bytes a value."""

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._columns = {name: array("q") for name in (*_KEPT, "connection", "declared")}
        self._declared: dict[str | None, int] = {}
        self.connections: dict[str, int] = {}

    def append(self, message: dict[str, Any], offset: int) -> None:
        columns = self._columns
        for name in _NUMBERS:
            value = message.get(name)
            columns[name].append(MISSING if value is None else value)
        columns["msg_type"].append(_CODES[message["msg_type"]])
        columns["kafka_offset"].append(offset)
        name, declared = message["connection_id"], message.get("declared_exchange")
        columns["connection"].append(self.connections.setdefault(name, len(self.connections)))
        columns["declared"].append(self._declared.setdefault(declared, len(self._declared)))

    def by_segment(self, idle_gap_ns: int) -> PartitionMessages:
        """Part the messages by connection, and those where it was silent; within one they stay in order."""
        columns = {name: np.array(values, dtype=np.int64) for name, values in self._columns.items()}
        connections = columns.pop("connection")
        order = np.argsort(connections, kind="stable")
        columns = {name: values[order] for name, values in columns.items()}
        connections = connections[order]
        is_first = (np.diff(connections, prepend=-1) != 0) | (np.diff(columns["recv_ts_ns"], prepend=0) > idle_gap_ns)
        starts = np.flatnonzero(is_first)
        return PartitionMessages(
            kafka_partition=self._partition,
            connection_ids=np.array(list(self.connections), dtype=object)[connections[starts]],
            lengths=np.diff(starts, append=len(connections)),
            columns={name: columns[name] for name in _KEPT},
            declared=np.array(list(self._declared), dtype=object)[columns["declared"]],
        )
