"""How often a job has failed, from Flink's REST interface as it is documented; and what `status` makes of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fingerprint_testing.http_answers import answering
from jobs.cli.stack.status import read_job
from jobs.cluster.job_failures import NO_FAILURES, find_failures, read_failures
from jobs.cluster.service_addresses import Addresses
from jobs.cluster.watched_job import JobWatch
from jobs.config import JOB_NAME
from jobs.doctor.findings import Level
from jobs.doctor.service_checks import check_job_of
from jobs.results.active_alerts import with_job

JOB = "a" * 32
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
TRACE = """org.apache.flink.runtime.JobException: Recovery is suppressed
\tat org.apache.flink.runtime.Something
Caused by: java.lang.OutOfMemoryError: Java heap space
\tat java.base/java.util.Arrays.copyOf
"""


@contextmanager
def flink_that_failed(
    *minutes_ago: float,
    restarts: int,
    now: datetime = NOW,
    state: str = "RUNNING",
    trace: str = TRACE,
    later_trace: str = "",
) -> Iterator[str]:
    """Serve what Flink says of a job that failed so long ago, all of whose tasks have run for a minute.

    The oldest failure has a trace, and those after it another one, if there is one.
    """
    now_ms = round(now.timestamp() * 1000)
    times_ms = [now_ms - round(minutes * 60_000) for minutes in minutes_ago]
    traces = {time_ms: later_trace or trace for time_ms in times_ms} | {min(times_ms, default=0): trace}
    entries = [{"exceptionName": "x", "stacktrace": traces[time_ms], "timestamp": time_ms} for time_ms in times_ms]
    job = {
        "jid": JOB,
        "name": JOB_NAME,
        "state": state,
        "tasks": {"total": 4, "running": 4},
        "start-time": now_ms - 3_600_000,
        "duration": 3_600_000,
        "last-modification": now_ms - 60_000,
    }
    answers: dict[str, Any] = {
        "/jobs/overview": {"jobs": [job]},
        f"/jobs/{JOB}/metrics": [{"id": "numRestarts", "value": str(restarts)}],
        f"/jobs/{JOB}/exceptions": {"exceptionHistory": {"entries": entries, "truncated": False}},
    }

    def answer(path: str) -> tuple[int, bytes]:
        return (200, json.dumps(answers[path]).encode()) if path in answers else (404, b"null")

    with answering(answer) as url:
        yield url


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


def test_a_job_that_never_failed_has_no_failures() -> None:
    with flink_that_failed(restarts=0) as url:
        found = read_failures(url, JOB, now=NOW)
    assert (found.n_restarts, found.n_lately, found.last_at, found.last_reason) == (0, 0, None, "")
    assert not found.keeps_failing
    assert str(found) == ""


def test_failures_are_counted_and_the_last_one_is_told() -> None:
    with flink_that_failed(1, 5, 9, 11, restarts=14) as url:
        found = read_failures(url, JOB, now=NOW)
    assert (found.n_restarts, found.n_lately) == (14, 3)
    assert found.last_at == datetime(2026, 11, 30, 11, 59, tzinfo=UTC)
    assert found.last_reason == "java.lang.OutOfMemoryError: Java heap space"
    assert str(found) == (
        "failed 3 times in the last ten minutes, and was started again 14 times in all; the last failure, at 11:59:00 "
        "UTC, was: java.lang.OutOfMemoryError: Java heap space"
    )


def test_a_sentence_of_ours_is_the_reason_and_whole() -> None:
    sentence = f"Expected the registered model to fit this version, found {'one ' * 60}that does not: let another score"
    trace = f"{TRACE}Caused by: java.lang.RuntimeException: Traceback:\nudfs.errors.ArtifactError: {sentence}\n\n\tat x"
    with flink_that_failed(1, restarts=1, trace=trace) as url:
        assert read_failures(url, JOB, now=NOW).last_reason == sentence


@pytest.mark.parametrize(("minutes_ago", "keeps_failing"), [((1, 2), False), ((1, 2, 3), True), ((1, 11, 12), False)])
def test_three_failures_in_ten_minutes_are_no_accident(minutes_ago: tuple[float, ...], keeps_failing: bool) -> None:
    with flink_that_failed(*minutes_ago, restarts=3) as url:
        assert read_failures(url, JOB, now=NOW).keeps_failing is keeps_failing


def test_a_flink_that_is_away_tells_of_no_failure() -> None:
    assert find_failures("http://127.0.0.1:9").n_restarts == 0


@pytest.mark.parametrize("state", ["RUNNING", "RESTARTING"])
def test_a_job_that_keeps_failing_is_told_by_status_doctor_and_alerts(state: str) -> None:
    with flink_that_failed(1, 2, 3, restarts=14, now=datetime.now(UTC), state=state) as url:
        job, finding, failures = read_job(url), check_job_of(url), find_failures(url)
    assert (job.state, job.restarts, job.failures_lately) == ("keeps failing", 14, 3)
    assert "Java heap space" in job.message
    assert finding.level is Level.PROBLEM
    assert "started again 14 times" in finding.found
    (alert,) = with_job([], problem="", job_id=JOB, unchanged_s=60, failing=str(failures))
    assert (alert.rule, alert.severity, alert.subject) == ("job down", "critical", "flink")
    assert alert.summary.startswith(f"Flink runs the job {JOB}, but it failed 3 times in the last ten minutes")


def test_a_job_that_was_started_again_once_runs() -> None:
    with flink_that_failed(1, restarts=1, now=datetime.now(UTC)) as url:
        job, finding = read_job(url), check_job_of(url)
    assert (job.state, job.restarts, job.job_id) == ("runs", 1, JOB)
    assert finding.level is not Level.PROBLEM
    assert finding.found == f"runs as {JOB}, started again 1 times"


GONE = """org.apache.flink.util.FlinkException: Global failure triggered by OperatorCoordinator
Caused by: java.lang.RuntimeException: Failed to get metadata for topics [raw_messages].
\tat org.apache.flink.connector.kafka.source.enumerator.subscriber.KafkaSubscriberUtils.getTopicMetadata
Caused by: org.apache.kafka.common.errors.UnknownTopicOrPartitionException: This server does not host this partition.
"""


def test_a_topic_that_is_gone_is_named() -> None:
    with flink_that_failed(1, restarts=1, trace=GONE) as url:
        assert read_failures(url, JOB, now=NOW).last_reason.startswith(
            "Expected the topic raw_messages on Kafka, found"
        )


def test_a_job_that_failed_for_good_says_why_to_status_doctor_and_alerts() -> None:
    trace = f"{TRACE}Caused by: java.io.IOException: Expected the topic with the id a, found the id b: submit anew\n"
    with flink_that_failed(1, 2, 3, restarts=0, now=datetime.now(UTC), state="FAILED", trace=trace) as url:
        job, finding, failures = read_job(url), check_job_of(url), find_failures(url)
        (alert,) = JobWatch(Addresses(home=Path("/nowhere"), flink=url)).add_to([])
    assert not failures.keeps_failing
    assert job.state == "does not run"
    assert finding.level is Level.PROBLEM
    for said in (job.message, finding.found, alert.summary):
        assert re.search(r"it failed for good at \d\d:\d\d:\d\d UTC: Expected the topic with the id a, found", said)
    assert (alert.rule, alert.severity) == ("job down", "critical")


def test_a_failure_before_the_last_job_is_history() -> None:
    with flink_that_failed(1, restarts=0, state="FINISHED") as url:
        assert find_failures(url) == NO_FAILURES


NO_SLOT = """java.util.concurrent.CompletionException: java.util.concurrent.CompletionException
Caused by: org.apache.flink.runtime.jobmanager.scheduler.NoResourceAvailableException: Could not acquire the minimum
"""
FULL = """java.io.IOException: Writing records to JDBC failed.
Caused by: org.postgresql.util.PSQLException: ERROR: could not extend file "x": No space left on device
  Hint: Check free disk space.
"""


def test_what_ended_the_taskmanager_is_the_reason_and_not_that_there_is_none() -> None:
    with flink_that_failed(1, 2, 3, restarts=3, trace=FULL, later_trace=NO_SLOT) as url:
        found = read_failures(url, JOB, now=NOW)
    assert (found.n_lately, found.last_at) == (3, datetime(2026, 11, 30, 11, 57, tzinfo=UTC))
    assert "No space left on device" in found.last_reason
    with flink_that_failed(1, 2, 3, restarts=3, trace=NO_SLOT) as url:
        assert "read the log of the one that ended" in read_failures(url, JOB, now=NOW).last_reason
