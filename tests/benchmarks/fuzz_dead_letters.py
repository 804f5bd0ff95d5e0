"""Whether the job and `ingest.kafka.record_validity` agree on any record, and whether invalid ones change nothing else.

`python tests/benchmarks/fuzz_dead_letters.py --records 1000000` sends so many corrupt records between clean ones, lets
the job read them, and compares: each record that the rule in Python refuses is in the dead-letter topic, with its
bytes, and in the table, with the same reason, once; no other is; the results are those of the messages; those of the
clean connections are, but for offsets, those of a topic of clean messages alone; the job was never restarted.

Without `--home`, it starts a stack of its own.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

import requests
from confluent_kafka import Producer

from ingest.kafka.broker import ensure_topics
from ingest.kafka.dead_letters import Place
from ingest.kafka.message_json import encode
from ingest.kafka.record_validity import check_record, kept_in_dead_letter
from ingest.kafka.session_publisher import merge
from ingest.kafka.topic_reader import TopicReader
from jobs.cluster.flink_client import list_jobs
from jobs.cluster.submission import Submission
from jobs.config import DEAD_LETTER_TOPIC
from jobs.pipeline.result_tables import DEAD_LETTERS
from jobs.reference.result_rows import Chunk, ResultsHash, differences, hash_results
from jobs.reference.topic_results import TopicResults
from jobs.results.stored_results import read_results, versions_of
from jobs.trials.sandbox import addresses_of, delete_topic, fresh_database, idle_stack
from model.artifact.artifact_folder import explainer_of, load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from model.registry.database import connect
from model.registry.topic_models import OneModel
from stack.stack_status import StackStatus
from synthetic.corruption import FAULTS, Corrupt, corrupt, edges
from synthetic.sessions import synthetic_sessions
from udfs.schema import Session

START_NS = 1_790_000_000_000_000_000
PARTITIONS = 4
OFFSETS = {"last_offset", "first_offset", "since_offset", "kafka_offset", "kafka_partition"}
CLEAN = "clean-"

DeadLetters = dict[Place, tuple[str, int]]
"""Reason, and a hash of key and bytes, by the place of the record."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What was found.

    Attributes
    ----------
    wrong_letters, wrong_rows : int
        Places whose dead letter, or row, is not as the rule says, missing and superfluous ones included.
    """

    records: int
    messages: int
    reasons: dict[str, int]
    dead_letters: int
    doubled_letters: int
    wrong_letters: int
    wrong_rows: int
    examples: list[str]
    is_hash_same: bool
    is_clean_same: bool
    hash: str
    restarts: int
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether nothing differs, and there was something to compare."""
        same = self.is_hash_same and self.is_clean_same
        return same and self.dead_letters > 0 and not (self.wrong_letters or self.wrong_rows or self.restarts)


def clean_sessions(n_records: int) -> list[Session]:
    """Draw connections that nothing is done to."""
    n_each = max(300, n_records // 300)
    drawn = synthetic_sessions(per_exchange=10, seed=9, start_ns=START_NS, n_messages=n_each)
    return [replace(one.session, connection_id=f"{CLEAN}{number}") for number, one in enumerate(drawn)]


def in_turn(sessions: list[Session]) -> list[tuple[bytes, bytes]]:
    """Merge the messages of sessions by their times."""
    values = [encode(session) for session in sessions]
    keys = [session.connection_id.encode() for session in sessions]
    return [(keys[turn], next(values[turn])) for turn in merge(sessions)[0].tolist()]


def spoiled_records(n_records: int, seed: int) -> Iterator[Corrupt]:
    """Spoil messages of connections of their own: first all edges, then whatever is drawn."""
    rng = random.Random(seed)
    drawn = synthetic_sessions(per_exchange=2, seed=seed, start_ns=START_NS, n_messages=200)
    own = [replace(one.session, connection_id=f"corrupted-{number}") for number, one in enumerate(drawn)]
    good = [(session.connection_id.encode(), value) for session in own for value in encode(session)]
    at_random = (corrupt(rng, *rng.choice(good)) for _ in iter(int, 1))
    return islice(chain(edges(*good[0]), at_random), n_records)


def send(kafka: str, topic: str, records: Iterable[Corrupt]) -> int:
    """Send records, and return how many that were."""
    settings = {"enable.idempotence": True, "linger.ms": 20, "compression.type": "lz4", "partitioner": "murmur2_random"}
    producer = Producer({"bootstrap.servers": kafka, "message.max.bytes": 2_000_000, **settings})
    n_sent = 0
    for key, value in records:
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
        n_sent += 1
    assert producer.flush(120) == 0
    return n_sent


def interleaved(clean: list[tuple[bytes, bytes]], corrupted: Iterator[Corrupt], n_spoiled: int) -> Iterator[Corrupt]:
    """Put corrupted records evenly between clean ones."""
    done = 0
    for number, record in enumerate(clean, start=1):
        yield record
        due = number * n_spoiled // len(clean)
        yield from islice(corrupted, due - done)
        done = due


def judged(kafka: str, topic: str) -> tuple[int, DeadLetters, Counter[str]]:
    """Read a topic, and say by the rule in Python what of it must be a dead letter."""
    dead_letters: DeadLetters = {}
    reasons: Counter[str] = Counter()
    n_records = 0
    with TopicReader(kafka, topic) as reader:
        for record in chain.from_iterable(chain.from_iterable(map(reader.read, reader.spans))):
            n_records += 1
            reason = check_record(record.key, record.value)
            if reason is not None:
                kept = kept_in_dead_letter(record.key, record.value)
                dead_letters[Place(record.partition, record.offset)] = (reason, hash(kept))
                reasons[reason] += 1
    return n_records, dead_letters, reasons


def delivered(kafka: str, topic: str) -> tuple[DeadLetters, int]:
    """Read the dead letters of a topic, and count those that are there more than once."""
    dead_letters: DeadLetters = {}
    n_doubled = 0
    with TopicReader(kafka, DEAD_LETTER_TOPIC) as reader:
        for record in chain.from_iterable(chain.from_iterable(map(reader.read, reader.spans))):
            headers = {name: str(value, "utf-8") for name, value in record.headers.items()}
            if headers["source_topic"] == topic:
                place = Place(int(headers["source_partition"]), int(headers["source_offset"]))
                n_doubled += place in dead_letters
                dead_letters[place] = (headers["reason"], hash((record.key, record.value)))
    return dead_letters, n_doubled


def table_rows(database_url: str) -> dict[Place, str]:
    """Read the reasons that the table has."""
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT kafka_partition, kafka_offset, reason FROM dead_letters")
        return {Place(partition, offset): reason for partition, offset, reason in cursor}


def topic_hash(kafka: str, topic: str, *, only_clean: bool) -> ResultsHash:
    """Compute the results from a topic, without Flink."""
    with topic_chunks(kafka, topic) as chunks:
        return hash_results(without_offsets(chunks) if only_clean else chunks)


@contextmanager
def topic_chunks(kafka: str, topic: str) -> Iterator[Iterator[Chunk]]:
    """Open a topic for its results."""
    models = OneModel(load_predictor(DEFAULT_ARTIFACT), explainer_of(load_predictor(DEFAULT_ARTIFACT)))
    with TopicReader(kafka, topic) as reader:
        yield TopicResults(reader, models).chunks()


def row_examples(database_url: str, versions: Sequence[str], kafka: str, topic: str) -> list[str]:
    """Show some rows of which table and topic say different things."""
    with topic_chunks(kafka, topic) as chunks:
        found, _ = differences(read_results(database_url, *versions), chunks, most=3)
    return [f"{one.table} {one.key}: only in {one.only_in}, {one.values}" for one in found]


def without_offsets(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Keep the rows of clean connections, and all columns but those that say where in the topic they are."""
    for table, columns in chunks:
        if table == DEAD_LETTERS:
            continue
        kept = [number for number, name in enumerate(columns["connection_id"]) if name.startswith(CLEAN)]
        yield table, {name: [columns[name][number] for number in kept] for name in columns.keys() - OFFSETS}


def run_job(stack: StackStatus, database_url: str, topic: str) -> int:
    """Let the job read the topic to its end, and return how often it failed meanwhile."""
    addresses = addresses_of(stack, database_url)
    job_id = Submission(addresses=addresses, topic=topic, job_options=("--stop-at-end",)).run(lambda _: None)
    while (state := next(j.state for j in list_jobs(stack.flink_url) if j.job_id == job_id)) not in (
        *("FINISHED", "FAILED", "CANCELED"),
    ):
        time.sleep(1)
    found = requests.get(f"{stack.flink_url}/jobs/{job_id}/exceptions", timeout=10).json()
    return len(found["exceptionHistory"]["entries"]) + (state != "FINISHED")


def differing(expected: DeadLetters, found: DeadLetters) -> list[Place]:
    """Return the places on which two do not agree."""
    return [place for place in expected.keys() | found.keys() if expected.get(place) != found.get(place)]


def fuzz(stack: StackStatus, n_records: int, seed: int) -> Compared:
    """Send, run, compare."""
    started_s = time.monotonic()
    now_ms = time.time_ns() // 10**6
    topic, alone = f"fuzz_{now_ms}", f"clean_{now_ms}"
    ensure_topics(stack.kafka, [topic, alone, DEAD_LETTER_TOPIC], PARTITIONS)
    clean = in_turn(clean_sessions(n_records))
    n_sent = send(stack.kafka, topic, interleaved(clean, spoiled_records(n_records, seed), n_records))
    send(stack.kafka, alone, clean)
    say(f"{n_sent:,} records are in the topic after {time.monotonic() - started_s:.0f} s")
    try:
        with fresh_database(stack, "fuzz") as url:
            restarts = run_job(stack, url, topic)
            say(f"the job has read them after {time.monotonic() - started_s:.0f} s")
            n_found, expected, reasons = judged(stack.kafka, topic)
            assert n_found == n_sent
            found, n_doubled = delivered(stack.kafka, topic)
            rows = table_rows(url)
            wrong = differing(expected, found)
            versions = versions_of(url, topic)
            written = hash_results(read_results(url, *versions))
            clean_written = hash_results(without_offsets(read_results(url, *versions)))
            return Compared(
                records=n_found,
                messages=n_found - len(expected),
                reasons=dict(reasons.most_common()),
                dead_letters=len(found),
                doubled_letters=n_doubled,
                wrong_letters=len(wrong),
                wrong_rows=sum(1 for p in expected.keys() | rows.keys() if rows.get(p) != expected.get(p, (None,))[0]),
                examples=[f"{p}: {expected.get(p)} in Python, {found.get(p)} in the topic" for p in wrong[:20]]
                + row_examples(url, versions, stack.kafka, topic),
                is_hash_same=topic_hash(stack.kafka, topic, only_clean=False) == written,
                is_clean_same=topic_hash(stack.kafka, alone, only_clean=True) == clean_written,
                hash=written.hash,
                restarts=restarts,
                seconds=time.monotonic() - started_s,
            )
    finally:
        for name in (topic, alone):
            delete_topic(stack, name)


def say(line: str) -> None:
    """Print progress where it is not in the way of the report."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Fuzz, print what was found as JSON, and fail if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000, help="corrupted ones")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path, help="of a stack that runs")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as nowhere, idle_stack(chosen.home or Path(nowhere), say) as stack:
        compared = fuzz(stack, chosen.records, chosen.seed)
    print(json.dumps({"kinds": list(FAULTS), **vars(compared)}, indent=1))
    sys.exit(not compared.is_good)


if __name__ == "__main__":
    main()
