"""The tables at both ends of the job, as Flink SQL: Kafka topics in, PostgreSQL and the dead-letter topic out."""

from __future__ import annotations

from jobs.config import JobSettings
from udfs.rows import ROW_COLUMNS

MESSAGES = "raw_messages"
RAW_RECORDS = "raw_records"
WINDOW_SCORES = "window_scores"
DEAD_LETTERS = "dead_letters"

_KEY_COLUMNS = "connection_id, kafka_partition, last_offset, window_end_at"


def messages_ddl(settings: JobSettings) -> str:
    """Declare the topic as messages: what is no JSON object yields no row, a field of a wrong type is NULL."""
    return f"""
        CREATE TEMPORARY TABLE {MESSAGES} (
            connection_id STRING,
            recv_ts_ns BIGINT,
            exchange_ts_ns BIGINT,
            msg_type STRING,
            seq BIGINT,
            request_id BIGINT,
            declared_exchange STRING,
            kafka_partition INT METADATA FROM 'partition' VIRTUAL,
            kafka_offset BIGINT METADATA FROM 'offset' VIRTUAL,
            processed_at AS PROCTIME()
        ) WITH ({_kafka_options(settings, "messages")}, 'format' = 'json', 'json.ignore-parse-errors' = 'true')"""


def raw_records_ddl(settings: JobSettings) -> str:
    """Declare the same topic as bytes, for what the JSON source passes over in silence."""
    return f"""
        CREATE TEMPORARY TABLE {RAW_RECORDS} (
            body BYTES,
            kafka_partition INT METADATA FROM 'partition' VIRTUAL,
            kafka_offset BIGINT METADATA FROM 'offset' VIRTUAL
        ) WITH ({_kafka_options(settings, "dead-letters")}, 'format' = 'raw')"""


def dead_letters_ddl(settings: JobSettings) -> str:
    """Declare the dead-letter topic: the original bytes, and where they were and why they are here as headers."""
    return f"""
        CREATE TEMPORARY TABLE {DEAD_LETTERS} (
            body BYTES,
            headers MAP<STRING, BYTES> METADATA
        ) WITH (
            'connector' = 'kafka',
            'topic' = {_text(settings.dead_letter_topic)},
            'properties.bootstrap.servers' = {_text(settings.kafka)},
            'format' = 'raw'
        )"""


def window_scores_ddl(settings: JobSettings) -> str:
    """Declare the results table, written as an upsert on its primary key."""
    computed = ",\n            ".join(f"{name} {sql_type}" for name, sql_type in ROW_COLUMNS.items())
    database = settings.database
    return f"""
        CREATE TEMPORARY TABLE {WINDOW_SCORES} (
            connection_id STRING,
            kafka_partition INT,
            last_offset BIGINT,
            declared_exchange STRING,
            {computed},
            PRIMARY KEY ({_KEY_COLUMNS}) NOT ENFORCED
        ) WITH (
            'connector' = 'jdbc',
            'url' = {_text(database.jdbc_url)},
            'table-name' = 'window_scores',
            'username' = {_text(database.user)},
            'password' = {_text(database.password)},
            'sink.buffer-flush.interval' = '{settings.flush_ms} ms',
            'sink.buffer-flush.max-rows' = '2000'
        )"""


def _kafka_options(settings: JobSettings, reader: str) -> str:
    options = {
        "connector": "kafka",
        "topic": settings.topic,
        "properties.bootstrap.servers": settings.kafka,
        "properties.group.id": f"fingerprint-{reader}",
        "scan.startup.mode": "earliest-offset",
    }
    if settings.stop_at_end:
        options["scan.bounded.mode"] = "latest-offset"
    return ", ".join(f"'{key}' = {_text(value)}" for key, value in options.items())


def _text(value: str) -> str:
    """Quote a value as a SQL string."""
    escaped = value.replace("'", "''")
    return f"'{escaped}'"
