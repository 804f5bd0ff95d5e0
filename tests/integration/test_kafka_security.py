"""A Kafka by SASL and TLS: a topic is published, scored and sent again by users who may do that and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from fingerprint_testing.command_line import commands
from fingerprint_testing.secret_words import answers, files_of, holders
from fingerprint_testing.secure_kafka import PLAIN_USER, SecureKafka, documented_rights, secure_kafka
from ingest.kafka.backlog import Capacity
from ingest.kafka.broker import ensure_topics
from ingest.kafka.producer import Producer
from ingest.kafka.session_publisher import publish
from ingest.kafka.topic_reader import TopicReader
from jobs.cluster.service_addresses import Addresses
from jobs.cluster.submission import Submission
from jobs.config import DEAD_LETTER_TOPIC
from jobs.reference.result_rows import differences
from jobs.reference.topic_results import TopicResults
from jobs.results.migrations import migrate
from jobs.results.stored_results import read_results
from jobs.trials.sandbox import addresses_of, end_job
from model.artifact.artifact_folder import explainer_of, load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from model.registry.topic_models import OneModel
from stack.ports import check_kafka
from stack.services.kafka_login import kafka_login_file
from stack.stack_status import StackStatus
from udfs.errors import ConfigError
from udfs.kafka_properties import KAFKA_PROPERTIES
from udfs.schema import Session

TOPIC = "secure_messages"
REFUSED = "Expected .* to let us in, found .*: correct the file that FINGERPRINT_KAFKA_PROPERTIES names"
RIGHTS = documented_rights(TOPIC)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    with secure_kafka(tmp_path_factory.mktemp("secure-kafka")) as broker:
        ensure_topics(broker.inside, [TOPIC, DEAD_LETTER_TOPIC], 2)
        for name, rights in RIGHTS.items():
            broker.add_user(name, rights)
        broker.add_user("old", RIGHTS["operator"], "SCRAM-SHA-256")
        broker.grant(PLAIN_USER, RIGHTS["operator"])
        broker.grant("client", RIGHTS["operator"])
        yield broker


@pytest.fixture
def as_user(kafka: SecureKafka, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that lets the environment name a user's file; words after it are changed in the file."""

    def change(user: str, **changed: str | None) -> None:
        monkeypatch.setenv(KAFKA_PROPERTIES, str(kafka.properties(user, **changed)))

    return change


def n_records(address: str) -> int:
    with TopicReader(address, TOPIC) as reader:
        return sum(map(len, reader.spans))


def test_who_may_is_let_in_by_each_protocol(
    kafka: SecureKafka, as_user: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    as_user("operator")
    assert n_records(kafka.sasl) == 0
    check_kafka(kafka.sasl)
    as_user(PLAIN_USER, sasl_mechanisms="PLAIN")
    assert n_records(kafka.sasl) == 0
    check_kafka(kafka.sasl)
    as_user("old", sasl_mechanisms="SCRAM-SHA-256")
    assert n_records(kafka.sasl) == 0
    check_kafka(kafka.sasl)
    tls = {"security.protocol": "SSL", "ssl.ca.location": "ca.pem"}
    tls |= {"ssl.certificate.location": "client.crt", "ssl.key.location": "client.key"}
    monkeypatch.setenv(KAFKA_PROPERTIES, str(kafka.write(tls)))
    assert n_records(kafka.tls) == 0
    check_kafka(kafka.tls)


@pytest.mark.parametrize(
    ("changed", "address", "said"),
    [
        pytest.param({"sasl_password": "wrong"}, "sasl", "invalid credentials", marks=pytest.mark.slow),
        ({"ssl_ca_location": "other-ca.pem"}, "sasl", "certificate verify failed"),
        ({}, "other_name", "certificate verify failed"),
        pytest.param(
            {"ssl_ca_location": None, "security_protocol": "SASL_PLAINTEXT"},
            "sasl_plain",
            "Unsupported SASL mechanism",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_wrong_password_authority_name_or_mechanism_is_one_sentence(
    kafka: SecureKafka,
    as_user: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, str],
    address: str,
    said: str,
) -> None:
    monkeypatch.setattr("ingest.kafka.topic_reader.ANSWER_TIMEOUT_S", 3.0)
    as_user("operator", **changed)
    with pytest.raises(ConfigError, match=REFUSED) as caught:
        n_records(getattr(kafka, address))
    assert said in str(caught.value)
    with pytest.raises(ConfigError, match=REFUSED):
        check_kafka(getattr(kafka, address))


def test_who_has_no_right_to_a_topic_is_told_so(kafka: SecureKafka, as_user: Callable[..., None]) -> None:
    as_user("nobody")
    with pytest.raises(ConfigError, match="Expected .* to accept a reader of .*, found .*authorization failed"):
        n_records(kafka.sasl)


@pytest.mark.slow
def test_what_is_published_is_scored_and_sent_again(
    kafka: SecureKafka,
    as_user: Callable[..., None],
    local_stack: StackStatus,
    database_url: str,
    drawn_sessions: list[Session],
    wait_until: Callable[..., None],
) -> None:
    as_user("feed")
    publish(drawn_sessions[:4], bootstrap_servers=kafka.sasl, topic=TOPIC)
    with Producer(
        kafka.sasl, TOPIC, capacity=Capacity(messages=10, value_bytes=100_000), give_up_after_s=30
    ) as producer:
        producer.send(b"no message", b"{")
        producer.flush()

    migrate(database_url)
    as_user("job")
    local = addresses_of(local_stack, database_url)
    addresses = Addresses(home=local_stack.home, kafka=kafka.sasl, flink=local.flink, database_urls=local.database_urls)
    said: list[str] = []
    job_id = Submission(addresses=addresses, topic=TOPIC).run(said.append)
    assert ["settings of" in one for one in said] == [True]  # which it may not see, and goes on
    try:
        as_user("operator")
        predictor = load_predictor(DEFAULT_ARTIFACT)
        with TopicReader(kafka.sasl, TOPIC) as reader:
            models = OneModel(predictor, explainer_of(predictor))
            expected = [(table, dict(columns)) for table, columns in TopicResults(reader, models).chunks()]
        assert sum(len(columns["connection_id"]) for table, columns in expected if table == "window_scores") > 50

        def is_written() -> bool:
            return differences(read_results(database_url, predictor.model_version), expected, most=1)[0] == []

        wait_until(is_written, what="the rows")
        run = commands(FINGERPRINT_HOME=str(local_stack.home), FINGERPRINT_KAFKA=kafka.sasl, DATABASE_URL=database_url)
        run("results", "diff", "--topic", TOPIC)
        assert "not JSON" in run("dlq", "list", "--topic", TOPIC, "--reason", "")
        assert "1 record was sent" in run("dlq", "redrive", "--topic", TOPIC, "--reason", "not JSON", "--force")
        assert "or newer answers at" in run("doctor", is_well=False)
        words = [password[:32].encode() for name, password in kafka.passwords.items()]
        told = dict(answers(local_stack.flink_url))
        assert any(b"Score windows" in answer for answer in told.values())
        assert [path for path, answer in told.items() if any(word in answer for word in words)] == []
        assert holders(files_of(local_stack), words) == [kafka_login_file(local_stack.home)]
        assert kafka_login_file(local_stack.home).stat().st_mode & 0o077 == 0
        assert "are deleted" in run("dlq", "skip", "0:1", "--topic", TOPIC, "--delete")
    finally:
        end_job(local_stack, database_url, TOPIC, job_id)
