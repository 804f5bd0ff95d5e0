"""A cluster elsewhere, where everybody asks who we are: submit, stop, resume from its savepoint, same results."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from fingerprint_testing.command_line import commands
from fingerprint_testing.flink_gateway import flink_gateway
from fingerprint_testing.secret_words import holders
from fingerprint_testing.secure_kafka import SecureKafka, documented_rights, secure_kafka
from fingerprint_testing.secure_postgres import SecurePostgres, secure_postgres, why_no_secure_postgres
from fingerprint_testing.tls import make_authority
from ingest.kafka.backlog import Capacity
from ingest.kafka.broker import ensure_topics
from ingest.kafka.producer import Producer
from ingest.kafka.session_publisher import publish
from jobs.cluster.flink_client import ask, find_running_job
from jobs.config import DEAD_LETTER_TOPIC
from jobs.trials.sandbox import cancel_job
from stack.flink_tls import CA, client_headers
from stack.ports import without_password
from stack.services.kafka_login import kafka_login_file, keep_kafka_login
from stack.services.passwords import keep_password, password_file
from stack.stack_status import StackStatus
from udfs.kafka_properties import KAFKA_PROPERTIES, read_kafka_properties
from udfs.schema import Session

pytestmark = pytest.mark.slow

TOPIC = "secured_messages"
USER, PASSWORD = "ann@example", "s/cret:of this test"


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    with secure_kafka(tmp_path_factory.mktemp("secure-kafka")) as broker:
        ensure_topics(broker.inside, [TOPIC, DEAD_LETTER_TOPIC], 2)
        for name, rights in documented_rights(TOPIC).items():
            broker.add_user(name, rights)
        yield broker


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecurePostgres]:
    if reason := why_no_secure_postgres():
        pytest.skip(reason)
    with secure_postgres(tmp_path_factory.mktemp("certificates")) as found:
        yield found


@pytest.fixture
def flink_url(local_stack: StackStatus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Put HTTPS with a password before the shared stack's Flink, which is by that the one of somebody else."""
    monkeypatch.setenv(CA, str(tmp_path / "ca.pem"))
    with flink_gateway(local_stack.flink_url, make_authority(tmp_path / "ca.pem"), USER, PASSWORD) as url:
        yield url.replace("://", f"://{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@")


def test_a_job_is_stopped_and_resumed_on_a_secured_cluster(
    local_stack: StackStatus,
    kafka: SecureKafka,
    postgres: SecurePostgres,
    flink_url: str,
    drawn_sessions: list[Session],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wait_until: Callable[..., None],
) -> None:
    home, database = tmp_path / "home", postgres.database
    url = postgres.url(sslmode="verify-full", sslrootcert=postgres.file("ca.crt"))
    run = commands(
        FINGERPRINT_HOME=str(home), FINGERPRINT_KAFKA=kafka.sasl, FINGERPRINT_FLINK=flink_url, DATABASE_URL=url
    )

    def log_in(user: str) -> None:
        monkeypatch.setenv(KAFKA_PROPERTIES, str(kafka.properties(user)))

    def publish_some(sessions: list[Session]) -> None:
        log_in("feed")
        publish(sessions, bootstrap_servers=kafka.sasl, topic=TOPIC)
        capacity = Capacity(messages=10, value_bytes=100_000)
        with Producer(kafka.sasl, TOPIC, capacity=capacity, give_up_after_s=30) as producer:
            producer.send(b"no message", b"{")
            producer.flush()

    def is_written() -> bool:
        log_in("operator")
        return "The tables hold what the topic says" in run("results", "diff", "--topic", TOPIC, is_well=False)

    # What whoever runs the cluster puts where its managers look.
    keep_password(password_file(local_stack.home), database.hosts, database.name, database.user, database.password)
    log_in("job")
    keep_kafka_login(kafka_login_file(local_stack.home), read_kafka_properties())

    run("migrate")
    publish_some(drawn_sessions[::2])
    log_in("job")
    refused = run("submit", "--topic", TOPIC, "--resume", is_well=False)
    assert f"Expected a job on {without_password(flink_url)} that has read the topic {TOPIC}" in refused
    run("submit", "--topic", TOPIC)
    try:
        wait_until(is_written, what="the rows of the first half")
        stopped = run("stop")
        (place,) = re.findall(r"file:\S*savepoint-\S+", stopped)

        publish_some(drawn_sessions[1::2])
        log_in("job")
        assert f"It resumes from {place}" in run("submit", "--topic", TOPIC, "--resume").replace("\n", "")
        wait_until(is_written, what="the rows of both halves")
        job = find_running_job(local_stack.flink_url)
        assert job is not None
        restored = ask(local_stack.flink_url, f"/jobs/{job.job_id}/checkpoints")["latest"]["restored"]
        assert restored["external_path"] == place
        found, computed = (
            re.findall("[0-9a-f]{64}", run("results", "hash", "--topic", TOPIC, *options))
            for options in ((), ("--from-topic",))
        )
        assert found == computed != []
        assert f"2 dead-letter records of {TOPIC}" in run("dlq", "list", "--topic", TOPIC, "--reason", "")
        assert "found none, and a JobManager forgets" in run("submit", "--topic", "other", "--resume", is_well=False)

        wrong = flink_url.replace(quote(PASSWORD, safe=""), "wrong")
        monkeypatch.setenv("FINGERPRINT_FLINK", wrong)
        said = commands(FINGERPRINT_HOME=str(home), FINGERPRINT_FLINK=wrong)("stop", is_well=False)
        assert "found another user or password: write Flink's address as" in said
        words = [PASSWORD.encode(), quote(PASSWORD, safe="").encode(), database.password.encode()]
        words.append(client_headers(flink_url)["FLINK_REST_CLIENT_HEADERS"].split()[-1].encode())
        files = [path for path in home.rglob("*") if path.is_file()]
        assert any(os.path.getsize(path) for path in files if path.suffix == ".log")
        assert holders(files, words) == []
    finally:
        if (job := find_running_job(local_stack.flink_url)) is not None:
            cancel_job(local_stack, job.job_id)
