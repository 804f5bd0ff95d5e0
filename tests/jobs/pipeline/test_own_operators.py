"""A plan that is not the one expected is told before it runs."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from jobs.pipeline.own_operators import put_own_operators
from udfs.errors import PipelineError


def test_a_plan_without_the_operators_is_refused() -> None:
    empty = SimpleNamespace(_j_stream_execution_environment=SimpleNamespace(getTransformations=list))
    with pytest.raises(PipelineError, match=r"each once, Keep messages, .*, found none: run the job on the Flink that"):
        put_own_operators(empty)
