"""The tables of results: each of their columns once, with its type and what the job writes into it.

From here come the job's DDL and INSERTs (`tables`, `queries`), the layout of the rows that `jobs.reference` computes,
what a row is found by, and what the tests expect of the database. `sql/migrations` makes the tables in PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ingest.kafka.record_validity import MAX_VALUE_BYTES
from udfs.current_verdict import CERTAIN, LIKELY, UNDECIDED
from udfs.rows import SCORE_COLUMNS
from udfs.schema import UNKNOWN, WINDOW_SIZE, WINDOW_SLIDE

WINDOW_SCORES = "window_scores"
CONNECTION_VERDICTS = "connection_verdicts"
CONNECTION_EVENTS = "connection_events"
HEALTH_EVENTS = "health_events"
CONNECTION_ACTIVITY = "connection_activity"
DEAD_LETTERS = "dead_letters"

_TIME_TYPE: Final = "timestamp with time zone"
_POSTGRES_TYPES: Final = {"STRING": "text", "INT": "integer", "BIGINT": "bigint", "DOUBLE": "double precision"}


@dataclass(frozen=True)
class Column:
    """A column that the job writes.

    Attributes
    ----------
    flink_type : str
        As the job declares it. Flink's JDBC sink has neither timestamptz nor jsonb: those are STRING.
    value : str or None
        The expression that the INSERT selects; the column of that name in what it reads if None.
    stored_as : str or None
        PostgreSQL's type, if neither the Flink type nor a name that ends in `_at` tells it.
    """

    flink_type: str
    value: str | None = None
    stored_as: str | None = None


@dataclass(frozen=True, kw_only=True)
class ResultTable:
    """A table that the job writes.

    Attributes
    ----------
    name : str
        In Flink and in PostgreSQL.
    columns : dict of Column by name
        What the job writes, in order.
    key : tuple of str
        The columns by which a row is found again.
    partitioned_by : str or None
        What the key has too because PostgreSQL wants it there, a function of the others.
    written_at : str or None
        The time of writing, which is no result; PostgreSQL fills it in unless it is one of `columns`.
    noted : dict of str by name
        PostgreSQL's types of what it notes besides of when a row was written, which is no result either.
    """

    name: str
    columns: Mapping[str, Column]
    key: tuple[str, ...]
    partitioned_by: str | None = None
    written_at: str | None = None
    noted: Mapping[str, str] = field(default_factory=dict)

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The columns that are PostgreSQL's key."""
        return self.key if self.partitioned_by is None else (*self.key, self.partitioned_by)

    @property
    def is_brought_up_to_date(self) -> bool:
        """Whether a connection has one row, which is written again and again."""
        return self.key == ("connection_id",)

    @property
    def results(self) -> tuple[str, ...]:
        """All columns but the time of writing: what the messages and the model determine."""
        return tuple(name for name in self.columns if name != self.written_at)

    @property
    def postgres_types(self) -> dict[str, str]:
        """PostgreSQL's type of every column that the table has there, the time of writing included."""
        types = {
            name: column.stored_as or (_TIME_TYPE if name.endswith("_at") else _POSTGRES_TYPES[column.flink_type])
            for name, column in self.columns.items()
        }
        return types | dict(self.noted) | ({} if self.written_at is None else {self.written_at: _TIME_TYPE})

    def in_order(self, computed: Iterable[str]) -> list[str]:
        """Put the names of columns that were computed in the table's order.

        Raises
        ------
        ValueError
            If one of `results` is missing, or a column is none of them.
        """
        names = set(computed)
        missing, superfluous = set(self.results) - names, names - set(self.results)
        if missing or superfluous:
            raise ValueError(
                f"Expected the columns of {self.name}, found {_listed(missing)} missing and {_listed(superfluous)} "
                "superfluous: compute what jobs/pipeline/result_tables.py lists"
            )
        return list(self.results)


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def n_bytes(column: str) -> str:
    """Write the SQL that counts a binary column's bytes."""
    # Each byte is one character of that encoding.
    return f"CHAR_LENGTH(DECODE({column}, 'ISO-8859-1'))"


def _of_verdict(name: str) -> str:
    return f"CASE WHEN certain IS NOT NULL THEN certain_{name} WHEN leaning IS NOT NULL THEN {name} END"


_TABLES: Final = (
    ResultTable(
        name=WINDOW_SCORES,
        key=("connection_id", "kafka_partition", "last_offset"),
        partitioned_by="window_end_at",
        written_at="scored_at",
        columns={
            "connection_id": Column("STRING"),
            "kafka_partition": Column("INT"),
            "last_offset": Column("BIGINT"),
            "declared_exchange": Column("STRING"),
            **{name: Column(flink_type) for name, flink_type in SCORE_COLUMNS.items()},
            "probabilities": Column(SCORE_COLUMNS["probabilities"], stored_as="jsonb"),
            "features": Column(SCORE_COLUMNS["features"], stored_as="real[]"),
        },
    ),
    ResultTable(
        name=CONNECTION_VERDICTS,
        key=("connection_id",),
        written_at="updated_at",
        columns={
            "connection_id": Column("STRING"),
            "declared_exchange": Column("STRING"),
            "verdict": Column("STRING", f"COALESCE(certain, leaning, '{UNKNOWN}')"),
            "certainty": Column(
                "STRING",
                f"""CASE WHEN certain IS NOT NULL THEN '{CERTAIN}'
            WHEN leaning IS NOT NULL THEN '{LIKELY}' ELSE '{UNDECIDED}' END""",
            ),
            "probability": Column("DOUBLE", "COALESCE(certain_probability, probability)"),
            "strength_nats": Column("DOUBLE", "COALESCE(certain_strength_nats, strength_nats)"),
            "windows": Column("BIGINT", f"n / {WINDOW_SLIDE} - {WINDOW_SIZE // WINDOW_SLIDE - 1}"),
            "messages": Column("BIGINT", "n"),
            "certain_after_messages": Column("BIGINT"),
            "since_at": Column("STRING", _of_verdict("since_at")),
            "since_offset": Column("BIGINT", _of_verdict("since_offset")),
            "previous_verdict": Column("STRING"),
            "kafka_partition": Column("INT"),
            "last_offset": Column("BIGINT"),
            "last_window_end_at": Column("STRING", "window_end_at"),
            "signature": Column("STRING", "pooled_signature"),
            "model_version": Column("STRING"),
            # Its zone is the session's, UTC, but the text does not say so.
            "updated_at": Column("STRING", "CAST(CURRENT_TIMESTAMP AS STRING) || '+00'"),
        },
    ),
    ResultTable(
        name=CONNECTION_EVENTS,
        key=("connection_id", "kafka_partition", "last_offset", "kind"),
        written_at="written_at",
        columns={
            "connection_id": Column("STRING"),
            "kafka_partition": Column("INT"),
            "last_offset": Column("BIGINT"),
            "kind": Column(
                "STRING",
                f"""CASE WHEN certain = '{UNKNOWN}' THEN 'unknown_venue'
            WHEN declared_exchange <> certain THEN 'mismatch' ELSE 'named' END""",
            ),
            "previous_verdict": Column("STRING", "certain_before"),
            "verdict": Column("STRING", "certain"),
            "declared_exchange": Column("STRING"),
            "since_at": Column("STRING", "event_since_at"),
            "since_offset": Column("BIGINT", "event_since_offset"),
            "detected_at": Column("STRING", "window_end_at"),
            "messages": Column("BIGINT", "n"),
            "windows": Column("BIGINT", "certain_suffix_windows"),
            "strength_nats": Column("DOUBLE", "certain_strength_nats"),
            "probability": Column("DOUBLE", "certain_probability"),
            "reasons": Column("STRING", stored_as="jsonb"),
            "signature": Column("STRING", "pooled_signature"),
            "model_version": Column("STRING"),
        },
    ),
    ResultTable(
        name=HEALTH_EVENTS,
        key=("connection_id", "kafka_partition", "kafka_offset", "kind"),
        written_at="written_at",
        columns={
            "connection_id": Column("STRING"),
            "kafka_partition": Column("INT"),
            "kafka_offset": Column("BIGINT", "last_offset"),
            "kind": Column("STRING"),
            "declared_exchange": Column("STRING"),
            "messages": Column("BIGINT", "n"),
            "since_at": Column("STRING"),
            "since_offset": Column("BIGINT"),
            "detected_at": Column("STRING", "`at`"),
            "seq_before": Column("BIGINT"),
            "seq": Column("BIGINT"),
            "n_missing": Column("BIGINT"),
            "silence_s": Column("DOUBLE"),
            "limit_s": Column("DOUBLE"),
            "rate_before": Column("DOUBLE"),
            "rate_now": Column("DOUBLE"),
            "score": Column("DOUBLE"),
        },
    ),
    ResultTable(
        name=DEAD_LETTERS,
        key=("kafka_partition", "kafka_offset"),
        written_at="seen_at",
        columns={
            "kafka_partition": Column("INT"),
            "kafka_offset": Column("BIGINT"),
            "reason": Column("STRING", "count_rejected(reason)"),
            "connection_key": Column("STRING", "printable_text(record_key)"),
            "n_bytes": Column("INT", f"LEAST({n_bytes('body')}, {MAX_VALUE_BYTES + 1})"),
        },
    ),
    ResultTable(
        name=CONNECTION_ACTIVITY,
        key=("connection_id",),
        written_at="written_at",
        noted={
            "began_at": _TIME_TYPE,
            "lag_s": "double precision",
            "lag_since_at": _TIME_TYPE,
            "lag_before_s": "double precision",
        },
        columns={
            "connection_id": Column("STRING"),
            "kafka_partition": Column("INT"),
            "last_offset": Column("BIGINT"),
            "declared_exchange": Column("STRING"),
            "messages": Column("BIGINT", "n"),
            "last_recv_at": Column("STRING", "`at`"),
            "silence_limit_s": Column("DOUBLE", "limit_s"),
            "last_heartbeat_at": Column("STRING"),
        },
    ),
)

RESULT_TABLES: Final = {table.name: table for table in _TABLES}
"""All of them, by name."""
