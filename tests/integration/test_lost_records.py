"""Records that were deleted unread, aborted, or are in a topic that was made anew: never silently wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions

from fingerprint_testing.command_line import commands
from ingest.kafka.broker import delete_records_up_to, delete_topics, ensure_topics
from ingest.kafka.message_json import encode
from ingest.kafka.topic_identity import find_topic_identity
from ingest.kafka.topic_reader import TopicReader
from jobs.cluster.flink_client import list_jobs, stop_with_savepoint
from jobs.cluster.savepoints import Savepoints
from jobs.cluster.submission import Submission
from jobs.reference.result_rows import differences
from jobs.reference.topic_results import TopicResults
from jobs.results.active_alerts import Rule, read_alerts
from jobs.results.migrations import migrate
from jobs.results.stored_results import read_results
from jobs.trials.sandbox import addresses_of
from model.artifact.artifact_folder import explainer_of, load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from model.registry.database import connect
from model.registry.topic_models import OneModel
from stack.stack_status import StackStatus
from udfs.errors import ConfigError
from udfs.schema import Session

TOPIC = "lossy_messages"


def send(kafka: str, name: str, values: list[bytes], *, abort: bool = False) -> None:
    own = {"transactional.id": "lossy"} if abort else {}
    producer = Producer({"bootstrap.servers": kafka, **own})
    if abort:
        producer.init_transactions(30)
        producer.begin_transaction()
    for value in values:
        producer.produce(TOPIC, value, name)
    assert producer.flush(30) == 0
    if abort:
        producer.abort_transaction(30)


def select(database_url: str, query: str) -> list[tuple[Any, ...]]:
    with connect(database_url) as database, database.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def alerts(database_url: str) -> dict[str, str]:
    with connect(database_url) as database:
        return {alert.subject: alert.summary for alert in read_alerts(database, [Rule.TOPIC])}


@pytest.mark.slow
def test_what_is_lost_is_told_and_counting_starts_anew(
    local_stack: StackStatus, database_url: str, drawn_sessions: list[Session], wait_until: Callable[..., None]
) -> None:
    """The connection's messages are 120 that are read, 30 aborted, 80 deleted unread, and 120 that are left.

    ::

        0 ... 119   120 ... 149   150   151 ... 230    231 ... 350
        read        aborted       mark  deleted        read after resuming: four windows, at 281, 306, 331 and ... 356
    """
    kafka, flink = local_stack.kafka, local_stack.flink_url
    addresses = addresses_of(local_stack, database_url)
    migrate(database_url)
    ensure_topics(kafka, [TOPIC], 1)
    session = drawn_sessions[0]
    name, values = session.connection_id, list(encode(session))
    send(kafka, name, values[:120])
    job_id = Submission(addresses=addresses, topic=TOPIC).run(lambda _: None)
    last = "SELECT coalesce(max(last_offset), -1) FROM connection_activity"
    count = "SELECT count(*) FROM window_scores"
    wait_until(lambda: select(database_url, count) == [(3,)], what="the first windows")
    send(kafka, name, values[120:150], abort=True)
    savepoints = Savepoints(addresses=addresses, topic=TOPIC)
    stop_with_savepoint(flink, job_id, savepoints.folder.as_uri())
    send(kafka, name, values[150:230])
    delete_records_up_to(kafka, TOPIC, 0, 230)
    send(kafka, name, values[230:350])

    job_id = Submission(addresses=addresses, topic=TOPIC, savepoint=savepoints.last().as_uri()).run(lambda _: None)
    wait_until(lambda: select(database_url, count) == [(6,)], what="the windows behind")
    holes = "SELECT kafka_partition, counts_from, first_offset + n_offsets FROM unread_records"
    assert select(database_url, holes) == [(0, 231, 231)]
    assert "before offset 231" in alerts(database_url)["partition 0"]
    predictor = load_predictor(DEFAULT_ARTIFACT)
    with TopicReader(kafka, TOPIC) as reader:
        models = OneModel(predictor, explainer_of(predictor))
        computed = [(table, dict(columns)) for table, columns in TopicResults(reader, models).chunks()]
    found, _ = differences(read_results(database_url, predictor.model_version), computed, most=10)
    # Only the rows of before the loss are not computed from what is left.
    assert all(one.only_in == 0 and one.key[2] < 231 for one in found), found
    assert {one.key[2] for one in found if one.table == "window_scores"} == {49, 74, 99}
    run = commands(FINGERPRINT_HOME=str(local_stack.home), DATABASE_URL=database_url)
    assert "The tables hold what the topic says" in run("results", "diff", "--topic", TOPIC)
    assert select(database_url, last)[0][0] > 231

    admin = AdminClient({"bootstrap.servers": kafka})  # without a name it would be gone before its answer
    admin.create_partitions([NewPartitions(TOPIC, 2)])[TOPIC].result()
    wait_until(lambda: "partitions" in alerts(database_url), timeout_s=30, what="the alert")
    assert "1 to 2" in alerts(database_url)["partitions"]

    def state() -> str:
        return next(job.state for job in list_jobs(flink) if job.job_id == job_id)

    delete_topics(kafka, [TOPIC])
    ensure_topics(kafka, [TOPIC], 1)
    wait_until(lambda: state() == "FAILED", what="the end of the job")
    said = [run("results", "diff", "--topic", TOPIC, is_well=False), run("status")]
    said.append(run("model", "activate", "catalogue", "--topic", TOPIC, is_well=False))
    assert ["of another topic" in one or "was made anew under its name" in one for one in said] == [True] * 3, said
    for savepoint in (None, savepoints.last().as_uri()):
        with pytest.raises(ConfigError, match="found one that was made anew under its name"):
            Submission(addresses=addresses, topic=TOPIC, savepoint=savepoint).run(lambda _: None)
    delete_topics(kafka, [TOPIC])
    with pytest.raises(ConfigError, match="found that it is gone"):
        Submission(addresses=addresses, topic=TOPIC).run(lambda _: None)
    assert find_topic_identity(kafka, TOPIC) is None
