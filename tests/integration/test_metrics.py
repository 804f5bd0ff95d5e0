"""A job whose metrics Prometheus reads: what dashboards and alert rules ask for is there, and its numbers are right."""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
import requests
from kafka import KafkaProducer

from fingerprint_testing import promql
from ingest.kafka.broker import ensure_topics
from ingest.kafka.session_publisher import publish
from jobs.cluster.flink_client import find_running_job
from jobs.cluster.service_addresses import Addresses
from jobs.cluster.submission import Submission
from jobs.config import DEAD_LETTER_TOPIC, JOB_NAME
from jobs.pipeline.operator_names import OPERATOR_NAMES
from jobs.results.migrations import migrate
from model.registry.database import connect
from stack.services.prometheus import KEPT_METRICS
from stack.stack_status import StackStatus
from synthetic.open_world.unknown_venues import unknown_venue_sessions
from synthetic.sessions import synthetic_sessions

TOPIC = "metrics_messages"
N_MESSAGES = 1000
ANSWERED_S = 60
"""A rate needs two samples, which are five seconds apart; the job writes a checkpoint every five."""

BAD_VALUES = [(b"no json", "not JSON"), (b"[]", "not a JSON object"), (b"{}", "no connection_id"), (b"{", "not JSON")]


@dataclass(frozen=True)
class Played:
    """A job that has read a topic while Prometheus looked on."""

    job_id: str
    messages: int
    windows: dict[str, int]
    started_s: float

    def value(self, url: str, metric: str, by: str = "job_id") -> dict[str, float]:
        """Ask for the latest values of one of the job's metrics, added up by a label."""
        answer = promql.ask(url, f'sum by ({by}) ({metric}{{job_id="{self.job_id}"}})')
        return {series["metric"].get(by, ""): series["value"] for series in answer}


OPERATOR = "flink_taskmanager_job_task_operator"


WAVES = (1, 2)


@pytest.fixture(scope="module")
def played(
    prometheus_url: str,
    local_stack: StackStatus,
    database_url: str,
    wait_until: Callable[..., None],
) -> Iterator[Played]:
    """Publish unknown venues and others in two waves, and wait each time until Prometheus knows of every window.

    A counter that comes to be with all that it will ever count has no rate; the second wave gives it one.
    """
    migrate(database_url)
    stack, flink = local_stack, local_stack.flink_url
    ensure_topics(stack.kafka, [TOPIC, DEAD_LETTER_TOPIC], 2)
    drawn = synthetic_sessions(per_exchange=2, seed=8, start_ns=10**18, n_messages=N_MESSAGES)
    drawn += unknown_venue_sessions(n=2, seed=8, start_ns=10**18, n_messages=N_MESSAGES)
    addresses = Addresses(home=stack.home, kafka=stack.kafka, flink=flink, database_url=database_url)
    started_s = time.time()
    job_id = Submission(addresses=addresses, topic=TOPIC).run(lambda _: None)
    try:
        for wave in WAVES:
            with KafkaProducer(bootstrap_servers=stack.kafka) as producer:
                for value, _ in BAD_VALUES:
                    producer.send(TOPIC, key=b"c", value=value).get(timeout=60)
            names = [f"{one.session.connection_id}-{wave}" for one in drawn]
            sessions = [replace(one.session, connection_id=name) for one, name in zip(drawn, names, strict=True)]
            publish(sessions, bootstrap_servers=stack.kafka, topic=TOPIC)
            n_windows = wave * len(drawn) * ((N_MESSAGES - 50) // 25 + 1)
            wait_until(partial(_has_written, database_url, n_windows), what="every window")
            played = Played(job_id, wave * len(drawn) * N_MESSAGES, _count(database_url), started_s)
            wait_until(partial(_has_sampled, played, prometheus_url), what="its metrics in Prometheus")
        yield played
    finally:
        requests.patch(f"{flink}/jobs/{job_id}", params={"mode": "cancel"}, timeout=60)
        wait_until(lambda: find_running_job(flink) is None, what=f"the end of {JOB_NAME}")


def _has_written(database_url: str, n_windows: int) -> bool:
    return sum(_count(database_url).values()) == n_windows


def _has_sampled(played: Played, url: str) -> bool:
    """Tell whether Prometheus has the last window, scored and decided, an explanation, and nothing left to read."""
    n_windows = {played.job_id: sum(played.windows.values())}
    counted = (played.value(url, f"{OPERATOR}_windows_{name}") for name in ("scored", "decided"))
    explained = played.value(url, f"{OPERATOR}_verdicts_explained")
    pending = played.value(url, f"{OPERATOR}_pendingRecords")
    return all(found == n_windows for found in counted) and bool(explained) and pending == {played.job_id: 0}


def _count(database_url: str) -> dict[str, int]:
    with connect(database_url) as database, database.cursor() as cursor:
        cursor.execute("SELECT predicted_exchange, count(*) FROM window_scores GROUP BY predicted_exchange")
        return dict(cursor.fetchall())


def test_every_query_is_answered(played: Played, prometheus_url: str) -> None:
    left = [*promql.dashboard_queries(), *promql.alert_queries()]
    end_s = time.monotonic() + ANSWERED_S
    while (left := [query for query in left if not _numbers(played, prometheus_url, query)]) and (
        time.monotonic() < end_s
    ):
        time.sleep(1)
    assert [query.place for query in left] == []


def _numbers(played: Played, url: str, asked: Any) -> list[float]:
    if asked.instant:
        numbers = [series["value"] for series in promql.ask(url, asked.expr)]
    else:
        found = promql.ask_range(url, asked.expr, start_s=played.started_s, end_s=time.time())
        numbers = [float(value) for series in found for _, value in series["values"]]
    return [number for number in numbers if math.isfinite(number)]


def test_the_numbers_are_those_of_the_tables(played: Played, prometheus_url: str) -> None:
    def value(metric: str, by: str = "job_id") -> dict[str, float]:
        return played.value(prometheus_url, f"{OPERATOR}_{metric}", by)

    n_windows = sum(played.windows.values())
    assert played.windows["unknown"] > 0
    assert value("windows_unknown") == {played.job_id: played.windows["unknown"]}
    assert list(value("model_version_windows", "model_version").values()) == [n_windows]
    assert value("windows_decided") == {played.job_id: n_windows}
    dead_letters = value("reason_dead_letters", "reason")
    assert {reason: n for reason, n in dead_letters.items() if n} == Counter(
        reason for _, reason in BAD_VALUES * len(WAVES)
    )
    assert len(dead_letters) > len(BAD_VALUES)
    assert value("pendingRecords") == {played.job_id: 0}
    (batches,), (scoring_us,) = value("batches_scored").values(), value("scoring_time_us").values()
    assert 0 < batches < n_windows
    assert scoring_us > batches
    assert 50e6 < max(value("worker_memory_bytes").values()) < 2e9
    out = value("numRecordsOut", "operator_name")
    assert out["Messages from Kafka"] == played.messages + len(WAVES) * len(BAD_VALUES)
    assert out["Score windows: features and XGBoost"] == n_windows


def test_every_operator_has_a_name_for_people(played: Played, prometheus_url: str) -> None:
    shown = set(played.value(prometheus_url, f"{OPERATOR}_numRecordsIn", "operator_name"))
    # A sink to Kafka has two halves; the watch behind the source names itself.
    named = {name for _, _, name in OPERATOR_NAMES} | {"Watch the topic"}
    assert {re.sub(": (Writer|Committer)$", "", name) for name in shown} == named


def test_all_that_is_kept_is_there(played: Played, prometheus_url: str) -> None:
    kept = {pattern: promql.ask(prometheus_url, f'count({{__name__=~"{pattern}"}})') for pattern in KEPT_METRICS}
    assert [pattern for pattern, series in kept.items() if not series] == []
