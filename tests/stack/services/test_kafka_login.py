from __future__ import annotations

from pathlib import Path

from stack.services.kafka_login import kafka_login_file, keep_kafka_login
from udfs.kafka_properties import KAFKA_PROPERTIES, read_kafka_properties

LOGIN = {
    "security.protocol": "SASL_PLAINTEXT",
    "sasl.mechanisms": "PLAIN",
    "sasl.username": "us",
    "sasl.password": 'a=b "\\',
}


def test_what_flink_reads_is_what_was_given_and_its_owners_only(tmp_path: Path) -> None:
    path = kafka_login_file(tmp_path)
    for properties in (LOGIN | {"sasl.username": "before"}, LOGIN):
        keep_kafka_login(path, properties)
    assert read_kafka_properties({KAFKA_PROPERTIES: str(path)}) == LOGIN
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == [path.name]
