"""Operators of ours, in Java, where Flink's planner has put its own: the same rows, for less."""

from __future__ import annotations

from typing import Final

from pyflink.datastream import StreamExecutionEnvironment
from pyflink.util.java_utils import load_java_class

from jobs.pipeline.operator_names import (
    GATHER_WINDOWS,
    JUDGE_CONNECTIONS,
    KEEP_INVALID,
    KEEP_MESSAGES,
    SCORE_WINDOWS,
)
from jobs.pipeline.transformations import transformations
from udfs.errors import PipelineError

_JAVA: Final = "exchangefingerprint.flink"
_IN_PLACE: Final = {
    KEEP_MESSAGES: f"{_JAVA}.messages.KeepMessages$InPlace",
    KEEP_INVALID: f"{_JAVA}.messages.KeepInvalid$InPlace",
    GATHER_WINDOWS: f"{_JAVA}.state.SeldomSwept$InPlace",
    SCORE_WINDOWS: f"{_JAVA}.batches.GrowingBatches$InPlace",
    JUDGE_CONNECTIONS: f"{_JAVA}.state.SeldomSwept$InPlace",
}
"""What puts an operator of ours in the place of the one with this name."""


def put_own_operators(environment: StreamExecutionEnvironment) -> None:
    """Replace the named operators that the planner has added to `environment`.

    Raises
    ------
    PipelineError
        If one of them is not there once.
    """
    found = []
    for transformation in transformations(environment):
        name = transformation.getName()
        if name in _IN_PLACE:
            load_java_class(_IN_PLACE[name]).newInstance().accept(transformation)
            found.append(name)
    if sorted(found) != sorted(_IN_PLACE):
        raise PipelineError(
            f"Expected of Flink's planner, each once, {', '.join(_IN_PLACE)}, found {', '.join(found) or 'none'}: "
            "run the job on the Flink that the project pins"
        )
