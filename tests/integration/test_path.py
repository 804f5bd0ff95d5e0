"""Recordings, synthetic sessions and rubbish through Kafka, Flink and PostgreSQL, against the same scored offline."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from kafka import KafkaProducer

from ingest.broker import ensure_topics
from ingest.capture import read_capture
from ingest.publish import publish
from jobs.addresses import Addresses
from jobs.config import DEAD_LETTER_TOPIC, JOB_NAME
from jobs.database import connect
from jobs.flink_client import find_running_job, list_jobs
from jobs.migrate import migrate
from jobs.offline import score_capture
from jobs.operators import OPERATOR_NAMES
from jobs.submission import Submission
from model.artifact import DEFAULT_ARTIFACT, load_predictor
from stack.status import StackStatus
from udfs.rows import SCORE_COLUMNS, score_rows
from udfs.schema import SESSION_COLUMNS, Session
from udfs.scoring import score_windows
from udfs.verdicts import evidence_millinats, running_decisions
from udfs.windows import count_windows, session_windows, slide

TOPIC = "path_messages"

BAD_RECORDS = {
    b"no json": "not a JSON object",
    b'["connection_id"]': "not a JSON object",
    b"\xff\xfe\x00": "not a JSON object",
    b'{"recv_ts_ns": 1, "msg_type": "NEW"}': "no connection_id",
    b'{"connection_id": "", "recv_ts_ns": 1, "msg_type": "NEW"}': "connection_id not of 1 to 128 characters",
    b'{"connection_id": "c", "msg_type": "NEW"}': "no recv_ts_ns",
    b'{"connection_id": "c", "recv_ts_ns": "soon", "msg_type": "NEW"}': "no recv_ts_ns",
    b'{"connection_id": "c", "recv_ts_ns": 1, "msg_type": "MAYBE"}': "unknown msg_type",
}

Row = dict[str, object]
Judged = tuple[dict[str, Row], dict[str, list[Row]]]
Walk = Callable[..., tuple[Row | None, list[Row]]]


@dataclass(frozen=True)
class Played:
    """What was put into the topic."""

    sessions: list[Session]
    declared: dict[str, list[str | None]]
    offsets: dict[str, list[tuple[int, int]]]
    changed: str
    bad: list[tuple[int, int, bytes]]


@pytest.fixture(scope="module")
def played(
    local_stack: StackStatus,
    captures: Path,
    drawn_sessions: list[Session],
    read_records: Callable[[str], Iterator[Any]],
) -> Played:
    """Publish everything once, rubbish in the middle, and read back which offset each message got."""
    sessions = [*(read_capture(path) for path in sorted(captures.rglob("*.jsonl.gz"))), *drawn_sessions]
    declared = {session.connection_id: [session.declared_exchange] * len(session) for session in sessions}
    ensure_topics(local_stack.kafka, [TOPIC, DEAD_LETTER_TOPIC], 4)
    half = len(sessions) // 2
    _publish(local_stack.kafka, sessions[:half])
    bad = _publish_rubbish(local_stack.kafka)
    _publish(local_stack.kafka, sessions[half:])
    # One connection goes on, but claims to be somebody else.
    changed = drawn_sessions[0]
    more = replace(changed, declared_exchange="coinbase", recv_ts_ns=changed.recv_ts_ns + 10**12)
    _publish(local_stack.kafka, [more])
    declared[changed.connection_id] += ["coinbase"] * len(more)
    twice = {name: np.tile(getattr(changed, name), 2) for name in SESSION_COLUMNS}
    twice["recv_ts_ns"] = np.concatenate([changed.recv_ts_ns, more.recv_ts_ns])
    sessions = [replace(s, **twice) if s is changed else s for s in sessions]
    offsets: dict[str, list[tuple[int, int]]] = {}
    for record in read_records(TOPIC):
        offsets.setdefault(record.key.decode(), []).append((record.partition, record.offset))
    return Played(sessions=sessions, declared=declared, offsets=offsets, changed=changed.connection_id, bad=bad)


def _publish(kafka: str, sessions: list[Session]) -> None:
    report = publish(sessions, bootstrap_servers=kafka, topic=TOPIC, speed=None, progress=lambda _: None)
    assert report.messages == sum(map(len, sessions))


def _publish_rubbish(kafka: str) -> list[tuple[int, int, bytes]]:
    with KafkaProducer(bootstrap_servers=kafka) as producer:
        sent = [(producer.send(TOPIC, value=value, key=b"c").get(timeout=10), value) for value in BAD_RECORDS]
    return [(metadata.partition, metadata.offset, value) for metadata, value in sent]


def _run_to_the_end(stack: StackStatus, database_url: str, wait_until: Callable[..., None]) -> None:
    """Submit the job on what is in the topic, and wait until it has finished."""
    job_id = _submit(stack, database_url, "--stop-at-end")
    wait_until(lambda: _state(stack.flink_url, job_id) in ("FINISHED", "FAILED"), what="the end of the job")
    assert _state(stack.flink_url, job_id) == "FINISHED"


def _state(flink_url: str, job_id: str) -> str:
    return next(job.state for job in list_jobs(flink_url) if job.job_id == job_id)


def _submit(stack: StackStatus, database_url: str, *options: str) -> str:
    addresses = Addresses(home=stack.home, kafka=stack.kafka, flink=stack.flink_url, database_url=database_url)
    return Submission(addresses=addresses, topic=TOPIC, job_options=options).run(lambda _: None)


def _read_rows(database_url: str) -> dict[str, list[Row]]:
    query = "SELECT to_jsonb(w) - 'scored_at' FROM window_scores AS w ORDER BY connection_id, last_offset"
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        rows: dict[str, list[Row]] = {}
        for (row,) in cursor.fetchall():
            rows.setdefault(row["connection_id"], []).append(row)
    return rows


def _read_judged(database_url: str) -> Judged:
    """Read the verdict of each connection, and its events in order."""
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT connection_id, to_jsonb(v) - 'updated_at' FROM connection_verdicts AS v")
        verdicts = dict(cursor.fetchall())
        cursor.execute("SELECT to_jsonb(e) - 'written_at' FROM connection_events AS e ORDER BY last_offset")
        events: dict[str, list[Row]] = {}
        for (event,) in cursor.fetchall():
            events.setdefault(event["connection_id"], []).append(event)
    return verdicts, events


@pytest.fixture(scope="module")
def rows(
    played: Played, local_stack: StackStatus, database_url: str, wait_until: Callable[..., None]
) -> dict[str, list[Row]]:
    migrate(database_url)
    _run_to_the_end(local_stack, database_url, wait_until)
    return _read_rows(database_url)


def test_every_connection_has_a_row_for_each_window(played: Played, rows: dict[str, list[Row]]) -> None:
    expected = {s.connection_id: (len(s) - 50) // 25 + 1 for s in played.sessions if len(s) >= 50}
    assert {name: len(found) for name, found in rows.items()} == expected


def test_every_column_equals_the_offline_computation(played: Played, rows: dict[str, list[Row]]) -> None:
    predictor = load_predictor(DEFAULT_ARTIFACT)
    for session in played.sessions:
        windows = session_windows(session)
        positions = played.offsets[session.connection_id]
        offsets = slide(np.array([offset for _, offset in positions]))
        expected = score_rows(windows, offsets, score_windows(windows, predictor), predictor.model_version)
        expected = expected[list(SCORE_COLUMNS)]
        found = rows.get(session.connection_id, [])
        for n, (want, got, offset) in enumerate(zip(expected.to_dict("records"), found, offsets, strict=True)):
            times = {name: datetime.fromisoformat(str(got[name])) for name in ("window_start_at", "window_end_at")}
            assert got | times == {
                **want,
                "connection_id": session.connection_id,
                "kafka_partition": positions[0][0],
                "last_offset": int(offset[-1]),
                "declared_exchange": played.declared[session.connection_id][25 * n + 49],
                "probabilities": json.loads(want["probabilities"]),
                "window_start_at": datetime.fromisoformat(want["window_start_at"]),
                "window_end_at": datetime.fromisoformat(want["window_end_at"]),
            }


@pytest.fixture(scope="module")
def judged(rows: dict[str, list[Row]], database_url: str) -> Judged:
    return _read_judged(database_url)


def test_verdicts_and_events_equal_the_offline_computation(played: Played, judged: Judged, remembered: Walk) -> None:
    verdicts, events = judged
    kinds, certainties = Counter(), Counter()
    for session in played.sessions:
        name = session.connection_id
        verdict, changes = remembered(session, played.declared[name], played.offsets[name])
        assert verdicts.get(name) == verdict
        assert events.get(name, []) == changes
        kinds.update((event["kind"], event["previous_verdict"] is None) for event in changes)
        certainties.update([verdict["certainty"]] if verdict else [])
    # The sample holds every kind, changes among them, and connections that never became certain.
    assert {kind for kind, _ in kinds} == {"named", "mismatch", "stranger"}
    assert {is_first for _, is_first in kinds} == {True, False}
    assert len(certainties) > 1


def test_a_changed_claim_is_an_event_of_its_own(played: Played, judged: Judged) -> None:
    claims = [event["declared_exchange"] for event in judged[1][played.changed]]
    assert len(set(claims)) == 2


def test_a_verdict_outlives_windows_that_do_not_uphold_it(played: Played, judged: Judged) -> None:
    """What stands is an aggregate that passes over NULLs: at the last window of some connections it is NULL."""
    predictor, outlived = load_predictor(DEFAULT_ARTIFACT), 0
    for name in (name for name, verdict in judged[0].items() if verdict["certainty"] == "certain"):
        (session,) = (session for session in played.sessions if session.connection_id == name)
        evidence = evidence_millinats(score_windows(session_windows(session), predictor).probabilities)
        decided = running_decisions(evidence, predictor.decision_rule)
        is_first = not (decided.decisive[:-1] >= 0).any()
        outlived += not is_first and not decided.overturns[-1]
    assert outlived


def test_score_prints_what_the_job_wrote(rows: dict[str, list[Row]], judged: Judged, captures: Path) -> None:
    predictor = load_predictor(DEFAULT_ARTIFACT)
    of_window = ("connection_id", "predicted_exchange", "confidence", "probabilities", "unknown_score", "fingerprint")
    of_verdict = ("verdict", "certainty", "probability", "strength_nats", "certain_after_messages", "windows")
    of_event = ("previous_verdict", "verdict", "messages", "windows", "strength_nats", "probability")
    n_events = 0
    for path in sorted(captures.rglob("KRAKEN*.jsonl.gz")):
        scored = score_capture([path], predictor)
        name, printed, summary = scored.connection_id, scored.window_summaries(), scored.summary()
        found, verdict, events = rows[name], judged[0][name], judged[1].get(name, [])
        assert [_only(of_window, p) for p in printed] == [_only(of_window, r) for r in found]
        ends = [[datetime.fromisoformat(str(line["window_end_at"])) for line in lines] for lines in (printed, found)]
        assert ends[0] == ends[1]
        assert count_windows(scored.messages) == len(found)
        assert _only((*of_verdict, "fingerprint"), summary) == _only((*of_verdict, "fingerprint"), verdict)
        assert [_only(of_event, e) for e in summary["events"]] == [_only(of_event, e) for e in events]
        n_events += len(events)
    assert n_events


def _only(names: Sequence[str], row: Row) -> Row:
    return {name: row[name] for name in names}


def test_what_is_no_message_is_in_the_dead_letter_topic(
    played: Played, rows: dict[str, list[Row]], read_records: Callable[[str], Iterator[Any]]
) -> None:
    letters = []
    for record in read_records(DEAD_LETTER_TOPIC):
        headers = {name: value.decode() for name, value in record.headers}
        place = (int(headers["source_partition"]), int(headers["source_offset"]))
        letters.append((place, headers["reason"], record.value))
    expected = {(p, o): (BAD_RECORDS[value], value) for p, o, value in played.bad}
    assert sorted(place for place, _, _ in letters) == sorted(expected)
    for place, reason, value in letters:
        assert reason == expected[place][0]
        assert value == (expected[place][1] if reason == "not a JSON object" else None)


def test_running_again_changes_nothing_and_calls_python_once_a_batch(
    rows: dict[str, list[Row]],
    judged: Judged,
    local_stack: StackStatus,
    database_url: str,
    wait_until: Callable[..., None],
    flink_job: Callable[[str], tuple[list[str], dict[str, float]]],
) -> None:
    n_windows = sum(map(len, rows.values()))
    flink = local_stack.flink_url
    job_id = _submit(local_stack, database_url)
    try:
        for counter in ("windows_scored", "windows_decided"):
            wait_until(lambda name=counter: flink_job(job_id)[1].get(name) == n_windows, what=f"{n_windows} {counter}")
        # The same rows are written again, but verdicts pass through what they were.
        wait_until(lambda: _read_judged(database_url) == judged, what="the same verdicts")
        names, counted = flink_job(job_id)
        assert find_running_job(flink) is not None
    finally:
        requests.patch(f"{flink}/jobs/{job_id}", params={"mode": "cancel"}, timeout=10)
        wait_until(lambda: find_running_job(flink) is None, what=f"the end of {JOB_NAME}")
    # A bundle holds up to 2,000 windows; that every call had many shows that none is made for a window or a message.
    assert counted["batches_scored"] <= n_windows / 20
    assert counted["verdicts_explained"] == sum(e["kind"] != "named" for events in judged[1].values() for e in events)
    words = Counter(word for name in names for word in ("Calc[", "OverAggregate[", "Constraint") if word in name)
    assert not words
    shown = " ".join(names)
    # What several tables read runs once for all.
    shared = [name for start, _, name in OPERATOR_NAMES if start in ("KafkaSource", "OverAggregate", "PythonCalc")]
    assert {name: shown.count(name) for name in shared} == dict.fromkeys(shared, 1)
    assert [name for _, _, name in OPERATOR_NAMES if name not in shown] == []
    assert _read_rows(database_url) == rows
