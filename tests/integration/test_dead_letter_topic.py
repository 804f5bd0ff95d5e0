"""A dead-letter topic that does not take every letter, or none: the job goes on, and says what is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from ingest.kafka.broker import delete_topics, ensure_topics
from ingest.kafka.dead_letters import Place, read_dead_letters
from ingest.kafka.topic_reader import TopicReader
from jobs.cluster.flink_client import ask, check_job
from jobs.cluster.submission import Submission
from jobs.results.active_alerts import Rule, read_alerts
from jobs.results.migrations import migrate
from jobs.trials.sandbox import addresses_of, end_job
from model.registry.database import connect
from stack.stack_status import StackStatus

TOPIC, LETTERS = "refused_letters", "small_letters"
LARGE = b"x" * 5_000


def losses(database_url: str) -> dict[tuple[int, int], tuple[str, str]]:
    with connect(database_url) as database, database.cursor() as cursor:
        cursor.execute("SELECT kafka_partition, kafka_offset, lost, reason FROM dead_letter_losses")
        return {(partition, offset): (lost, reason) for partition, offset, lost, reason in cursor.fetchall()}


def n_rows(database_url: str) -> int:
    with connect(database_url) as database, database.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM dead_letters")
        (count,) = cursor.fetchone() or (0,)
        return int(count)


@pytest.mark.slow
def test_the_job_goes_on_whatever_the_topic_refuses(
    local_stack: StackStatus, database_url: str, wait_until: Callable[..., None]
) -> None:
    kafka, flink = local_stack.kafka, local_stack.flink_url
    migrate(database_url)
    ensure_topics(kafka, [TOPIC], 1)
    admin = AdminClient({"bootstrap.servers": kafka})
    small = {"max.message.bytes": "1000", "cleanup.policy": "compact"}
    admin.create_topics([NewTopic(LETTERS, 1, config=small)])[LETTERS].result()
    said: list[str] = []
    job_id = Submission(
        addresses=addresses_of(local_stack, database_url), topic=TOPIC, job_options=("--dead-letter-topic", LETTERS)
    ).run(said.append)
    producer = Producer({"bootstrap.servers": kafka})
    try:
        for key, value in (("large", LARGE), (None, b"{"), ("k" * 2_000, LARGE), ("small", b"{")):
            producer.produce(TOPIC, value, key)
        assert producer.flush(30) == 0
        wait_until(lambda: len(losses(database_url)) == 2, what="the losses")
        assert {place: lost for place, (lost, _) in losses(database_url).items()} == {
            (0, 0): "value",
            (0, 2): "key and value",
        }
        with TopicReader(kafka, LETTERS) as reader:
            letters = {one.place: (one.key, one.value) for one in read_dead_letters(reader, TOPIC)}
        assert letters == {
            Place(0, 0): (b"large", None),
            Place(0, 1): (None, b"{"),
            Place(0, 2): (None, None),
            Place(0, 3): (b"small", b"{"),
        }
        delete_topics(kafka, [LETTERS])
        producer.produce(TOPIC, b"{", "gone")
        assert producer.flush(30) == 0
        wait_until(lambda: (0, 4) in losses(database_url), what="the loss")
        wait_until(lambda: n_rows(database_url) == 5, what="the rows")
        lost, reason = losses(database_url)[0, 4]
        assert (lost, "partition" in reason) == ("all", True), reason
        assert check_job(flink).job_id == job_id
        # Flink fetches metrics when they are first asked for.
        wait_until(lambda: ask(flink, f"/jobs/{job_id}/metrics", get="numRestarts") != [], what="the metrics")
        restarts = ask(flink, f"/jobs/{job_id}/metrics", get="numRestarts")
        assert [metric["value"] for metric in restarts] == ["0"]
        with connect(database_url) as database:
            found = {alert.subject: alert.severity for alert in read_alerts(database, [Rule.DEAD_LETTERS])}
        assert found == {
            "not in their topic: all": "critical",
            "not in their topic: value": "warning",
            "not in their topic: key and value": "warning",
        }
        assert any("max.message.bytes of small_letters to be at least" in line for line in said)
        assert any("cleanup.policy of small_letters to be delete, found compact" in line for line in said)
    finally:
        end_job(local_stack, database_url, TOPIC, job_id)
        delete_topics(kafka, [TOPIC, LETTERS])
