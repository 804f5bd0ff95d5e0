"""Small batches that inflate to what no heap holds: the job and the reference pass them, and say so in dead letters."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Producer

from ingest.kafka.broker import ensure_topics
from ingest.kafka.message_json import encode
from ingest.kafka.record_validity import MAX_VALUE_BYTES
from ingest.kafka.session_publisher import publish
from ingest.kafka.topic_reader import TopicReader
from jobs.config import DEAD_LETTER_TOPIC
from jobs.reference.result_rows import differences, hash_results
from jobs.reference.topic_results import TopicResults
from jobs.results.migrations import migrate
from jobs.results.stored_results import read_results
from model.artifact.artifact_folder import explainer_of, load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from model.registry.database import connect
from model.registry.topic_models import OneModel
from stack.stack_status import StackStatus, read_status
from udfs.errors import ConfigError
from udfs.schema import Session

TOPIC = "poison_messages"
MIB = 1024 * 1024
PARTITION = 1
LARGE = "larger than 64 KiB"
N_TINY = 20_000
N_BATCHES = 2_000


@pytest.mark.slow
def test_bombs_are_dead_letters_and_stop_nothing(
    local_stack: StackStatus,
    database_url: str,
    drawn_sessions: list[Session],
    run_to_the_end: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stack = local_stack
    migrate(database_url)
    ensure_topics(stack.kafka, [TOPIC, DEAD_LETTER_TOPIC], 4)
    publish(drawn_sessions[:2], bootstrap_servers=stack.kafka, topic=TOPIC)
    expected = send_bombs(stack.kafka, list(encode(drawn_sessions[2])))
    publish(drawn_sessions[3:5], bootstrap_servers=stack.kafka, topic=TOPIC)
    run_to_the_end(TOPIC, database_url)

    now = read_status(stack.home)
    assert now is not None
    assert [part.restarts for part in now.parts] == [part.restarts for part in stack.parts]
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT reason, connection_key, max(n_bytes), count(*) FROM dead_letters GROUP BY 1, 2")
        found = {(reason, key): (most, count) for reason, key, most, count in cursor.fetchall()}
    assert found == expected
    predictor = load_predictor(DEFAULT_ARTIFACT)
    with TopicReader(stack.kafka, TOPIC) as reader:
        models = OneModel(predictor, explainer_of(predictor))
        computed = [(name, dict(columns)) for name, columns in TopicResults(reader, models).chunks()]
    stored = list(read_results(database_url, predictor.model_version))
    assert differences(stored, computed, most=3) == ([], Counter())
    assert hash_results(computed).tables["window_scores"].rows > 0
    # What the reader cannot inflate either is one sentence.
    monkeypatch.setattr("ingest.kafka.topic_reader._MOST_INFLATED_BYTES", 100_000_000)
    with TopicReader(stack.kafka, TOPIC) as reader, pytest.raises(ConfigError, match="Decompression") as refusal:
        list(reader.read(reader.spans[PARTITION]))
    assert str(refusal.value).startswith(f"Expected Kafka at {stack.kafka} to accept a reader of {TOPIC}, found ")


def send_bombs(kafka: str, messages: list[bytes]) -> dict[tuple[str, str | None], tuple[int | None, int]]:
    """Send records and batches of all sorts; return reason and key, largest size and number of their dead letters.

    The connection `headers` is one of messages that each have 30,000 headers.
    """
    expected: dict[tuple[str, str | None], tuple[int | None, int]] = {}
    for codec, size in {"zstd": 700 * MIB, "gzip": 500 * MIB, "lz4": 150 * MIB, "snappy": 12 * MIB}.items():
        expected[LARGE, codec] = (MAX_VALUE_BYTES + 1, 1)
        produce(kafka, codec, [(codec, b"\0" * size)])
    produce(kafka, "zstd", [("k" * (300 * MIB), messages[0])])
    expected["key is not the connection_id", None] = (len(messages[0]), 1)
    produce(kafka, "zstd", [("batch", b"\0" * 1_000_000)] * 1_500)
    expected[LARGE, "batch"] = (MAX_VALUE_BYTES + 1, 1_500)
    produce(kafka, "zstd", [("tiny", b"")] * N_TINY)
    expected["not JSON", "tiny"] = (0, N_TINY)
    produce(kafka, "zstd", [("batches", b"")] * N_BATCHES, **{"batch.num.messages": 1})
    expected["not JSON", "batches"] = (0, N_BATCHES)
    own = [json.dumps(json.loads(value) | {"connection_id": "headers"}).encode() for value in messages[:100]]
    produce(kafka, "zstd", [("headers", value) for value in own], n_headers=30_000)
    produce(kafka, "none", [("uncompressed", b"")] * 20, n_headers=400_000, **{"batch.num.messages": 1})
    expected["not JSON", "uncompressed"] = (0, 20)
    return expected


def produce(kafka: str, codec: str, records: list[tuple[str, bytes]], n_headers: int = 0, **more: Any) -> None:
    producer = Producer(
        {
            "bootstrap.servers": kafka,
            "compression.type": codec,
            "linger.ms": 2_000,
            "batch.size": 2**31 - 1,
            "batch.num.messages": 100_000,
            "message.max.bytes": 1_000_000_000,
            "queue.buffering.max.kbytes": 2_000_000,
            "queue.buffering.max.messages": 200_000,
            **more,
        }
    )
    failures: list[str] = []

    def note(error: Any, _message: Any) -> None:
        if error is not None:
            failures.append(str(error))

    headers: list[tuple[str, str | bytes | None]] = [("", None)] * n_headers
    for key, value in records:
        producer.produce(TOPIC, value, key, PARTITION, headers=headers, on_delivery=note)
    assert producer.flush(120) == 0
    assert not failures, (codec, records[0][0], failures[0])
