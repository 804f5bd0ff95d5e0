"""The tables at both ends of the job, as Flink SQL: Kafka topics in, PostgreSQL and the dead-letter topic out."""

from __future__ import annotations

from jobs.config import JobSettings
from udfs.rows import SCORE_COLUMNS

RAW_MESSAGES = "raw_messages"
WINDOW_SCORES = "window_scores"
CONNECTION_VERDICTS = "connection_verdicts"
CONNECTION_EVENTS = "connection_events"
HEALTH_EVENTS = "health_events"
CONNECTION_ACTIVITY = "connection_activity"
DEAD_LETTERS = "dead_letters"
DEAD_LETTER_RECORDS = "dead_letter_records"

_WINDOW_SCORES_COLUMNS = {
    "connection_id": "STRING",
    "kafka_partition": "INT",
    "last_offset": "BIGINT",
    "declared_exchange": "STRING",
    **SCORE_COLUMNS,
}
_CONNECTION_VERDICTS_COLUMNS = {
    "connection_id": "STRING",
    "declared_exchange": "STRING",
    "verdict": "STRING",
    "certainty": "STRING",
    "probability": "DOUBLE",
    "strength_nats": "DOUBLE",
    "windows": "BIGINT",
    "messages": "BIGINT",
    "certain_after_messages": "BIGINT",
    "since_at": "STRING",
    "since_offset": "BIGINT",
    "previous_verdict": "STRING",
    "kafka_partition": "INT",
    "last_offset": "BIGINT",
    "last_window_end_at": "STRING",
    "signature": "STRING",
    "model_version": "STRING",
    "updated_at": "STRING",
}
_CONNECTION_EVENTS_COLUMNS = {
    "connection_id": "STRING",
    "kafka_partition": "INT",
    "last_offset": "BIGINT",
    "kind": "STRING",
    "previous_verdict": "STRING",
    "verdict": "STRING",
    "declared_exchange": "STRING",
    "since_at": "STRING",
    "since_offset": "BIGINT",
    "detected_at": "STRING",
    "messages": "BIGINT",
    "windows": "BIGINT",
    "strength_nats": "DOUBLE",
    "probability": "DOUBLE",
    "reasons": "STRING",
    "signature": "STRING",
    "model_version": "STRING",
}
_HEALTH_EVENTS_COLUMNS = {
    "connection_id": "STRING",
    "kafka_partition": "INT",
    "kafka_offset": "BIGINT",
    "kind": "STRING",
    "declared_exchange": "STRING",
    "messages": "BIGINT",
    "since_at": "STRING",
    "since_offset": "BIGINT",
    "detected_at": "STRING",
    "seq_before": "BIGINT",
    "seq": "BIGINT",
    "n_missing": "BIGINT",
    "silence_s": "DOUBLE",
    "limit_s": "DOUBLE",
    "rate_before": "DOUBLE",
    "rate_now": "DOUBLE",
    "score": "DOUBLE",
}
_CONNECTION_ACTIVITY_COLUMNS = {
    "connection_id": "STRING",
    "kafka_partition": "INT",
    "last_offset": "BIGINT",
    "declared_exchange": "STRING",
    "messages": "BIGINT",
    "last_recv_at": "STRING",
    "silence_limit_s": "DOUBLE",
    "last_heartbeat_at": "STRING",
}
_DEAD_LETTERS_COLUMNS = {
    "kafka_partition": "INT",
    "kafka_offset": "BIGINT",
    "reason": "STRING",
    "connection_key": "STRING",
    "n_bytes": "INT",
}

# As STRING a key keeps its bytes, whatever they are.
_KEY_OPTIONS = "'key.format' = 'raw', 'key.fields' = 'record_key', 'value.fields-include' = 'EXCEPT_KEY'"

DRIVER = "exchangefingerprint.flink.jdbc.RetryingPostgresDriver"
"""PostgreSQL's, which waits for a server that is being started again."""

_MOST_ROWS = 5000

_VERDICT_FLUSH_MS = 500
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
            request_id BIGINT,
            type_code BIGINT,
            declared_exchange STRING,
            body BYTES,
            rejection_reason STRING,
            kafka_partition INT NOT NULL METADATA FROM 'partition' VIRTUAL,
            kafka_offset BIGINT NOT NULL METADATA FROM 'offset' VIRTUAL
        ) WITH ({_kafka_options(settings)}, {_KEY_OPTIONS}, 'value.format' = 'fingerprint-message')"""


def dead_letter_records_ddl(settings: JobSettings) -> str:
    """Declare the dead-letter topic: the original key and bytes, and as headers where they were and what is wrong."""
    return f"""
        CREATE TEMPORARY TABLE {DEAD_LETTER_RECORDS} (
            record_key BYTES,
            body BYTES,
            headers MAP<STRING, BYTES> METADATA
        ) WITH (
            'connector' = 'kafka',
            'topic' = {_text(settings.dead_letter_topic)},
            'properties.bootstrap.servers' = {_text(settings.kafka)},
            {_KEY_OPTIONS},
            'value.format' = 'raw'
        )"""


def dead_letters_ddl(settings: JobSettings) -> str:
    """Declare the table of dead letters, which has their places and reasons, but not their bytes."""
    key = "kafka_partition, kafka_offset"
    return _sink_ddl(settings, DEAD_LETTERS, _DEAD_LETTERS_COLUMNS, key=key, flush_ms=settings.flush_ms)


def window_scores_ddl(settings: JobSettings) -> str:
    """Declare the table of scored windows, written as an upsert on its primary key."""
    key = "connection_id, kafka_partition, last_offset, window_end_at"
    return _sink_ddl(settings, WINDOW_SCORES, _WINDOW_SCORES_COLUMNS, key=key, flush_ms=settings.flush_ms)


def connection_verdicts_ddl(settings: JobSettings) -> str:
    """Declare the table of verdicts, of which each window updates one."""
    flush_ms = max(settings.flush_ms, _VERDICT_FLUSH_MS)
    columns = _CONNECTION_VERDICTS_COLUMNS
    return _sink_ddl(settings, CONNECTION_VERDICTS, columns, key="connection_id", flush_ms=flush_ms)


def connection_events_ddl(settings: JobSettings) -> str:
    """Declare the table of what has changed."""
    key = "connection_id, kafka_partition, last_offset, kind"
    return _sink_ddl(settings, CONNECTION_EVENTS, _CONNECTION_EVENTS_COLUMNS, key=key, flush_ms=settings.flush_ms)


def health_events_ddl(settings: JobSettings) -> str:
    """Declare the table of what is wrong with connections."""
    key = "connection_id, kafka_partition, kafka_offset, kind"
    return _sink_ddl(settings, HEALTH_EVENTS, _HEALTH_EVENTS_COLUMNS, key=key, flush_ms=settings.flush_ms)


def connection_activity_ddl(settings: JobSettings) -> str:
    """Declare the table of when each connection was last heard of."""
    flush_ms = max(settings.flush_ms, _VERDICT_FLUSH_MS)
    columns = _CONNECTION_ACTIVITY_COLUMNS
    return _sink_ddl(settings, CONNECTION_ACTIVITY, columns, key="connection_id", flush_ms=flush_ms)


def _sink_ddl(settings: JobSettings, table: str, columns: dict[str, str], *, key: str, flush_ms: int) -> str:
    declared = ",\n            ".join(f"{name} {sql_type}" for name, sql_type in columns.items())
    database = settings.database
    return f"""
        CREATE TEMPORARY TABLE {table} (
            {declared},
            PRIMARY KEY ({key}) NOT ENFORCED
        ) WITH (
            'connector' = 'jdbc',
            'url' = {_text(database.jdbc_url)},
            'driver' = '{DRIVER}',
            'table-name' = '{table}',
            'username' = {_text(database.user)},
            'password' = {_text(database.password)},
            'sink.buffer-flush.interval' = '{flush_ms} ms',
            'sink.buffer-flush.max-rows' = '{_MOST_ROWS}'
        )"""


def _kafka_options(settings: JobSettings) -> str:
    options = {
        "connector": "kafka",
        "topic": settings.topic,
        "properties.bootstrap.servers": settings.kafka,
        "properties.group.id": "fingerprint-messages",
        "scan.startup.mode": "earliest-offset",
    }
    if settings.stop_at_end:
        options["scan.bounded.mode"] = "latest-offset"
    return ", ".join(f"'{key}' = {_text(value)}" for key, value in options.items())


def _text(value: str) -> str:
    """Quote a value as a SQL string."""
    escaped = value.replace("'", "''")
    return f"'{escaped}'"
