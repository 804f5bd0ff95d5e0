"""The tables at both ends of the job, as Flink SQL: Kafka topics in, PostgreSQL and the dead-letter topic out."""

from __future__ import annotations

from collections.abc import Mapping

from jobs.config import JobSettings
from jobs.pipeline.result_tables import ResultTable

RAW_MESSAGES = "raw_messages"
DEAD_LETTER_RECORDS = "dead_letter_records"

READER = "fingerprint-messages"
"""The consumer group under which the job tells Kafka how far it is."""

# As STRING a key keeps its bytes, whatever they are.
_KEY_OPTIONS = "'key.format' = 'raw', 'key.fields' = 'record_key', 'value.fields-include' = 'EXCEPT_KEY'"

DRIVER = "exchangefingerprint.flink.jdbc.RetryingPostgresDriver"
"""PostgreSQL's, which waits for a server that is being started again."""

_MOST_ROWS = 5000

_DISCOVERY_S = 5
"""So soon partitions that were added are read."""

_LEAST_FLUSH_MS = 500
"""A row that is written again and again need not be written 50 times a second: of each flush, the last value counts."""


def raw_messages_ddl(settings: JobSettings) -> str:
    """Declare the topic: each record with a message's fields, or with the reason why it is none."""
    return f"""
        CREATE TEMPORARY TABLE {RAW_MESSAGES} (
            record_key STRING,
            connection_id STRING,
            recv_ts_ns BIGINT,
            exchange_ts_ns BIGINT,
            seq BIGINT,
            prev_seq BIGINT,
            request_id BIGINT,
            type_code BIGINT,
            payload_bytes BIGINT,
            declared_exchange STRING,
            body BYTES,
            rejection_reason STRING,
            counts_from BIGINT,
            kafka_partition INT NOT NULL METADATA FROM 'partition' VIRTUAL,
            kafka_offset BIGINT NOT NULL METADATA FROM 'offset' VIRTUAL
        ) WITH ({_kafka_options(settings)}, {_KEY_OPTIONS}, 'value.format' = 'fingerprint-message')"""


def dead_letter_records_ddl(settings: JobSettings) -> str:
    """Declare the dead-letter topic: the original key and bytes, why they are no message, and where they were."""
    options = {
        "connector": "fingerprint-dead-letters",
        **_cluster_options(settings),
        "topic": settings.dead_letter_topic,
        "source-topic": settings.topic,
        "url": settings.database.jdbc_url,
    }
    return f"""
        CREATE TEMPORARY TABLE {DEAD_LETTER_RECORDS} (
            letter_key BYTES,
            letter_value BYTES,
            reason STRING,
            kafka_partition INT,
            kafka_offset BIGINT
        ) WITH ({_options(options)})"""


def result_table_ddl(settings: JobSettings, table: ResultTable) -> str:
    """Declare a table of results, written as an upsert on its primary key.

    The plan of the job keeps what is declared, so no password is: the driver finds it where the sink runs.
    """
    flush_ms = max(settings.flush_ms, _LEAST_FLUSH_MS) if table.is_brought_up_to_date else settings.flush_ms
    declared = ",\n            ".join(f"{name} {column.flink_type}" for name, column in table.columns.items())
    return f"""
        CREATE TEMPORARY TABLE {table.name} (
            {declared},
            PRIMARY KEY ({", ".join(table.primary_key)}) NOT ENFORCED
        ) WITH (
            'connector' = 'fingerprint-results',
            'url' = {_text(settings.database.jdbc_url)},
            'driver' = '{DRIVER}',
            'table-name' = '{table.name}',
            'sink.buffer-flush.interval' = '{flush_ms} ms',
            'sink.buffer-flush.max-rows' = '{_MOST_ROWS}'
        )"""


def _kafka_options(settings: JobSettings) -> str:
    options = {
        "connector": "fingerprint-messages",
        "topic": settings.topic,
        **_cluster_options(settings),
        "properties.group.id": READER,
        "properties.isolation.level": "read_committed",
        "scan.startup.mode": "earliest-offset",
        "scan.topic-partition-discovery.interval": f"{_DISCOVERY_S} s",
        "url": settings.database.jdbc_url,
    }
    if settings.stop_at_end:
        options["scan.bounded.mode"] = "latest-offset"
    return _options(options)


def _cluster_options(settings: JobSettings) -> dict[str, str]:
    properties = {"bootstrap.servers": settings.kafka, **settings.kafka_security}
    return {f"properties.{name}": value for name, value in properties.items()}


def _options(options: Mapping[str, str]) -> str:
    return ", ".join(f"'{key}' = {_text(value)}" for key, value in options.items())


def _text(value: str) -> str:
    """Quote a value as a SQL string."""
    escaped = value.replace("'", "''")
    return f"'{escaped}'"
