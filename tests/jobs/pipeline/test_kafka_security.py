"""What the plan of a job says of how to log in to Kafka: every setting, in Java's words, and no secret."""

from __future__ import annotations

from jobs.config import JobSettings
from jobs.pipeline.kafka_security import java_security
from jobs.pipeline.tables import dead_letter_records_ddl, raw_messages_ddl
from model.registry.database_url import parse_database_url

PROVIDER = {
    "config.providers": "fingerprint",
    "config.providers.fingerprint.class": "exchangefingerprint.flink.kafka.KafkaProperties",
}


def test_without_a_login_the_plan_says_nothing() -> None:
    assert java_security({}) == {}


def test_user_password_and_files_are_places_to_be_filled_in() -> None:
    properties = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanisms": "SCRAM-SHA-256",
        "sasl.username": "us",
        "sasl.password": "canary",
        "ssl.ca.location": "/ca.pem",
        "ssl.certificate.location": "/us.crt",
        "ssl.key.location": "/us.key",
        "ssl.endpoint.identification.algorithm": "none",
    }
    security = java_security(properties)
    assert security == PROVIDER | {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.jaas.config": "${fingerprint:login}",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": "${fingerprint:ca}",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": "${fingerprint:certificate}",
        "ssl.keystore.key": "${fingerprint:key}",
        "ssl.endpoint.identification.algorithm": "",
    }
    database = parse_database_url("postgresql://u:p@localhost:1/d")
    settings = JobSettings(kafka="kafka:1", database=database, kafka_security=security)
    for ddl in (raw_messages_ddl(settings), dead_letter_records_ddl(settings)):
        assert "'properties.bootstrap.servers' = 'kafka:1'" in ddl
        assert all(f"'properties.{name}' = '{value}'" in ddl for name, value in security.items())
        assert "canary" not in ddl


def test_the_host_is_checked_unless_that_is_switched_off() -> None:
    checked = java_security({"security.protocol": "SSL", "ssl.endpoint.identification.algorithm": "https"})
    assert checked == PROVIDER | {"security.protocol": "SSL", "ssl.endpoint.identification.algorithm": "https"}
