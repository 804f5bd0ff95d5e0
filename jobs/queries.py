"""The job's SQL between its tables: messages to groups of five to windows of fifty to scores.

COUNT and LAG over a keyed OVER window are what Flink does fastest here: four messages of five end in the first
operator, and its state is four rows a connection. Two traps of Flink 2.3's planner shape the text: what Python needs
goes in through one array, and whatever the row needs of it comes back out of the same call.
"""

from __future__ import annotations

from jobs.tables import CONNECTION_EVENTS, CONNECTION_VERDICTS, DEAD_LETTERS, MESSAGES, RAW_RECORDS, WINDOW_SCORES
from udfs.rows import DECISION_COLUMNS, ROW_COLUMNS, SCORE_COLUMNS
from udfs.schema import MISSING, UNKNOWN, WINDOW_SIZE, WINDOW_SLIDE, MsgType
from udfs.standing import CERTAIN, LIKELY, UNDECIDED
from udfs.verdicts import HISTORY
from udfs.windows import GROUP_SIZE, WIRE_COLUMNS

SCORE_FUNCTION = "score_window"
DECIDE_FUNCTION = "decide_connection"
EXPLAIN_FUNCTION = "explain_verdict"
"""The names under which the pandas UDFs are registered."""

SCORED = "scored"
DECIDED = "decided"
"""Views that several INSERTs read; Flink runs what they share once."""

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


def scored_view() -> str:
    """Select every complete window with its scores."""
    computed = ", ".join(f"scores.{name} AS {name}" for name in ROW_COLUMNS)
    return f"""
        SELECT {_CARRIED}, {computed}
        FROM (
            SELECT {_CARRIED}, {SCORE_FUNCTION}(window_columns) AS scores
            FROM ({_windows()})
        )"""  # noqa: S608  # only our own names


def window_scores_query() -> str:
    """Select a scored row for every complete window."""
    columns = ", ".join(("connection_id", "kafka_partition", "last_offset", "declared_exchange", *SCORE_COLUMNS))
    return f"""
        INSERT INTO {WINDOW_SCORES} ({columns})
        SELECT {columns} FROM {SCORED}
        ON CONFLICT DO DEDUPLICATE"""  # noqa: S608  # only our own names


def decided_view() -> str:
    """Select every window with what stands for its connection from then on.

    Four looks at the connection's past, one inside the other, because a query level has one frame: the records of its
    last windows; the class that stands; the one that stood before that window; and since when it stands.
    """
    certain_since = ", ".join(
        f"LAST_VALUE(CASE WHEN certain IS DISTINCT FROM certain_before THEN {name} END) OVER w AS certain_{name}"
        for name in ("since_at", "since_offset")
    )
    return f"""
        SELECT *, {certain_since},
               LAST_VALUE(CASE WHEN certain <> certain_before THEN certain_before END) OVER w AS previous_verdict
        FROM (
            SELECT *, LAG(certain) OVER w AS certain_before, LAG(declared_exchange) OVER w AS declared_before
            FROM ({_standing()})
            WINDOW w AS (PARTITION BY connection_id ORDER BY processed_at)
        )
        WINDOW w AS (PARTITION BY connection_id ORDER BY processed_at)"""  # noqa: S608  # only our own names


def connection_verdicts_query() -> str:
    """Select a connection's verdict after each of its windows; the last one stays."""
    values = {
        "connection_id": "connection_id",
        "declared_exchange": "declared_exchange",
        "verdict": f"COALESCE(certain, leaning, '{UNKNOWN}')",
        "certainty": f"""CASE WHEN certain IS NOT NULL THEN '{CERTAIN}'
            WHEN leaning IS NOT NULL THEN '{LIKELY}' ELSE '{UNDECIDED}' END""",
        "probability": "COALESCE(certain_probability, probability)",
        "strength_nats": "COALESCE(certain_strength_nats, strength_nats)",
        "windows": _N_WINDOWS,
        "messages": "n",
        "certain_after_messages": "certain_after_messages",
        "since_at": _since("since_at"),
        "since_offset": _since("since_offset"),
        "previous_verdict": "previous_verdict",
        "kafka_partition": "kafka_partition",
        "last_offset": "last_offset",
        "last_window_end_at": "window_end_at",
        "fingerprint": "pooled_fingerprint",
        "model_version": "model_version",
        # Its zone is the session's, UTC, but the text does not say so.
        "updated_at": "CAST(CURRENT_TIMESTAMP AS STRING) || '+00'",
    }
    return _insert(CONNECTION_VERDICTS, values, DECIDED)


def connection_events_query() -> str:
    """Select a row, explained, wherever what is certain of a connection, or what it declares, has changed."""
    values = {
        "connection_id": "connection_id",
        "kafka_partition": "kafka_partition",
        "last_offset": "last_offset",
        "kind": f"""CASE WHEN certain = '{UNKNOWN}' THEN 'stranger'
            WHEN declared_exchange <> certain THEN 'mismatch' ELSE 'named' END""",
        "previous_verdict": "certain_before",
        "verdict": "certain",
        "declared_exchange": "declared_exchange",
        "since_at": "event_since_at",
        "since_offset": "event_since_offset",
        "detected_at": "window_end_at",
        "messages": "n",
        "windows": "certain_suffix_windows",
        "strength_nats": "certain_strength_nats",
        "probability": "certain_probability",
        "reasons": "reasons",
        "fingerprint": "pooled_fingerprint",
        "model_version": "model_version",
    }
    # A verdict that stands dates from its decision; a declaration that changes, from the window that brings it.
    explained = f"""
        SELECT *, {EXPLAIN_FUNCTION}(features, certain, declared_exchange) AS reasons
        FROM (
            SELECT *,
                   CASE WHEN certain_before = certain THEN window_start_at ELSE since_at END AS event_since_at,
                   CASE WHEN certain_before = certain THEN first_offset ELSE since_offset END AS event_since_offset
            FROM {DECIDED}
            WHERE certain IS NOT NULL
              AND (certain IS DISTINCT FROM certain_before OR declared_exchange IS DISTINCT FROM declared_before)
        )"""  # noqa: S608  # only our own names
    return _insert(CONNECTION_EVENTS, values, f"({explained})")


_CARRIED = "connection_id, kafka_partition, last_offset, declared_exchange, n, processed_at"
_OF_DECISION = ("probability", "strength_nats", "suffix_windows")
_N_WINDOWS = f"n / {WINDOW_SLIDE} - {WINDOW_SIZE // WINDOW_SLIDE - 1}"


def _insert(table: str, values: dict[str, str], source: str) -> str:
    selected = ", ".join(f"{value} AS {name}" for name, value in values.items())
    return f"""
        INSERT INTO {table} ({", ".join(values)})
        SELECT {selected} FROM {source}
        ON CONFLICT DO DEDUPLICATE"""  # noqa: S608  # only our own names


def _since(name: str) -> str:
    return f"CASE WHEN certain IS NOT NULL THEN certain_{name} WHEN leaning IS NOT NULL THEN {name} END"


def _standing() -> str:
    """Select every window with the class that stands, how decisive it was, and when one was first.

    The first class that is decisive stands until another one overturns it; a window that could overturn also upholds.
    FIRST_VALUE and LAST_VALUE pass over NULLs.
    """
    stands = {"certain": "decisive"} | {f"certain_{name}": name for name in _OF_DECISION}
    aggregates = ", ".join(
        f"LAST_VALUE(CASE WHEN overturns THEN {value} END) OVER w AS {name}_by_overturning, "
        f"FIRST_VALUE(CASE WHEN decisive IS NOT NULL THEN {value} END) OVER w AS {name}_at_first"
        for name, value in stands.items()
    )
    chosen = ", ".join(f"COALESCE({name}_by_overturning, {name}_at_first) AS {name}" for name in stands)
    return f"""
        SELECT *, {chosen}
        FROM (
            SELECT *, {aggregates}, MIN(CASE WHEN decisive IS NOT NULL THEN n END) OVER w AS certain_after_messages
            FROM ({_decisions()})
            WINDOW w AS (PARTITION BY connection_id ORDER BY processed_at)
        )"""  # noqa: S608  # only our own names


def _decisions() -> str:
    """Select every window with what its connection's last windows say, and no more of it than is needed later."""
    kept = f"{_CARRIED}, first_offset, window_start_at, window_end_at, model_version, features"
    lags = ", ".join(f"LAG(history_record, {i}) OVER w AS h{i}" for i in range(1, HISTORY))
    oldest_first = ", ".join(f"h{i}" for i in range(HISTORY - 1, 0, -1))
    from_row = ", ".join(f"decision.{name} AS {name}" for name in DECISION_COLUMNS)
    return f"""
        SELECT {kept}, {from_row}
        FROM (
            SELECT {kept}, {DECIDE_FUNCTION}(CONCAT_WS('', {oldest_first}, history_record), {_N_WINDOWS}) AS decision
            FROM (
                SELECT *, {lags}
                FROM {SCORED}
                WINDOW w AS (PARTITION BY connection_id ORDER BY processed_at)
            )
        )"""  # noqa: S608  # only our own names


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
        SELECT connection_id, kafka_partition, kafka_offset AS last_offset, declared_exchange, n, processed_at,
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
