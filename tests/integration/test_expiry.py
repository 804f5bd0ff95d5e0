"""What Flink keeps of a connection outlives the longest pause that the rule allows, and no job is needed meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import requests

from ingest.kafka.broker import ensure_topics
from ingest.kafka.session_publisher import publish
from ingest.kafka.topic_reader import TopicReader
from jobs.cluster.flink_client import find_running_job, stop_with_savepoint
from jobs.cluster.submission import Submission
from jobs.config import DEAD_LETTER_TOPIC, JobSettings
from jobs.reference.result_rows import hash_results
from jobs.reference.topic_results import TopicResults
from jobs.results.migrations import migrate
from jobs.results.stored_results import read_results, versions_of
from jobs.trials.sandbox import addresses_of
from model.artifact.artifact_folder import explainer_of, load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from model.registry.database_url import parse_database_url
from model.registry.topic_models import OneModel
from stack.stack_status import StackStatus
from udfs.schema import SESSION_COLUMNS, WINDOW_SLIDE, Session

TOPIC = "expiry_messages"
SILENCE_S, DOWNTIME_S, GAP_S = 0.6, 300.0, 0.55
LIVES = ("--idle-gap-minutes", str(SILENCE_S / 60), "--downtime-hours", str(DOWNTIME_S / 3600))
FIRST, PAUSED = 50, 24
"""Messages that make the first window, and those that come while there is no job: the next one makes the second."""


@pytest.mark.slow
def test_a_window_after_the_longest_pause_and_a_downtime_is_the_replays(
    local_stack: StackStatus,
    database_url: str,
    drawn_sessions: list[Session],
    wait_until: Callable[..., None],
) -> None:
    r"""A gap is a little shorter than the silence; nothing of the connection is written for 25 gaps and more.

    ::

        messages  50 at once . . . . . 24, each a gap after the last . . . . . the 75th
        job       runs  savepoint |           away           | resumed         window 2 needs window 1
    """
    stack = local_stack
    migrate(database_url)
    ensure_topics(stack.kafka, [TOPIC, DEAD_LETTER_TOPIC], 4)
    settings = JobSettings(
        kafka=stack.kafka,
        database=parse_database_url(database_url),
        idle_gap_minutes=SILENCE_S / 60,
        downtime_hours=DOWNTIME_S / 3600,
    )
    # Did state live only as long as windows of such pauses take, the second window would be missing.
    away_s = WINDOW_SLIDE * SILENCE_S
    assert away_s + DOWNTIME_S <= settings.state_ttl_s

    def send(first: int, end: int) -> None:
        part = {name: getattr(session, name)[first:end] for name in SESSION_COLUMNS}
        publish([replace(session, **part)], bootstrap_servers=stack.kafka, topic=TOPIC)

    def submit(savepoint: str | None) -> str:
        addresses = addresses_of(stack, database_url)
        submission = Submission(addresses=addresses, topic=TOPIC, job_options=LIVES, savepoint=savepoint)
        return submission.run(lambda _: None)

    def n_windows() -> int:
        results = hash_results(read_results(database_url, version))
        return results.tables["window_scores"].rows

    predictor = load_predictor(DEFAULT_ARTIFACT)
    version = predictor.model_version
    times = time.time_ns() + (np.arange(FIRST + PAUSED + 1) - FIRST) * round(GAP_S * 1e9)
    columns = {name: getattr(drawn_sessions[0], name)[: len(times)] for name in SESSION_COLUMNS}
    session = replace(drawn_sessions[0], **columns | {"recv_ts_ns": times})
    job_id = submit(None)
    try:
        send(0, FIRST)
        wait_until(lambda: n_windows() == 1, what="the first window")
        written_s = time.monotonic()
        savepoint = stop_with_savepoint(stack.flink_url, job_id, None)
        send(FIRST, FIRST + PAUSED)
        time.sleep(max(0.0, written_s + away_s - time.monotonic()))
        job_id = submit(savepoint)
        send(FIRST + PAUSED, len(times))
        wait_until(lambda: n_windows() == 2, what="the second window")
        with TopicReader(stack.kafka, TOPIC) as reader:
            models = OneModel(predictor, explainer_of(predictor))
            replayed = hash_results(TopicResults(reader, models, settings.idle_gap_ns).chunks())
        wait_until(lambda: hash_results(read_results(database_url, version)) == replayed, what="the replay's results")
    finally:
        requests.patch(f"{stack.flink_url}/jobs/{job_id}", params={"mode": "cancel"}, timeout=10)
        wait_until(lambda: find_running_job(stack.flink_url) is None, what="the end of the job")
    assert versions_of(database_url, TOPIC) == (version,)
