"""Names that a person reads in Flink's web UI, in place of the planner's `OverAggregate[7]`."""

from __future__ import annotations

from typing import Final

from pyflink.datastream import StreamExecutionEnvironment

from jobs.pipeline.result_tables import (
    CONNECTION_ACTIVITY,
    CONNECTION_EVENTS,
    CONNECTION_VERDICTS,
    DEAD_LETTERS,
    HEALTH_EVENTS,
    WINDOW_SCORES,
)
from jobs.pipeline.tables import DEAD_LETTER_RECORDS, RAW_MESSAGES
from jobs.pipeline.transformations import transformations

KEEP_MESSAGES: Final = "Keep messages"
KEEP_INVALID: Final = "Keep invalid records"
GATHER_WINDOWS: Final = "Gather each connection's windows of 50, watch its health"
SCORE_WINDOWS: Final = "Score windows: features and XGBoost"
JUDGE_CONNECTIONS: Final = "Judge each connection by its last 16 windows"

OPERATOR_NAMES: Final = (
    ("KafkaSource", RAW_MESSAGES, "Messages from Kafka"),
    ("Calc", "letter_value", "Lay out dead letters"),
    ("Calc", "count_rejected", "Count reasons, lay out dead_letters"),
    ("Calc", "record_key <> connection_id", KEEP_INVALID),
    ("Calc", "record_key = connection_id", KEEP_MESSAGES),
    ("Calc", "AS kafka_offset", "Lay out health_events"),
    ("Calc", "silence_limit_s", "Lay out connection_activity"),
    ("Calc", "= 'window'", "Keep windows"),
    ("Calc", "AS record", "Take scores apart"),
    ("Calc", "AS certainty", "Lay out connection_verdicts"),
    ("Calc", "AS kind", "Lay out connection_events"),
    ("Calc", "has_news", "Keep changes"),
    ("Calc", "predicted_exchange", "Lay out window_scores"),
    ("ProcessTableFunction", "windows(", GATHER_WINDOWS),
    ("ProcessTableFunction", "verdicts(", JUDGE_CONNECTIONS),
    ("PythonCalc", "score_window", SCORE_WINDOWS),
    ("PythonCalc", "explain_verdict", "Explain changes: TreeSHAP"),
    ("ConstraintEnforcer", "", "Check keys"),
    (WINDOW_SCORES, "", "Upsert window_scores"),
    (CONNECTION_VERDICTS, "", "Upsert connection_verdicts"),
    (CONNECTION_EVENTS, "", "Upsert connection_events"),
    (HEALTH_EVENTS, "", "Upsert health_events"),
    (CONNECTION_ACTIVITY, "", "Upsert connection_activity"),
    (DEAD_LETTER_RECORDS, "", "Dead letters to Kafka"),
    (DEAD_LETTERS, "", "Upsert dead_letters"),
)
"""How the planner's name starts, what its description holds, and the name to show; the first that fits counts."""


def name_operators(environment: StreamExecutionEnvironment) -> None:
    """Rename every operator of the job that has been added to `environment`."""
    for transformation in transformations(environment):
        name = _readable_name(transformation.getName(), transformation.getDescription() or "")
        if name is not None:
            transformation.setName(name)
            transformation.setDescription(name)


def _readable_name(planner_name: str, description: str) -> str | None:
    text = description or planner_name
    return next(
        (name for start, marker, name in OPERATOR_NAMES if planner_name.startswith(start) and marker in text), None
    )
