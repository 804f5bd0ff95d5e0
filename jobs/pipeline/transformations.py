"""The operators that Flink's planner has made of the job's SQL, before they are submitted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyflink.datastream import StreamExecutionEnvironment


def transformations(environment: StreamExecutionEnvironment) -> Iterator[Any]:
    """Yield every operator of the job that has been added to `environment`, once: Java's `Transformation`."""
    seen: set[int] = set()
    pending: list[Any] = list(environment._j_stream_execution_environment.getTransformations())
    while pending:
        transformation = pending.pop()
        if transformation.getId() not in seen:
            seen.add(transformation.getId())
            pending.extend(transformation.getInputs())
            yield transformation
