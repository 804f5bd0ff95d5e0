"""A savepoint that a released version took, and the records of its topic: what later versions must restore or refuse.

`python tests/integration/keep_savepoint.py` makes both anew, into the folder of the version that is installed.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from fingerprint_testing.paths import ROOT
from ingest.kafka.backlog import Capacity
from ingest.kafka.producer import Producer

KEPT: Final = ROOT / "tests" / "integration" / "kept_savepoints"
TOPIC: Final = "kept_savepoint"
RECORDS: Final = "records.jsonl.gz"
ORIGIN: Final = "origin.json"

_CAPACITY: Final = Capacity(messages=100_000, value_bytes=100_000_000)


@dataclass(frozen=True, kw_only=True)
class Origin:
    """How a savepoint came to be.

    Attributes
    ----------
    release, flink, model_version, state_layout
        Of the job that took it.
    topic_id : str
        Kafka's id of the topic that it read, which the state has too.
    records_before : int
        Records of the topic that the job had read by then: the first ones of the file.
    made_on : str
        Date, ISO 8601.
    """

    release: str
    flink: str
    model_version: str
    state_layout: int
    topic_id: str
    records_before: int
    made_on: str


def read_origin(folder: Path) -> Origin:
    """Read what is said of a kept savepoint."""
    return Origin(**json.loads((folder / ORIGIN).read_text()))


def write_origin(folder: Path, origin: Origin) -> None:
    """Write what is to be said of a kept savepoint."""
    (folder / ORIGIN).write_text(json.dumps(asdict(origin), indent=1) + "\n")


def name_topic(savepoint: Path, before: str, now: str) -> None:
    """Let a savepoint be of another topic, which has the same records under another id of Kafka's."""
    metadata = savepoint / "_metadata"
    text = metadata.read_bytes()
    assert len(before) == len(now)
    assert before.encode() in text
    metadata.write_bytes(text.replace(before.encode(), now.encode()))


def read_records(folder: Path) -> list[tuple[bytes, bytes]]:
    """Read the topic's records: key and value of each, in the order in which they were sent."""
    with gzip.open(folder / RECORDS, "rt", encoding="utf-8") as file:
        return [(key.encode(), value.encode()) for key, value in map(json.loads, file)]


def write_records(folder: Path, records: Sequence[tuple[bytes, bytes]]) -> None:
    """Write them; the same records make the same file."""
    lines = "".join(json.dumps([key.decode(), value.decode()]) + "\n" for key, value in records)
    (folder / RECORDS).write_bytes(gzip.compress(lines.encode(), mtime=0))


def send(kafka: str, records: Sequence[tuple[bytes, bytes]]) -> None:
    """Send records, in their order: in a new topic each gets the offset that it had when the savepoint was taken."""
    with Producer(kafka, TOPIC, capacity=_CAPACITY, give_up_after_s=60.0) as producer:
        for key, value in records:
            producer.send(key, value)
        producer.flush()
