"""The file that says how to log in to Kafka: what it may say, and that nothing in it is passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from fingerprint_testing.secure_kafka import write_certificates
from udfs.errors import ConfigError
from udfs.kafka_properties import KAFKA_PROPERTIES, read_kafka_properties

LOGIN = "security.protocol=SASL_SSL\nsasl.mechanisms=SCRAM-SHA-512\nsasl.username=us\nsasl.password=canary\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kafka")
    write_certificates(folder)
    return folder


def read(folder: Path, text: str, mode: int = 0o600) -> dict[str, str]:
    path = folder / "kafka.properties"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return read_kafka_properties({KAFKA_PROPERTIES: str(path)})


def test_without_the_variable_nobody_logs_in() -> None:
    assert read_kafka_properties({}) == read_kafka_properties({KAFKA_PROPERTIES: ""}) == {}


def test_a_value_is_what_stands_behind_the_first_equals_sign_and_files_are_beside_the_file(folder: Path) -> None:
    text = "# ours\n\n security.protocol = SASL_SSL\nsasl.mechanisms=PLAIN\nsasl.username=us\n"
    assert read(folder, text + 'sasl.password= a=b#"\\ ü \nssl.ca.location=ca.pem\n') == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanisms": "PLAIN",
        "sasl.username": "us",
        "sasl.password": 'a=b#"\\ ü',
        "ssl.ca.location": str(folder / "ca.pem"),
    }


def test_a_client_may_have_a_certificate(folder: Path) -> None:
    values = read(folder, "security.protocol=SSL\nssl.certificate.location=client.crt\nssl.key.location=client.key\n")
    assert Path(values["ssl.key.location"]) == folder / "client.key"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LOGIN + "sasl.mechanism=PLAIN\n", r"found sasl\.mechanism: did you mean sasl\.mechanisms\?"),
        (LOGIN + "socket.timeout.ms=1\n", r"found socket\.timeout\.ms: it may have security\.protocol"),
        (LOGIN + "enable.idempotence=1\n", r"found enable\.idempotence: it may have"),
        (LOGIN + "canary\n", "name=value in line 5"),
        (LOGIN + "canary=x\n", "found another: it may have"),
        (LOGIN + "sasl.username=me\n", "sasl.username once in .* line 5"),
        (LOGIN.replace("SASL_SSL", "sasl_ssl"), "security.protocol in .* to be SSL or SASL_SSL or SASL_PLAINTEXT"),
        (LOGIN.replace("SCRAM-SHA-512", "OAUTHBEARER"), "sasl.mechanisms in .* to be PLAIN or SCRAM"),
        (LOGIN.replace("security.protocol=SASL_SSL", ""), "Expected security.protocol in .*, found none"),
        (LOGIN.replace("sasl.password=canary", ""), "Expected sasl.password in .*, found none beside SASL_SSL"),
        (LOGIN.replace("SASL_SSL", "SSL"), "makes no use of in .*, found sasl.mechanisms: remove it"),
        (LOGIN.replace("_SSL", "_PLAINTEXT") + "ssl.ca.location=ca.pem\n", "makes no use of in .*, found ssl.ca"),
        (LOGIN + "ssl.certificate.location=client.crt\n", "Expected ssl.key.location in .*, found none"),
        (LOGIN + "ssl.ca.location=nowhere.pem\n", "as ssl.ca.location .*, found No such file"),
        (LOGIN + "ssl.ca.location=client.key\n", "found none in .*client.key"),
        (
            "security.protocol=SSL\nssl.certificate.location=client.crt\nssl.key.location=ca.pem\n",
            "Expected a private key .*, found none: convert it by `openssl pkcs8",
        ),
    ],
)
def test_what_would_be_passed_over_or_is_half_a_login_is_one_sentence(folder: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        read(folder, text)
    assert "canary" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_others_may_read_or_that_is_not_there_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="found mode 644: run `chmod 600"):
        read(folder, LOGIN, mode=0o644)
    with pytest.raises(ConfigError, match="found No such file or directory"):
        read_kafka_properties({KAFKA_PROPERTIES: str(folder / "nowhere")})
