"""How many windows go to Python at once."""

from __future__ import annotations

from typing import Final

from pyflink.datastream import StreamExecutionEnvironment
from pyflink.util.java_utils import load_java_class

from jobs.pipeline.operator_names import SCORE_WINDOWS
from jobs.pipeline.transformations import transformations

_GROWING: Final = "exchangefingerprint.flink.batches.GrowingBatches$InPlace"


def let_batches_grow(environment: StreamExecutionEnvironment) -> None:
    """Gather windows longer while many are waiting: replace the named operator that Flink's planner has put there."""
    replace = load_java_class(_GROWING).newInstance()
    for transformation in transformations(environment):
        if transformation.getName() == SCORE_WINDOWS:
            replace.accept(transformation)
