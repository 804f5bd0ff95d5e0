"""The job's SQL between its tables: messages to groups of five to windows of fifty to scores.

COUNT and LAG over a keyed OVER window are what Flink does fastest here: four messages of five end in the first
operator, and its state is four rows a connection. Two traps of Flink 2.3's planner shape the text: what Python needs
goes in through one array, and whatever the row needs of it comes back out of the same call.
"""

from __future__ import annotations

from jobs.tables import DEAD_LETTERS, MESSAGES, RAW_RECORDS, WINDOW_SCORES
from udfs.rows import ROW_COLUMNS
from udfs.schema import MISSING, WINDOW_SIZE, WINDOW_SLIDE, MsgType
from udfs.windows import GROUP_SIZE, WIRE_COLUMNS

SCORE_FUNCTION = "score_window"
"""The name under which the pandas UDF is registered."""

_GROUPS = WINDOW_SIZE // GROUP_SIZE
# The smallest BIGINT cannot be written as a literal: the parser reads minus and an overflowing number.
_MISSING_SQL = f"({MISSING + 1} - 1)"


def dead_letters_query() -> str:
    """Select what cannot be a message, from both readings of the topic, with where it was and why it is refused."""
    unfit = _headers("refused_because")
    not_json = _headers("'not a JSON object'")
    return f"""
        INSERT INTO {DEAD_LETTERS}
        SELECT CAST(NULL AS BYTES), {unfit} FROM ({_checked_messages()}) WHERE refused_because IS NOT NULL
        UNION ALL
        SELECT body, {not_json} FROM {RAW_RECORDS}
        WHERE body IS NULL OR DECODE(body, 'UTF-8') IS NOT JSON OBJECT"""  # noqa: S608  # only our own names


def window_scores_query() -> str:
    """Select a scored row for every complete window."""
    computed = ", ".join(ROW_COLUMNS)
    from_row = ", ".join(f"scored.{name}" for name in ROW_COLUMNS)
    return f"""
        INSERT INTO {WINDOW_SCORES} (connection_id, kafka_partition, last_offset, declared_exchange, {computed})
        SELECT connection_id, kafka_partition, last_offset, declared_exchange, {from_row}
        FROM (
            SELECT connection_id, kafka_partition, last_offset, declared_exchange,
                   {SCORE_FUNCTION}(window_columns) AS scored
            FROM ({_windows()})
        )
        ON CONFLICT DO DEDUPLICATE"""  # noqa: S608  # only our own names


def _checked_messages() -> str:
    codes = " ".join(f"WHEN '{t.name}' THEN {t.value}" for t in MsgType)
    return f"""
        SELECT *, CASE
            WHEN connection_id IS NULL THEN 'no connection_id'
            WHEN CHAR_LENGTH(connection_id) NOT BETWEEN 1 AND 128 THEN 'connection_id not of 1 to 128 characters'
            WHEN recv_ts_ns IS NULL THEN 'no recv_ts_ns'
            WHEN type_code IS NULL THEN 'unknown msg_type'
        END AS refused_because
        FROM (SELECT *, CASE msg_type {codes} END AS type_code FROM {MESSAGES})"""  # noqa: S608  # only our own names


def _messages() -> str:
    wire = {
        "recv_ts_ns": "recv_ts_ns",
        "exchange_ts_ns": f"COALESCE(exchange_ts_ns, {_MISSING_SQL})",
        "seq": f"COALESCE(seq, {_MISSING_SQL})",
        "request_id": f"COALESCE(request_id, {_MISSING_SQL})",
        "msg_type": "CAST(type_code AS BIGINT)",
        "kafka_offset": "kafka_offset",
    }
    values = ", ".join(wire[name] for name in WIRE_COLUMNS)
    types = ", ".join(f"{name} BIGINT" for name in WIRE_COLUMNS)
    return f"""
        SELECT connection_id, kafka_partition, kafka_offset, declared_exchange, processed_at,
               CAST(ROW({values}) AS ROW<{types}>) AS m0
        FROM ({_checked_messages()}) WHERE refused_because IS NULL"""  # noqa: S608  # only our own names


def _groups() -> str:
    lags = ", ".join(f"LAG(m0, {i}) OVER w AS m{i}" for i in range(1, GROUP_SIZE))
    oldest_first = range(GROUP_SIZE - 1, -1, -1)
    columns = ", ".join(", ".join(f"m{i}.{name}" for i in oldest_first) for name in WIRE_COLUMNS)
    return f"""
        SELECT connection_id, kafka_partition, kafka_offset, declared_exchange, processed_at, n,
               ARRAY[{columns}] AS g0
        FROM (
            SELECT *, COUNT(*) OVER w AS n, {lags}
            FROM ({_messages()})
            WINDOW w AS (PARTITION BY connection_id ORDER BY processed_at)
        )
        WHERE MOD(n, {GROUP_SIZE}) = 0"""  # noqa: S608  # only our own names


def _windows() -> str:
    lags = ", ".join(f"LAG(g0, {i}) OVER w AS g{i}" for i in range(1, _GROUPS))
    oldest_first = ", ".join(f"g{i}" for i in range(_GROUPS - 1, -1, -1))
    return f"""
        SELECT connection_id, kafka_partition, kafka_offset AS last_offset, declared_exchange,
               ARRAY_CONCAT({oldest_first}) AS window_columns
        FROM (
            SELECT *, {lags}
            FROM ({_groups()})
            WINDOW w AS (PARTITION BY connection_id ORDER BY processed_at)
        )
        WHERE n >= {WINDOW_SIZE} AND MOD(n, {WINDOW_SLIDE}) = 0"""  # noqa: S608  # only our own names


def _headers(reason: str) -> str:
    pairs = {
        "reason": reason,
        "source_partition": "CAST(kafka_partition AS STRING)",
        "source_offset": "CAST(kafka_offset AS STRING)",
    }
    return "MAP[" + ", ".join(f"'{key}', ENCODE({value}, 'UTF-8')" for key, value in pairs.items()) + "]"
