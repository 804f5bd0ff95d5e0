"""A live connection that stops, on the whole path: seen while it is silent, and when it comes back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from kafka import KafkaProducer

from ingest.kafka.broker import ensure_topics
from jobs.cluster.flink_client import find_running_job
from jobs.cluster.service_addresses import Addresses
from jobs.cluster.submission import Submission
from jobs.config import DEAD_LETTER_TOPIC, JOB_NAME
from jobs.results.migrations import migrate
from model.registry.database import connect
from stack.stack_status import StackStatus

TOPIC = "health_messages"


@pytest.mark.slow
def test_a_connection_that_stops_is_seen_and_seen_to_come_back(
    local_stack: StackStatus, database_url: str, wait_until: Callable[..., None]
) -> None:
    migrate(database_url)
    ensure_topics(local_stack.kafka, [TOPIC, DEAD_LETTER_TOPIC], 2)
    flink = local_stack.flink_url
    addresses = Addresses(home=local_stack.home, kafka=local_stack.kafka, flink=flink, database_url=database_url)
    job_id = Submission(addresses=addresses, topic=TOPIC).run(lambda _: None)
    try:
        with KafkaProducer(bootstrap_servers=local_stack.kafka) as producer:
            # A connection's intervals are known after 200 messages; the last activity told is up to two seconds old.
            for _ in range(400):
                say(producer, "stops", "talks")
                time.sleep(0.02)

            def while_one_talks(query: str) -> Callable[[], bool]:
                def ask() -> bool:
                    say(producer, "talks")
                    return bool(select(database_url, query))

                return ask

            silent = "SELECT connection_id, limit_s FROM silent_connections"
            wait_until(while_one_talks(f"{silent} WHERE connection_id = 'stops'"), what="the silence")
            assert select(database_url, silent) == [("stops", 5.0)]
            say(producer, "stops")
            events = "SELECT connection_id, kind, limit_s, messages, silence_s > 5 FROM health_events"
            wait_until(while_one_talks(events), what="the stall")
            assert select(database_url, events) == [("stops", "stall", 5.0, 401, True)]
            gone = "SELECT 1 WHERE NOT EXISTS (SELECT FROM silent_connections)"
            wait_until(while_one_talks(gone), what="the end of the silence")
    finally:
        requests.patch(f"{flink}/jobs/{job_id}", params={"mode": "cancel"}, timeout=10)
        wait_until(lambda: find_running_job(flink) is None, what=f"the end of {JOB_NAME}")


def say(producer: KafkaProducer, *connections: str) -> None:
    """Send a message of each connection, received now."""
    for name in connections:
        message = {"connection_id": name, "recv_ts_ns": time.time_ns(), "msg_type": "NEW"}
        producer.send(TOPIC, key=name.encode(), value=json.dumps(message).encode())
    producer.flush()


def select(database_url: str, query: str) -> list[tuple[Any, ...]]:
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()
