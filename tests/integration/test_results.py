"""The hash of what the job wrote and the hash of what the topic says: equal, however often the job has run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Producer
from psycopg2.sql import SQL, Identifier
from typer.testing import CliRunner, Result

from ingest.kafka.broker import ensure_topics
from ingest.kafka.session_publisher import publish
from ingest.kafka.topic_reader import TopicReader
from ingest.recordings.capture import read_capture
from jobs.cli.results.results import app
from jobs.config import DEAD_LETTER_TOPIC
from jobs.reference.result_rows import OF_MODELS, WRITING_TIMES, ResultsHash, differences, hash_results
from jobs.reference.topic_results import TopicResults
from jobs.results.migrations import migrate
from jobs.results.stored_results import read_results, versions_of
from model.artifact.artifact_folder import explainer_of, load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from model.registry.database import connect
from model.registry.topic_models import OneModel
from stack.stack_status import StackStatus
from udfs.errors import ConfigError, SchemaError
from udfs.schema import Session
from udfs.windows import IDLE_GAP_NS, segments

TOPIC = "results_messages"

# What this version of the job and the rule of `ingest.kafka.record_validity` both refuse.
RUBBISH = {
    b"no json": "not JSON",
    b"\xff\xfe\x00": "not UTF-8",
    b"[]": "not a JSON object",
    b'{"recv_ts_ns": 1000000000000000000, "msg_type": "NEW"}': "no connection_id",
    b'{"connection_id": "c", "msg_type": "NEW"}': "no recv_ts_ns",
    b'{"connection_id": "c", "recv_ts_ns": 1000000000000000000, "msg_type": "MAYBE"}': (
        "msg_type is not NEW, ACK, NACK, HEARTBEAT or OTHER"
    ),
}
N_RUBBISH = 60


@pytest.fixture(scope="module")
def sessions(local_stack: StackStatus, kraken_recordings: list[Path], drawn_sessions: list[Session]) -> list[Session]:
    """Publish recordings and synthetic connections, one silent for hours, one with gaps, and rubbish between them."""
    recorded = [read_capture([path]) for path in kraken_recordings]
    paused = drawn_sessions[0].recv_ts_ns.copy()
    paused[len(paused) // 3 :] += 2 * IDLE_GAP_NS
    numbers = np.arange(drawn_sessions[1].seq.size) * np.where(np.arange(drawn_sessions[1].seq.size) < 300, 1, 2)
    gapped = replace(drawn_sessions[1], seq=numbers)
    drawn = [replace(drawn_sessions[0], recv_ts_ns=paused), gapped, *drawn_sessions[2:]]
    ensure_topics(local_stack.kafka, [TOPIC, DEAD_LETTER_TOPIC], 4)
    for portion in (recorded, drawn):
        publish(portion, bootstrap_servers=local_stack.kafka, topic=TOPIC)
        send(local_stack.kafka, [(b"c", value) for value in RUBBISH for _ in range(N_RUBBISH // 2)])
    return [*recorded, *drawn]


def send(kafka: str, records: list[tuple[bytes | None, bytes | None]], *, partition: int = 0) -> None:
    producer = Producer({"bootstrap.servers": kafka})
    for key, value in records:
        producer.produce(TOPIC, key=key, value=value, partition=partition)
    assert producer.flush(60) == 0


@pytest.fixture(scope="module")
def written(sessions: list[Session], run_to_the_end: Callable[[str, str], None], database_url: str) -> ResultsHash:
    """Run the job into an empty database; return the hash of what it wrote."""
    migrate(database_url)
    with pytest.raises(ConfigError, match=f"results of the topic {TOPIC}, found that no model scores it"):
        versions_of(database_url, TOPIC)
    run_to_the_end(TOPIC, database_url)
    return hash_tables(database_url)


def hash_tables(database_url: str) -> ResultsHash:
    return hash_results(read_results(database_url, *versions_of(database_url, TOPIC)))


def one_model() -> OneModel:
    return OneModel(load_predictor(DEFAULT_ARTIFACT), explainer_of(load_predictor(DEFAULT_ARTIFACT)))


@pytest.fixture
def topic_results(local_stack: StackStatus, sessions: list[Session]) -> Iterator[TopicResults]:
    with TopicReader(local_stack.kafka, TOPIC) as reader:
        yield TopicResults(reader, one_model())


@pytest.fixture
def results(local_stack: StackStatus, database_url: str) -> Callable[..., Result]:
    """Return a function that runs `fingerprint results` on the stack."""
    services = {"FINGERPRINT_KAFKA": local_stack.kafka, "DATABASE_URL": database_url, "COLUMNS": "200"}
    environment = {**services, "FINGERPRINT_HOME": str(local_stack.home)}
    return lambda *arguments: CliRunner().invoke(app, list(arguments), env=environment, catch_exceptions=False)


def test_the_topic_gives_the_hash_of_the_tables(
    written: ResultsHash, topic_results: TopicResults, sessions: list[Session], database_url: str
) -> None:
    heard: list[int] = []
    found, counts = differences(
        read_results(database_url, *versions_of(database_url, TOPIC)), topic_results.chunks(heard.append), most=3
    )
    assert (found, counts) == ([], {})
    assert hash_results(topic_results.chunks()) == written
    assert topic_results.rejected == {reason: 2 * N_RUBBISH for reason in RUBBISH.values()}  # read twice
    n_records = sum(map(len, sessions)) + N_RUBBISH * len(RUBBISH)
    assert (heard[-1], heard == sorted(heard), topic_results.records) == (n_records, True, 2 * n_records)


def test_every_row_is_there(written: ResultsHash, sessions: list[Session]) -> None:
    rows = {name: table.rows for name, table in written.tables.items()}
    complete = [session for session in sessions if len(session) >= 50]
    counted = [part.stop - part.start for session in complete for part in segments(session.recv_ts_ns)]
    assert rows["window_scores"] == sum(max(n - 25, 0) // 25 for n in counted) > 0
    assert len(counted) == len(complete) + 1
    assert rows["connection_verdicts"] == len(complete)
    assert rows["connection_events"] > len(complete) / 2
    assert rows["health_events"] >= 1
    assert rows["dead_letters"] == N_RUBBISH * len(RUBBISH)


def test_verdicts_and_events_of_the_topic_are_those_of_a_walk(
    topic_results: TopicResults,
    sessions: list[Session],
    read_records: Callable[[str], Iterator[Any]],
    remembered: Callable[..., tuple[dict[str, Any] | None, list[dict[str, Any]]]],
) -> None:
    places: dict[str, list[tuple[int, int]]] = {}
    for record in read_records(TOPIC):
        places.setdefault(record.key.decode(), []).append((record.partition, record.offset))
    found: dict[str, dict[str, list[dict[str, Any]]]] = {table: {} for table in OF_MODELS}
    for table, columns in topic_results.chunks():
        if table not in OF_MODELS:
            continue
        for values in zip(*columns.values(), strict=True):
            row = {name: _time(name, value) for name, value in zip(columns, values, strict=True)}
            found[table].setdefault(row["connection_id"], []).append(row)
    for session in sessions:
        name = session.connection_id
        verdict, events = remembered(session, [session.declared_exchange] * len(session), places[name])
        for table, rows in (("connection_verdicts", [verdict] if verdict else []), ("connection_events", events)):
            walked = [{key: _time(key, value) for key, value in row.items()} for row in rows]
            computed = found[table].get(name, [])
            assert [_walked(*both) for both in zip(computed, walked, strict=True)] == walked


def _walked(row: dict[str, Any], walk: dict[str, Any]) -> dict[str, Any]:
    """Keep of a row what a walk states; other columns are compared between the job and `jobs.reference`."""
    return {name: row[name] for name in walk}


def _time(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if name.endswith("_at") and value is not None else value


def test_all_columns_but_the_time_of_writing_are_computed(
    written: ResultsHash, topic_results: TopicResults, database_url: str
) -> None:
    with connect(database_url) as database, database.cursor() as cursor:
        for table, columns in topic_results.chunks():
            cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", (table,))
            assert set(columns) == {name for (name,) in cursor.fetchall()} - WRITING_TIMES


def test_replaying_changes_nothing_and_restores_what_is_missing(
    written: ResultsHash, run_to_the_end: Callable[[str, str], None], database_url: str
) -> None:
    with connect(database_url) as database, database.cursor() as cursor:
        for table in OF_MODELS:
            cursor.execute(SQL("DELETE FROM {} WHERE connection_id LIKE '%1%'").format(Identifier(table)))
            assert cursor.rowcount
    assert hash_tables(database_url) != written
    run_to_the_end(TOPIC, database_url)
    assert hash_tables(database_url) == written


def test_the_commands_agree(written: ResultsHash, results: Callable[..., Result]) -> None:
    shown = [results("hash", "--topic", TOPIC), results("hash", "--from-topic", "--topic", TOPIC)]
    assert [(done.exit_code, done.stdout.splitlines()[-1]) for done in shown] == [(0, written.hash)] * 2
    assert f"{N_RUBBISH}: msg_type is not NEW" in shown[1].stderr
    by_folder = results("hash", "--from-topic", "--topic", TOPIC, "--model", str(DEFAULT_ARTIFACT))
    assert by_folder.stdout.splitlines()[-1] == written.hash
    printed = json.loads(results("hash", "--topic", TOPIC, "--format", "json").stdout)
    version = load_predictor(DEFAULT_ARTIFACT).model_version
    assert (printed["hash"], printed["model_versions"]) == (written.hash, [version])
    assert {name: table["rows"] for name, table in printed["tables"].items()} == {
        name: table.rows for name, table in written.tables.items()
    }
    done = results("diff", "--topic", TOPIC)
    assert (done.exit_code, done.stdout) == (0, f"The tables hold what the topic says, for {version}.\n")
    with pytest.raises(ConfigError, match="found --model-version x: leave it out"):
        results("hash", "--from-topic", "--topic", TOPIC, "--model-version", "x")


CHANGES = {
    "window_scores": "UPDATE {0} SET confidence = confidence / 2",
    "connection_verdicts": "UPDATE {0} SET since_offset = COALESCE(since_offset, 0) + 1",
    "connection_events": "DELETE FROM {0}",
}


def test_one_row_that_is_altered_or_missing_is_found(
    written: ResultsHash, results: Callable[..., Result], database_url: str
) -> None:
    hashes = {written.hash}
    for table, change in CHANGES.items():
        with connect(database_url) as database, database.cursor() as cursor:
            one = "connection_id = (SELECT connection_id FROM {0} ORDER BY 1 LIMIT 1) AND "
            last = "last_offset = (SELECT max(last_offset) FROM {0} AS o WHERE o.connection_id = {0}.connection_id)"
            cursor.execute((change + " WHERE " + one + last).format(table))
            assert cursor.rowcount == 1
        hashes.add(hash_tables(database_url).hash)
    assert len(hashes) == 4
    done = results("diff", "--topic", TOPIC)
    assert done.exit_code == 1
    assert all(f"1 rows of {table} differ" in done.stdout for table in OF_MODELS)
    assert re.search(r"window_scores .* confidence", done.stdout)
    assert re.search(r"connection_events .* missing .* there", done.stdout)


def test_results_of_two_models_are_not_mixed(
    written: ResultsHash, results: Callable[..., Result], database_url: str
) -> None:
    with connect(database_url) as database, database.cursor() as cursor:
        cursor.execute("UPDATE connection_verdicts SET model_version = 'other'")
    printed = json.loads(results("hash", "--model-version", "other", "--format", "json").stdout)
    verdicts = written.tables["connection_verdicts"].rows
    expected = {"window_scores": 0, "connection_verdicts": verdicts, "connection_events": 0}
    assert {name: printed["tables"][name]["rows"] for name in OF_MODELS} == expected
    assert hash_tables(database_url).tables["connection_verdicts"].rows == 0


def test_what_stands_before_the_end_is_read_and_nothing_after(
    local_stack: StackStatus, sessions: list[Session]
) -> None:
    with TopicReader(local_stack.kafka, TOPIC) as reader:
        (span,) = (span for span in reader.spans if span.partition == 0)
        send(local_stack.kafka, [(b"late", b"late")] * 3)
        records = [record for found in reader.read(span) for record in found]
    assert [record.offset for record in records] == list(range(span.first, span.end))


def test_a_connection_in_two_partitions_has_no_order(local_stack: StackStatus, sessions: list[Session]) -> None:
    value = b'{"connection_id": "twofold", "recv_ts_ns": 1000000000000000000, "msg_type": "NEW"}'
    for partition in (1, 3):
        send(local_stack.kafka, [(b"twofold", value)], partition=partition)
    with TopicReader(local_stack.kafka, TOPIC) as reader:
        twofold = TopicResults(reader, one_model())
        with pytest.raises(SchemaError, match="found those of 'twofold' in partitions 1 and 3"):
            hash_results(twofold.chunks())


def test_a_topic_that_is_not_there_is_named_and_an_empty_one_has_no_rows(local_stack: StackStatus) -> None:
    with pytest.raises(ConfigError, match="Expected the topic nowhere on Kafka"):
        TopicReader(local_stack.kafka, "nowhere")
    ensure_topics(local_stack.kafka, ["results_none"], 2)
    with TopicReader(local_stack.kafka, "results_none") as reader:
        empty = TopicResults(reader, one_model())
        assert hash_results(empty.chunks()) == hash_results([])
