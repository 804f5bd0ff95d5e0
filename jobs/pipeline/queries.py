"""The job's SQL between its tables: messages to windows of fifty to scores to verdicts, and invalid records.

What each connection needs to remember of its messages is in a function of our own, `Windows` of `udfs/java`: it emits a
window as bytes, which travel to Python as they are. What comes back is bytes too, of which `Verdicts` of `udfs/java`
makes what the tables hold.
"""

from __future__ import annotations

from ingest.kafka.record_validity import MAX_KEY_BYTES, MAX_VALUE_BYTES
from jobs.config import JobSettings
from jobs.pipeline.result_tables import (
    CONNECTION_ACTIVITY,
    CONNECTION_EVENTS,
    CONNECTION_VERDICTS,
    DEAD_LETTERS,
    HEALTH_EVENTS,
    RESULT_TABLES,
    WINDOW_SCORES,
    n_bytes,
)
from jobs.pipeline.tables import DEAD_LETTER_RECORDS, RAW_MESSAGES
from udfs.window_records import RECORD_COLUMNS

SCORE_FUNCTION = "score_window"
EXPLAIN_FUNCTION = "explain_verdict"
"""The names under which the pandas UDFs are registered."""

_JAVA = "exchangefingerprint.flink"
JAVA_FUNCTIONS = {
    "windows": f"{_JAVA}.windows.Windows",
    "verdicts": f"{_JAVA}.verdicts.Verdicts",
    "rejection": f"{_JAVA}.messages.Rejection",
    "count_rejected": f"{_JAVA}.messages.CountRejected",
    "printable_text": f"{_JAVA}.messages.PrintableText",
}
"""The functions of `udfs/java`, by the names under which they are registered."""

MESSAGES = "messages"
REJECTED = "rejected"
GATHERED = "gathered"
SCORED = "scored"
JUDGED = "judged"
"""Views; what several INSERTs read of them, Flink runs once."""


def messages_view(_settings: JobSettings) -> str:
    """Select what is a message of the connection that it is keyed by: `KeepMessages` of `udfs/java` does it."""
    return f"""
        SELECT connection_id, recv_ts_ns, exchange_ts_ns, seq, prev_seq, request_id, type_code, payload_bytes,
               declared_exchange, kafka_partition, kafka_offset, counts_from
        FROM {RAW_MESSAGES}
        WHERE rejection_reason IS NULL AND record_key = connection_id"""


def rejected_view(_settings: JobSettings) -> str:
    """Select what is none, with the reason: `KeepInvalid` of `udfs/java` does it."""
    return f"""
        SELECT CAST(record_key AS BYTES) AS record_key, body, kafka_partition, kafka_offset,
               rejection(rejection_reason, record_key) AS reason
        FROM {RAW_MESSAGES}
        WHERE rejection_reason IS NOT NULL OR record_key IS NULL OR record_key <> connection_id"""


def dead_letter_records_query(_settings: JobSettings) -> str:
    """Select the dead letters for their topic.

    What is longer is left out: of a compressed record, the job has no more of it than that it is.
    """
    return f"""
        INSERT INTO {DEAD_LETTER_RECORDS}
        SELECT {_up_to(MAX_KEY_BYTES, "record_key")} AS letter_key, {_up_to(MAX_VALUE_BYTES, "body")} AS letter_value,
               reason, kafka_partition, kafka_offset
        FROM {REJECTED}"""


def dead_letters_query(_settings: JobSettings) -> str:
    """Select the dead letters for their table."""
    return _insert(DEAD_LETTERS, REJECTED)


def gathered_view(settings: JobSettings) -> str:
    """Select what each connection's messages make together: windows, faults, and signs of life, by their kind."""
    return f"""
        SELECT * FROM windows(
            messages => TABLE {MESSAGES} PARTITION BY connection_id,
            idle_gap_ns => CAST({settings.idle_gap_ns} AS BIGINT),
            uid => 'windows'
        )"""


def scored_view(_settings: JobSettings) -> str:
    """Select every complete window with what the model says of it, the columns in the order of `Verdicts.SCORED`."""
    computed = ", ".join(f"scores.{name} AS {name}" for name in RECORD_COLUMNS)
    return f"""
        SELECT {_CARRIED}, {computed}
        FROM (
            SELECT {_CARRIED}, {SCORE_FUNCTION}(window_columns, kafka_partition) AS scores
            FROM {GATHERED}
            WHERE kind = 'window'
        )"""


def judged_view(_settings: JobSettings) -> str:
    """Select every window as the tables have it, with what stands for its connection from then on."""
    return f"""
        SELECT * FROM verdicts(scored => TABLE {SCORED} PARTITION BY connection_id, uid => 'verdicts')"""


def window_scores_query(_settings: JobSettings) -> str:
    """Select a scored row for every complete window."""
    return _insert(WINDOW_SCORES, JUDGED)


def connection_verdicts_query(_settings: JobSettings) -> str:
    """Select a connection's verdict after each of its windows; the last one stays."""
    return _insert(CONNECTION_VERDICTS, JUDGED)


def connection_events_query(_settings: JobSettings) -> str:
    """Select a row, explained, wherever what is certain of a connection, or what it declares, has changed."""
    # A verdict that stands dates from its decision; a declaration that changes, from the window that brings it.
    explained = f"""
        SELECT *, {EXPLAIN_FUNCTION}(exact_features, certain, declared_exchange, model_version) AS reasons
        FROM (
            SELECT *,
                   CASE WHEN certain_before = certain THEN window_start_at ELSE since_at END AS event_since_at,
                   CASE WHEN certain_before = certain THEN first_offset ELSE since_offset END AS event_since_offset
            FROM {JUDGED}
            WHERE has_news
        )"""
    return _insert(CONNECTION_EVENTS, f"({explained})")


def health_events_query(_settings: JobSettings) -> str:
    """Select a row wherever a message shows that something is wrong with its connection."""
    return _insert(HEALTH_EVENTS, f"{GATHERED} WHERE kind <> 'window' AND kind <> 'activity'")


def connection_activity_query(_settings: JobSettings) -> str:
    """Select when a connection was heard of, a row at most every two seconds; the last one stays."""
    return _insert(CONNECTION_ACTIVITY, f"{GATHERED} WHERE kind = 'activity'")


_CARRIED = (
    "connection_id, kafka_partition, last_offset, declared_exchange, n, segment, first_offset, window_start_ns, "
    "window_end_ns"
)


def _up_to(most_bytes: int, column: str) -> str:
    return f"CASE WHEN {n_bytes(column)} <= {most_bytes} THEN {column} END"


def _insert(table: str, source: str) -> str:
    columns = RESULT_TABLES[table].columns
    selected = ", ".join(f"{column.value or name} AS {name}" for name, column in columns.items())
    return f"""
        INSERT INTO {table} ({", ".join(columns)})
        SELECT {selected} FROM {source}
        ON CONFLICT DO DEDUPLICATE"""
