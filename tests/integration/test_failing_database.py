"""A database that refuses rows fails the job, which says why; the TaskManager goes on, and so do other jobs in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ingest.kafka.broker import ensure_topics
from ingest.kafka.session_publisher import publish
from jobs.cluster.job_failures import read_failures
from jobs.cluster.submission import Submission
from jobs.config import DEAD_LETTER_TOPIC
from jobs.results.migrations import migrate
from jobs.trials.sandbox import addresses_of, end_job
from model.registry.database import connect
from stack.control import status
from stack.stack_status import StackStatus
from udfs.schema import Session

TOPIC = "refused_messages"
REFUSAL = 'violates check constraint "refused"'


@pytest.mark.slow
def test_a_refused_row_ends_no_taskmanager(
    local_stack: StackStatus, database_url: str, drawn_sessions: list[Session], wait_until: Callable[..., None]
) -> None:
    migrate(database_url)
    ensure_topics(local_stack.kafka, [TOPIC, DEAD_LETTER_TOPIC], 1)
    run(database_url, "ALTER TABLE window_scores ADD CONSTRAINT refused CHECK (false) NOT VALID")
    taskmanager = status(local_stack.home).part("taskmanager").pid
    session = drawn_sessions[0]
    publish([session], bootstrap_servers=local_stack.kafka, topic=TOPIC)
    job_id = Submission(addresses=addresses_of(local_stack, database_url), topic=TOPIC).run(lambda _: None)
    try:
        wait_until(lambda: read_failures(local_stack.flink_url, job_id).n_restarts >= 2, what="two restarts")
        assert REFUSAL in read_failures(local_stack.flink_url, job_id).last_reason
        assert status(local_stack.home).part("taskmanager").pid == taskmanager
        run(database_url, "ALTER TABLE window_scores DROP CONSTRAINT refused")
        count = "SELECT count(*) FROM window_scores"
        wait_until(lambda: run(database_url, count) == (len(session) - 50) // 25 + 1, what="rows")
    finally:
        end_job(local_stack, database_url, TOPIC, job_id)


def run(database_url: str, statement: str) -> int | None:
    with connect(database_url) as database, database.cursor() as cursor:
        cursor.execute(statement)
        return None if cursor.description is None else (cursor.fetchone() or (0,))[0]
