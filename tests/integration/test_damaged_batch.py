"""A batch that no reader can read stops the job, until a command passes it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from confluent_kafka import Producer

from ingest.kafka.broker import ensure_topics
from ingest.kafka.session_publisher import publish
from jobs.cluster.flink_client import stop_with_savepoint
from jobs.cluster.submission import Submission
from jobs.config import DEAD_LETTER_TOPIC
from jobs.results.migrations import migrate
from jobs.results.skipping import SKIPPED
from jobs.trials.sandbox import addresses_of, end_job
from model.registry.database import connect
from stack.stack_status import StackStatus
from udfs.schema import Session

TOPIC = "damaged_messages"
MARK = b"the one that is damaged"


@pytest.mark.slow
def test_a_batch_that_a_disk_has_damaged_is_skipped_by_command(
    local_stack: StackStatus,
    stack_environment: dict[str, str],
    database_url: str,
    drawn_sessions: list[Session],
    wait_until: Callable[..., None],
) -> None:
    stack, before, after = local_stack, *drawn_sessions[:2]
    migrate(database_url)
    ensure_topics(stack.kafka, [TOPIC, DEAD_LETTER_TOPIC], 1)
    publish([before], bootstrap_servers=stack.kafka, topic=TOPIC)

    def submit(savepoint: str | None) -> str:
        addresses = addresses_of(stack, database_url)
        return Submission(addresses=addresses, topic=TOPIC, savepoint=savepoint).run(lambda _: None)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).parent / "fingerprint"), *arguments]
        environment = stack_environment | {"DATABASE_URL": database_url}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

    def dlq_skip(*arguments: str) -> str:
        return run("dlq", "skip", *arguments, "--topic", TOPIC).stdout

    def windows(of: Session) -> int:
        with connect(database_url) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM window_scores WHERE connection_id = %s", (of.connection_id,))
            (count,) = cursor.fetchone() or (0,)
            return int(count)

    def complaint() -> str:
        exceptions = requests.get(f"{stack.flink_url}/jobs/{job_id}/exceptions", timeout=10).json()
        return "".join(entry["stacktrace"] for entry in exceptions["exceptionHistory"]["entries"])

    job_id = submit(None)
    try:
        wait_until(lambda: windows(before) == n_windows(before), what="results of what is before")
        savepoint = stop_with_savepoint(stack.flink_url, job_id, None)
        producer = Producer({"bootstrap.servers": stack.kafka})
        producer.produce(TOPIC, MARK, b"damaged", 0)
        assert producer.flush(30) == 0
        publish([after], bootstrap_servers=stack.kafka, topic=TOPIC)
        damage(stack.home / "kafka" / "data" / f"{TOPIC}-0" / f"{0:020}.log")
        job_id = submit(savepoint)
        wait_until(lambda: f"partition {TOPIC}-0 at offset {len(before)} is invalid" in complaint())
        assert windows(after) == 0
        said = run("stop").stderr
        checkpoints = requests.get(f"{stack.flink_url}/jobs/{job_id}/checkpoints", timeout=10).json()["counts"]
        assert "has ended without a savepoint" in said
        assert ("goes on from its last checkpoint" in said) is (checkpoints["completed"] > 0)
        job_id = submit(savepoint)
        place = f"0:{len(before)}"
        assert f"{len(before) + 1:,} records of partition 0" in dlq_skip(place)
        assert windows(after) == 0
        dlq_skip(place, "--delete")
        wait_until(lambda: windows(after) == n_windows(after), what="results of what is behind")
        assert windows(before) == n_windows(before)
    finally:
        end_job(stack, database_url, TOPIC, job_id)
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT kafka_offset, reason FROM dead_letters WHERE kafka_offset = %s", (len(before),))
        assert cursor.fetchall() == [(len(before), SKIPPED)]


def n_windows(session: Session) -> int:
    return (len(session) - 50) // 25 + 1


def damage(log: Path) -> None:
    """Turn one bit of the record around that has the mark."""
    content = log.read_bytes()
    assert content.count(MARK) == 1
    with log.open("r+b") as file:
        file.seek(content.index(MARK))
        file.write(bytes([MARK[0] ^ 1]))
