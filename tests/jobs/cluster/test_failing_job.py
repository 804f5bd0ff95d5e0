"""The reason of a job that keeps failing, as Flink tells it."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.cluster import failing_job

OURS = "Expected the registered model 0.1-x to fit this version, found one that does not: let another score"
TRACE = f"""org.apache.flink.runtime.JobException: Recovery is suppressed
\tat org.apache.flink.runtime.executiongraph.failover.ExecutionFailureHandler.handleFailure
Caused by: java.lang.RuntimeException: Error received from SDK harness for instruction 1: Traceback (most recent call):
  File "udfs/scoring.py", line 1, in score
udfs.errors.ArtifactError: {OURS}

\tat java.base/java.util.concurrent.CompletableFuture.reportGet
"""


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        ([{"stacktrace": TRACE}, {"stacktrace": "java.io.IOException: older"}], OURS),
        ([{"stacktrace": "java.io.IOException: no room\n\tat x"}], "java.io.IOException: no room"),
        ([], "no reason given"),
    ],
)
def test_the_last_failure_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, history: list[dict[str, Any]], reason: str
) -> None:
    monkeypatch.setattr(failing_job, "ask", lambda *_: {"exceptionHistory": {"entries": history}})
    assert failing_job.last_failure("http://flink", "job") == reason
