"""Java's clients log in to a broker by the file that Python's go by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from confluent_kafka.admin._acl import AclOperation
from confluent_kafka.admin._resource import ResourceType

from fingerprint_testing.secure_kafka import PLAIN_USER, SecureKafka, secure_kafka
from ingest.kafka.broker import ensure_topics
from jobs.pipeline.kafka_security import java_security
from udfs.kafka_properties import KAFKA_PROPERTIES, read_kafka_properties

pytestmark = pytest.mark.slow

RunJava = Callable[..., CompletedProcess[str]]
TOPIC = "messages"
READS = [(ResourceType.TOPIC, TOPIC, AclOperation.READ)]


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    with secure_kafka(tmp_path_factory.mktemp("secure-kafka")) as broker:
        ensure_topics(broker.inside, [TOPIC], 1)
        broker.add_user("us", READS)
        broker.add_user("old", READS, "SCRAM-SHA-256")
        for name in (PLAIN_USER, "client"):
            broker.grant(name, READS)
        yield broker


@pytest.fixture
def topics(kafka: SecureKafka, run_java: RunJava, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Path], str]:
    """Return a function of an address and a file of properties: the topics, or why Java was not let in."""

    def ask(address: str, properties: Path) -> str:
        monkeypatch.setenv(KAFKA_PROPERTIES, str(properties))
        security = java_security(read_kafka_properties())
        assert not any(password in str(security) for password in kafka.passwords.values())
        settings = {"bootstrap.servers": address, **security}
        done = run_java("exchangefingerprint.flink.kafka.PrintTopics", *(f"{n}={v}" for n, v in settings.items()))
        assert not any(password[:32] in done.stdout + done.stderr for password in kafka.passwords.values())
        return done.stdout.splitlines()[-1]  # behind what the client logs

    return ask


def test_java_is_let_in_by_each_protocol(kafka: SecureKafka, topics: Callable[[str, Path], str]) -> None:
    tls = {"security.protocol": "SSL", "ssl.ca.location": "ca.pem"}
    tls |= {"ssl.certificate.location": "client.crt", "ssl.key.location": "client.key"}
    assert topics(kafka.tls, kafka.write(tls)) == TOPIC
    assert topics(kafka.sasl, kafka.properties("us")) == TOPIC
    assert topics(kafka.sasl, kafka.properties(PLAIN_USER, sasl_mechanisms="PLAIN")) == TOPIC
    old = {"sasl_mechanisms": "SCRAM-SHA-256", "ssl_ca_location": None, "security_protocol": "SASL_PLAINTEXT"}
    assert topics(kafka.sasl_plain, kafka.properties("old", **old)) == TOPIC


def test_java_lets_no_wrong_password_authority_or_name_pass(
    kafka: SecureKafka, topics: Callable[[str, Path], str]
) -> None:
    assert topics(kafka.sasl, kafka.properties("us", **{"sasl_password": "wrong"})) == "SaslAuthenticationException"
    assert topics(kafka.sasl, kafka.properties("us", ssl_ca_location="other-ca.pem")) == "SslAuthenticationException"
    assert topics(kafka.other_name, kafka.properties("us")) == "SslAuthenticationException"
    unchecked = {"ssl_endpoint_identification_algorithm": "none"}
    assert topics(kafka.other_name, kafka.properties("us", **unchecked)) == TOPIC
