"""Dead letters of a real job, listed, mended, sent again, once, and then messages like any other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner, Result

from ingest.kafka.broker import ensure_topics
from ingest.kafka.message_json import encode
from ingest.kafka.session_publisher import publish
from jobs.cli.results.dlq import app
from jobs.config import DEAD_LETTER_TOPIC
from jobs.results.migrations import migrate
from model.registry.database import connect
from stack.stack_status import StackStatus
from udfs.errors import ConfigError
from udfs.schema import Session

TOPIC = "dlq_messages"
GOOD = b'{"connection_id": "foreign", "recv_ts_ns": 1000000000000000000, "msg_type": "NEW"}'
FOREIGN_HEADERS: list[list[tuple[str, bytes | None]]] = [
    [("trace", b"\xff\xfe\x00"), ("redriven_from", b"soon"), ("source_topic", b"\xff")],
    [
        ("source_topic", TOPIC.encode()),
        ("source_partition", b"\xff"),
        ("source_offset", b"1"),
        ("redriven_from", b"\xff"),
    ],
    [("source_topic", TOPIC.encode()), ("redriven_from", None)],
]


@pytest.fixture(scope="module")
def session(
    local_stack: StackStatus,
    database_url: str,
    drawn_sessions: list[Session],
    run_to_the_end: Callable[[str, str], None],
) -> Session:
    """Publish a connection under a wrong key, with a record too large and one that was cut off, and run the job."""
    migrate(database_url)
    ensure_topics(local_stack.kafka, [TOPIC, DEAD_LETTER_TOPIC], 4)
    publish(drawn_sessions[1:2], bootstrap_servers=local_stack.kafka, topic=TOPIC)
    wrong = drawn_sessions[0]
    producer = Producer({"bootstrap.servers": local_stack.kafka})
    for value in [*encode(wrong), b" " * 70_000, b"{"]:
        producer.produce(TOPIC, value, "wrong", partition=1)
    # Anybody may write headers, and into the dead-letter topic: none of these is a dead letter, or sent by a redrive.
    for headers in FOREIGN_HEADERS:
        producer.produce(TOPIC, GOOD, "foreign", headers=headers)
        producer.produce(DEAD_LETTER_TOPIC, b"{", "foreign", headers=headers)
    assert producer.flush(60) == 0
    run_to_the_end(TOPIC, database_url)
    return wrong


@pytest.fixture
def dlq(local_stack: StackStatus, database_url: str) -> Callable[..., Result]:
    """Return a function that runs `fingerprint dlq` on the stack."""
    services = {"FINGERPRINT_KAFKA": local_stack.kafka, "DATABASE_URL": database_url, "COLUMNS": "200"}
    environment = {**services, "FINGERPRINT_HOME": str(local_stack.home)}
    return lambda command, *arguments: CliRunner().invoke(
        app, [command, "--topic", TOPIC, *arguments], env=environment, catch_exceptions=False
    )


def windows_of(database_url: str, connection_id: str) -> int:
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM window_scores WHERE connection_id = %s", (connection_id,))
        (count,) = cursor.fetchone() or (0,)
        return int(count)


def n_records(read_records: Callable[[str], Iterator[Any]]) -> int:
    return sum(1 for _ in read_records(TOPIC))


def unwrapped(done: Result) -> str:
    return " ".join(done.output.split())


def test_letters_are_counted_and_shown(session: Session, dlq: Callable[..., Result]) -> None:
    shown = unwrapped(dlq("list", "--limit", "3"))
    assert f"{len(session) + 2:,} dead-letter records of {TOPIC}" in shown
    assert "larger than 64 KiB" in shown
    assert "wrong" in shown
    lines = [json.loads(line) for line in dlq("list", "--reason", "not JSON", "--format", "json").stdout.splitlines()]
    assert [(line["key"], line["value"], line["partition"]) for line in lines] == [("wrong", "{", 1)]
    assert f"{len(session):,} dead-letter records" in unwrapped(dlq("list", "--reason", "key", "--partition", "1"))
    assert "0 dead-letter records" in unwrapped(dlq("list", "--since", "2100-01-01"))


def test_a_redrive_wants_to_be_told_what(session: Session, dlq: Callable[..., Result]) -> None:
    with pytest.raises(ConfigError, match="to choose records, found none"):
        dlq("redrive")
    with pytest.raises(ConfigError, match="Expected --since as"):
        dlq("list", "--since", "lately")


def test_what_is_still_no_message_is_not_sent(
    session: Session, dlq: Callable[..., Result], read_records: Callable[[str], Iterator[Any]]
) -> None:
    before = n_records(read_records)
    done = dlq("redrive", "--reason", "")
    assert done.exit_code == 1
    assert f"0 records were sent, 0 were before, {len(session) + 2} are still invalid" in done.stdout
    assert n_records(read_records) == before


def test_mended_letters_are_sent_once_and_are_messages(
    session: Session,
    dlq: Callable[..., Result],
    database_url: str,
    run_to_the_end: Callable[[str, str], None],
    read_records: Callable[[str], Iterator[Any]],
) -> None:
    before = n_records(read_records)
    chosen = ("redrive", "--reason", "key is not", "--rekey")
    assert f"{len(session)} records would be sent" in dlq(*chosen, "--dry-run").stdout
    done = dlq(*chosen)
    assert (done.exit_code, f"{len(session)} records were sent, 0 were before" in done.stdout) == (0, True)
    again = dlq(*chosen)
    assert (again.exit_code, f"0 records were sent, {len(session)} were before" in again.stdout) == (0, True)
    assert n_records(read_records) == before + len(session)
    assert windows_of(database_url, session.connection_id) == 0
    run_to_the_end(TOPIC, database_url)
    assert windows_of(database_url, session.connection_id) == (len(session) - 50) // 25 + 1


def test_a_run_that_was_cut_off_is_found_out_about(
    session: Session, dlq: Callable[..., Result], database_url: str, read_records: Callable[[str], Iterator[Any]]
) -> None:
    """Before sending, and before remembering: in both cases each dead letter is in the topic once afterwards."""
    before = n_records(read_records)
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE redriven_records SET new_partition = NULL, new_offset = NULL")
        line = json.loads(dlq("list", "--reason", "not JSON", "--format", "json").stdout)
        cursor.execute(
            "INSERT INTO redriven_records (kafka_partition, kafka_offset) VALUES (%s, %s)",
            (line["partition"], line["offset"]),
        )
    done = dlq("redrive", "--reason", "key is not", "--rekey")
    assert f"0 records were sent, {len(session)} were before" in done.stdout
    assert n_records(read_records) == before
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(new_offset) FROM redriven_records")
        assert cursor.fetchone() == (len(session), len(session))


def test_a_corrected_letter_is_sent_as_it_is_in_the_file(
    session: Session, dlq: Callable[..., Result], tmp_path: Path, read_records: Callable[[str], Iterator[Any]]
) -> None:
    line = json.loads(dlq("list", "--reason", "not JSON", "--format", "json").stdout)
    value = '{"connection_id": "mended", "recv_ts_ns": 1000000000000000000, "msg_type": "NEW"}'
    path = tmp_path / "mended.jsonl"
    path.write_text(json.dumps(line | {"key": "mended", "value": value}) + "\n")
    assert "1 record was sent" in dlq("redrive", "--corrected", str(path)).stdout
    (record,) = (record for record in read_records(TOPIC) if record.key == b"mended")
    assert record.value.decode() == value
    assert record.headers == [("redriven_from", f"{line['partition']}:{line['offset']}".encode())]


def test_a_letter_with_its_own_key_stays_in_its_partition(
    session: Session, dlq: Callable[..., Result], tmp_path: Path, read_records: Callable[[str], Iterator[Any]]
) -> None:
    """It was put into partition 1, while the hash of its key says 2."""
    line = json.loads(dlq("list", "--reason", "larger", "--format", "json").stdout)
    value = GOOD.decode().replace("foreign", "wrong")
    path = tmp_path / "mended.jsonl"
    path.write_text(json.dumps(line | {"value": value}) + "\n")
    assert "1 record was sent" in dlq("redrive", "--corrected", str(path)).stdout
    (record,) = (record for record in read_records(TOPIC) if record.value == value.encode())
    assert (record.key, record.partition, line["partition"]) == (b"wrong", 1, 1)


def test_a_corrected_line_of_no_letter_is_refused(
    session: Session, dlq: Callable[..., Result], tmp_path: Path, read_records: Callable[[str], Iterator[Any]]
) -> None:
    before = n_records(read_records)
    path = tmp_path / "mended.jsonl"
    path.write_text('{"partition": 1, "offset": 1000000, "key": "c", "value": "{}"}\n')
    with pytest.raises(ConfigError, match="first partition 1, offset 1000000"):
        dlq("redrive", "--corrected", str(path))
    assert n_records(read_records) == before
