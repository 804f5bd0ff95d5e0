"""Names that a person reads in Flink's web UI, in place of the planner's `OverAggregate[7]`."""

from __future__ import annotations

from typing import Any, Final

from pyflink.datastream import StreamExecutionEnvironment

from jobs.tables import DEAD_LETTERS, MESSAGES, RAW_RECORDS, WINDOW_SCORES

OPERATOR_NAMES: Final = (
    ("KafkaSource", MESSAGES, "Messages from Kafka"),
    ("KafkaSource", RAW_RECORDS, "Raw records from Kafka"),
    ("Calc", "IS NOT JSON OBJECT", "Keep what is no JSON object"),
    ("Calc", "source_offset", "Keep what is no message"),
    ("Calc", "PROCTIME()", "Check and encode"),
    ("Calc", "AS g0", "Every 5th message: a group"),
    ("Calc", "ARRAY_CONCAT", "Every 25th message: a window of 50"),
    ("Calc", "predicted_exchange", "Lay out rows"),
    ("OverAggregate", "COUNT(*)", "Count each connection's messages, gather 5"),
    ("OverAggregate", "LAG(g0", "Gather 10 groups"),
    ("PythonCalc", "score_window", "Score windows: features and XGBoost"),
    ("ConstraintEnforcer", "", "Check keys"),
    (WINDOW_SCORES, "", "Upsert window_scores"),
    (DEAD_LETTERS, "", "Dead letters to Kafka"),
)
"""How the planner's name starts, what its description holds, and the name to show; the first that fits counts."""


def name_operators(environment: StreamExecutionEnvironment) -> None:
    """Rename every operator of the job that has been added to `environment`."""
    seen: set[int] = set()
    pending: list[Any] = list(environment._j_stream_execution_environment.getTransformations())
    while pending:
        transformation = pending.pop()
        if transformation.getId() in seen:
            continue
        seen.add(transformation.getId())
        pending.extend(transformation.getInputs())
        name = _readable_name(transformation.getName(), transformation.getDescription() or "")
        if name is not None:
            transformation.setName(name)
            transformation.setDescription(name)


def _readable_name(planner_name: str, description: str) -> str | None:
    text = description or planner_name
    return next(
        (name for start, marker, name in OPERATOR_NAMES if planner_name.startswith(start) and marker in text), None
    )
