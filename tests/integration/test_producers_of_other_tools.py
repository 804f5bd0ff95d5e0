"""The example producers, each with its own client of Kafka, write what the job takes for messages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest
from kafka.partitioner.default import murmur2

from fingerprint_testing.paths import ROOT
from ingest.kafka.broker import ensure_topics
from ingest.kafka.record_validity import read_record
from ingest.kafka.topic_reader import Record, TopicReader
from stack.java.jars import ensure_jars
from stack.stack_status import StackStatus

Commands = dict[str, list[str]]
Written = dict[str, list[Record]]

TIMEOUT_S = 240
N_PARTITIONS = 3
TYPES = ["HEARTBEAT" if number % 10 == 0 else "NEW" for number in range(200)]


def class_path() -> str:
    return os.pathsep.join(map(str, ensure_jars("broker", lambda _: None)))


def commands(folder: Path) -> Commands:
    """Return how each producer is started whose runtime is here, but for the broker and the topic."""
    python = [sys.executable, "-W", "error::DeprecationWarning:__main__"]
    found: Commands = {
        "toy-confluent-kafka": [*python, str(folder / "python/with_confluent_kafka.py")],
        "toy-kafka-python": [*python, str(folder / "python/with_kafka_python.py")],
    }
    if shutil.which("javac"):
        found["toy-java"] = ["java", "-cp", class_path(), str(folder / "java/ToyFeed.java")]
    npm = shutil.which("npm")
    if npm and shutil.which("node"):
        install = [npm, "ci", "--no-audit", "--no-fund"]
        subprocess.run(install, cwd=folder / "node", check=True, stdout=subprocess.DEVNULL)
        found["toy-node"] = ["node", str(folder / "node/toy_feed.mjs")]
    if shutil.which("kcat"):
        found["toy-kcat"] = [str(folder / "kcat/toy_feed.sh")]
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the examples, for some tools write beside them."""
    return Path(shutil.copytree(ROOT / "examples/producers", tmp_path / "producers"))


@pytest.fixture
def written(local_stack: StackStatus, request: pytest.FixtureRequest) -> Callable[[Commands], Written]:
    """Return a function that runs producers beside each other, and reads what they wrote by connection."""
    topic = request.node.originalname
    ensure_topics(local_stack.kafka, [topic], N_PARTITIONS)

    def run(producers: Commands) -> Written:
        running = {
            name: subprocess.Popen([*command, local_stack.kafka, topic], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for name, command in producers.items()
        }
        for name, process in running.items():
            said = process.communicate(timeout=TIMEOUT_S)
            assert process.returncode == 0, (name, said)
        records: Written = {name: [] for name in producers}
        with TopicReader(local_stack.kafka, topic) as reader:
            for record in chain.from_iterable(chain.from_iterable(reader.read(span) for span in reader.spans)):
                records[str(record.key, "utf-8")].append(record)
        return records

    return run


def check(records: Written) -> None:
    for name, found in records.items():
        assert [reason for _, reason in (read_record(r.key, r.value) for r in found)] == [None] * len(found)
        messages = [json.loads(record.value) for record in found]
        assert [message["msg_type"] for message in messages] == TYPES, name
        times = [message["recv_ts_ns"] for message in messages]
        assert times == sorted(times)
        # 199 pauses of 10 ms, and no more than a busy machine adds.
        assert times[-1] - times[0] > 1_990_000_000
        expected = (murmur2(name.encode()) & 0x7FFFFFFF) % N_PARTITIONS
        assert {record.partition for record in found} == {expected}, name


def test_each_arrives_whole_in_one_partition(folder: Path, written: Callable[[Commands], Written]) -> None:
    check(written(commands(folder)))


@pytest.mark.slow
def test_that_in_go_does_too(folder: Path, written: Callable[[Commands], Written]) -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip("there is no Go here")
    subprocess.run([go, "build", "-o", "toy-feed", "."], cwd=folder / "go", check=True, timeout=TIMEOUT_S)
    check(written({"toy-go": [str(folder / "go/toy-feed")]}))
