"""What Flink keeps of connections that are gone expires: checkpoints grow with them, and shrink again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from ingest.kafka.broker import ensure_topics
from ingest.kafka.producer import Producer
from jobs.cluster.flink_client import find_running_job
from jobs.cluster.submission import Submission
from jobs.config import DEAD_LETTER_TOPIC
from jobs.results.migrations import migrate
from jobs.trials.background_load import Publishing
from jobs.trials.background_load import wait_until as wait_until_due
from jobs.trials.sandbox import addresses_of, end_job
from jobs.trials.soak.probes import FlinkProbe
from stack.stack_status import StackStatus

pytestmark = pytest.mark.slow

TOPIC = "state_messages"
LIVES = ("--idle-gap-minutes", "0.02", "--downtime-hours", "0.02")
"""State lives for 25 silences and the downtime: 102 s."""

N_PASSING, N_EACH, N_STEADY = 20_000, 4, 20
GROWN_MB = 5.0
"""Less than so many connections take: 420 bytes each."""


def send(producer: Producer, name: str) -> None:
    value = f'{{"connection_id": "{name}", "recv_ts_ns": {time.time_ns()}, "msg_type": "NEW"}}'
    producer.send(name.encode(), value.encode())


def pass_by(producer: Producer, _stop: threading.Event) -> None:
    """Let connections say a little, and never anything again."""
    for first in range(0, N_PASSING, 500):
        for _ in range(N_EACH):
            for number in range(first, first + 500):
                send(producer, f"passing-{number}")
        producer.poll(0)


def go_on(producer: Producer, stop: threading.Event) -> None:
    """Keep some connections talking: Flink drops a few expired entries whenever it looks at another one."""
    while wait_until_due(time.monotonic() + 0.02, time.monotonic, producer, stop):
        for number in range(N_STEADY):
            send(producer, f"steady-{number}")


def test_the_state_of_connections_that_are_gone_is_dropped(
    local_stack: StackStatus, database_url: str, wait_until: Callable[..., None]
) -> None:
    stack = local_stack
    migrate(database_url)
    ensure_topics(stack.kafka, [TOPIC, DEAD_LETTER_TOPIC], 4)
    addresses = addresses_of(stack, database_url)
    job_id = Submission(addresses=addresses, topic=TOPIC, job_options=LIVES).run(lambda _: None)
    probe = FlinkProbe(flink_url=stack.flink_url, job_id=job_id)
    steady, passing = (Publishing(stack.kafka, TOPIC, publish) for publish in (go_on, pass_by))

    def state_mb() -> float:
        return (probe.checkpoint() or {"state_mb": 0.0})["state_mb"]

    steady.start()
    try:
        wait_until(lambda: state_mb() > 0, what="a checkpoint", timeout_s=600)
        before_mb = state_mb()
        passing.start()
        wait_until(lambda: state_mb() > before_mb + GROWN_MB, what="state of those that pass", timeout_s=600)
        wait_until(lambda: state_mb() < before_mb + GROWN_MB / 4, what="its end", timeout_s=900)
        steady.check()
        assert passing.stop() == N_PASSING * N_EACH
    finally:
        steady.stop()
        end_job(stack, database_url, TOPIC, job_id)
        wait_until(lambda: find_running_job(stack.flink_url) is None, what="the end of the job")
