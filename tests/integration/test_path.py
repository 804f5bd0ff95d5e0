"""Recordings, synthetic sessions and rubbish through Kafka, Flink and PostgreSQL, against the same scored offline."""

from __future__ import annotations

import json
import re
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

from ingest.kafka.broker import ensure_topics
from ingest.kafka.session_publisher import publish
from ingest.recordings.capture import read_capture
from jobs.cluster.flink_client import find_running_job
from jobs.cluster.service_addresses import Addresses
from jobs.cluster.submission import Submission
from jobs.config import DEAD_LETTER_TOPIC, JOB_NAME
from jobs.pipeline.operator_names import OPERATOR_NAMES
from jobs.reference.health import health_events
from jobs.reference.scored_captures import score_capture
from jobs.results.migrations import migrate
from model.artifact.artifact_folder import load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from model.registry.database import connect
from stack.java.flink_wheel import python_jar
from stack.java.functions_jar import FUNCTIONS_JAR
from stack.stack_status import StackStatus
from udfs.rows import SCORE_COLUMNS, iso_timestamps, read_array_literal, score_rows
from udfs.schema import SESSION_COLUMNS, Session
from udfs.scoring import score_windows
from udfs.verdicts import evidence_millinats, running_decisions
from udfs.windows import IDLE_GAP_NS, count_windows, segments, session_windows, slide_segments

TOPIC = "path_messages"

GOOD = {"connection_id": "c", "recv_ts_ns": 10**18, "msg_type": "NEW"}


def _bad(**fields: object) -> bytes:
    return json.dumps(GOOD | fields).encode()


_NO_ID = "connection_id is not a string of 1 to 128 printable characters"
_NO_TIME = "recv_ts_ns is not an integer of nanoseconds from 2000 to 2099"
_NO_EXCHANGE = "declared_exchange is not a string of 1 to 64 printable characters"
BAD_RECORDS: list[tuple[bytes | None, bytes | None, str]] = [
    (b"c", None, "null value"),
    (b"c", b" " * 65_537, "larger than 64 KiB"),
    (b"c", b" " * 1_000_001, "larger than 64 KiB"),
    (b"c", b'{"connection_id": "\xff"}', "not UTF-8"),
    (b"c", b'{"connection_id": "\xed\xa0\x80"}', "not UTF-8"),
    (b"c", b"\xff\xfe\x00", "not UTF-8"),
    (b"c", b"", "not JSON"),
    (b"c", b"no json", "not JSON"),
    (b"c", _bad()[:-1], "not JSON"),
    (b"c", _bad() + b"\x00", "not JSON"),
    (b"c", b"\xef\xbb\xbf" + _bad(), "not JSON"),
    (b"c", _bad().decode().encode("utf-16-le"), "not JSON"),
    (b"c", b'{"further": ' + b"[" * 500 + b"]" * 500 + b"}", "not JSON"),
    (b"c", _bad() + _bad(), "more than one JSON value"),
    (b"c", b'["connection_id"]', "not a JSON object"),
    (b"c", b"null", "not a JSON object"),
    (b"c", b'{"recv_ts_ns": 1, "msg_type": "NEW"}', "no connection_id"),
    (b"c", _bad(connection_id=None), "no connection_id"),
    (b"c", _bad(connection_id=7), _NO_ID),
    (b"", _bad(connection_id=""), _NO_ID),
    (b"c" * 129, _bad(connection_id="c" * 129), _NO_ID),
    (b"c\x00", _bad(connection_id="c\x00"), _NO_ID),
    (b"c", _bad(connection_id="\ud800"), _NO_ID),
    (b"c", b'{"connection_id": "c", "msg_type": "NEW"}', "no recv_ts_ns"),
    (b"c", _bad(recv_ts_ns="soon"), _NO_TIME),
    (b"c", _bad(recv_ts_ns=1.0), _NO_TIME),
    (b"c", _bad(recv_ts_ns=-1), _NO_TIME),
    (b"c", _bad(recv_ts_ns=1_794_000_000), _NO_TIME),
    (b"c", _bad(recv_ts_ns=1_794_000_000_000), _NO_TIME),
    (b"c", _bad(recv_ts_ns=1_794_000_000_000_000), _NO_TIME),
    (b"c", _bad(recv_ts_ns=946_684_799_999_999_999), _NO_TIME),
    (b"c", _bad(recv_ts_ns=4_102_444_800_000_000_000), _NO_TIME),
    (b"c", _bad(recv_ts_ns=2**64 + 1), _NO_TIME),
    (b"c", _bad(msg_type=None), "no msg_type"),
    (b"c", _bad(msg_type="MAYBE"), "msg_type is not NEW, ACK, NACK, HEARTBEAT or OTHER"),
    (b"c", _bad(exchange_ts_ns=[1]), "exchange_ts_ns is not a 64-bit integer"),
    (b"c", _bad(seq=-(2**63)), "seq is not a 64-bit integer"),
    (b"c", _bad(seq=True), "seq is not a 64-bit integer"),
    (b"c", _bad(prev_seq="1"), "prev_seq is not a 64-bit integer"),
    (b"c", _bad(request_id=2**63), "request_id is not a 64-bit integer"),
    (b"c", _bad(payload_bytes=-1), "payload_bytes is not an integer of 0 or more"),
    (b"c", _bad(declared_exchange="k" * 65), _NO_EXCHANGE),
    (b"c", _bad(declared_exchange=""), _NO_EXCHANGE),
    (b"c", _bad(declared_exchange="kra\x00ken"), _NO_EXCHANGE),
    (None, _bad(), "no key"),
    (b"d", _bad(), "key is not the connection_id"),
    (b"\xff", _bad(), "key is not the connection_id"),
    (b"k" * 10_001, _bad(), "key is not the connection_id"),
]
"""Key, value, and why that is no message."""

GOOD_RECORDS = [
    _bad(further=[{"connection_id": 1}, "\ud800"], exchange_ts_ns=None, declared_exchange=None),
    b'{"recv_ts_ns": "overwritten", "connection_id": "c", "recv_ts_ns": 4102444799999999999, "msg_type": "OTHER"}',
    _bad(recv_ts_ns=946_684_800_000_000_000),
    _bad(seq=-(2**63) + 1, request_id=2**63 - 1, payload_bytes=2**40, declared_exchange="\U0001f600" * 64),
]
"""Odd, but messages, of a connection that has too few for a window."""

LONGEST_KEY_BYTES, LONGEST_VALUE_BYTES = 10_000, 65_536

Row = dict[str, Any]
Judged = tuple[dict[str, Row], dict[str, list[Row]]]
Walk = Callable[..., tuple[Row | None, list[Row]]]


@dataclass(frozen=True)
class Played:
    """What was put into the topic."""

    sessions: list[Session]
    declared: dict[str, list[str | None]]
    offsets: dict[str, list[tuple[int, int]]]
    changed: str
    silent: str
    recorded: set[str]
    bad: dict[tuple[int, int], tuple[bytes | None, bytes | None, str]]


@pytest.fixture(scope="module")
def played(
    local_stack: StackStatus,
    recordings: list[Path],
    drawn_sessions: list[Session],
    sick_sessions: list[Session],
    read_records: Callable[[str], Iterator[Any]],
) -> Played:
    """Publish everything once, rubbish in the middle, and read back which offset each message got."""
    read = [read_capture(path) for path in recordings]
    # One was recorded by a clock that began with its machine: its times are none of messages.
    recorded = [session for session in read if session.recv_ts_ns[0] >= 946_684_800 * 10**9]
    sessions = [*recorded, *sick_sessions, *drawn_sessions]
    declared = {session.connection_id: [session.declared_exchange] * len(session) for session in sessions}
    ensure_topics(local_stack.kafka, [TOPIC, DEAD_LETTER_TOPIC], 4)
    half = len(sessions) // 2
    _publish(local_stack.kafka, sessions[:half])
    bad = _publish_rubbish(local_stack.kafka)
    _publish(local_stack.kafka, sessions[half:])
    # One connection goes on, but claims to be somebody else; another one does after two hours of silence.
    changed, silent = drawn_sessions[0], drawn_sessions[1]
    for one, pause_ns in ((changed, 10**12), (silent, 2 * IDLE_GAP_NS)):
        more = replace(one, declared_exchange="coinbase", recv_ts_ns=one.recv_ts_ns + pause_ns)
        _publish(local_stack.kafka, [more])
        declared[one.connection_id] += ["coinbase"] * len(more)
        twice = {name: np.tile(getattr(one, name), 2) for name in SESSION_COLUMNS}
        twice["recv_ts_ns"] = np.concatenate([one.recv_ts_ns, more.recv_ts_ns])
        sessions = [replace(s, **twice) if s is one else s for s in sessions]
    offsets: dict[str, list[tuple[int, int]]] = {}
    for record in read_records(TOPIC):
        if (record.partition, record.offset) in bad or record.key == b"c":
            continue
        offsets.setdefault(record.key.decode(), []).append((record.partition, record.offset))
    names = {"changed": changed.connection_id, "silent": silent.connection_id}
    names_recorded = {session.connection_id for session in recorded}
    return Played(sessions=sessions, declared=declared, offsets=offsets, recorded=names_recorded, bad=bad, **names)


def _publish(kafka: str, sessions: list[Session]) -> None:
    report = publish(sessions, bootstrap_servers=kafka, topic=TOPIC, speed=None, progress=lambda _: None)
    assert report.messages == sum(map(len, sessions))


def _publish_rubbish(kafka: str) -> dict[tuple[int, int], tuple[bytes | None, bytes | None, str]]:
    with KafkaProducer(bootstrap_servers=kafka) as producer:
        sent = [(producer.send(TOPIC, key=bad[0], value=bad[1]).get(timeout=60), bad) for bad in BAD_RECORDS]
        for value in GOOD_RECORDS:
            producer.send(TOPIC, key=b"c", value=value).get(timeout=60)
    return {(metadata.partition, metadata.offset): bad for metadata, bad in sent}


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
def rows(played: Played, run_to_the_end: Callable[[str, str], None], database_url: str) -> dict[str, list[Row]]:
    migrate(database_url)
    run_to_the_end(TOPIC, database_url)
    return _read_rows(database_url)


@pytest.mark.usefixtures("rows")
def test_no_job_brings_the_jar_that_the_local_cluster_has(local_stack: StackStatus) -> None:
    brought = {path.stat().st_size for path in local_stack.home.glob("flink/tmp/taskmanager/**/blob_p-*")}
    assert FUNCTIONS_JAR.stat().st_size in brought
    assert python_jar().stat().st_size not in brought


def test_every_connection_has_a_row_for_each_window(played: Played, rows: dict[str, list[Row]]) -> None:
    lengths = {s.connection_id: [part.stop - part.start for part in segments(s.recv_ts_ns)] for s in played.sessions}
    # They make 24 windows each, where 1,266 messages would make 49.
    assert lengths[played.silent] == [633, 633]
    expected = {name: sum((n - 50) // 25 + 1 for n in ns if n >= 50) for name, ns in lengths.items()}
    assert {name: len(found) for name, found in rows.items()} == {name: n for name, n in expected.items() if n}


def test_every_column_equals_the_offline_computation(played: Played, rows: dict[str, list[Row]]) -> None:
    predictor = load_predictor(DEFAULT_ARTIFACT)
    for session in played.sessions:
        windows = session_windows(session)
        positions = played.offsets[session.connection_id]
        parts = segments(session.recv_ts_ns)
        offsets = slide_segments(np.array([offset for _, offset in positions]), parts)
        last = slide_segments(np.arange(len(session)), parts)[:, -1]
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
                "declared_exchange": played.declared[session.connection_id][last[n]],
                "probabilities": json.loads(want["probabilities"]),
                "features": read_array_literal(want["features"]),
                "window_start_at": datetime.fromisoformat(want["window_start_at"]),
                "window_end_at": datetime.fromisoformat(want["window_end_at"]),
            }


@pytest.fixture(scope="module")
def judged(rows: dict[str, list[Row]], database_url: str) -> Judged:
    return _read_judged(database_url)


def _walked(row: Row, walk: Row) -> Row:
    """Keep of a row what a walk states; other columns are compared between the job and `jobs.reference`."""
    return {name: row[name] for name in walk}


def test_verdicts_and_events_equal_the_offline_computation(played: Played, judged: Judged, remembered: Walk) -> None:
    verdicts, events = judged
    kinds, certainties = Counter(), Counter()
    for session in played.sessions:
        name = session.connection_id
        verdict, changes = remembered(session, played.declared[name], played.offsets[name])
        assert (name in verdicts) == (verdict is not None)
        if verdict is not None:
            assert _walked(verdicts[name], verdict) == verdict
        assert [_walked(*both) for both in zip(events.get(name, []), changes, strict=True)] == changes
        kinds.update((event["kind"], event["previous_verdict"] is None) for event in changes)
        certainties.update([verdict["certainty"]] if verdict else [])
    # The sample holds every kind, changes among them, and connections that never became certain.
    assert {kind for kind, _ in kinds} == {"named", "mismatch", "unknown_venue"}
    assert {is_first for _, is_first in kinds} == {True, False}
    assert len(certainties) > 1


def test_a_changed_claim_is_an_event_of_its_own(played: Played, judged: Judged) -> None:
    claims = [event["declared_exchange"] for event in judged[1][played.changed]]
    assert len(set(claims)) == 2


def test_a_verdict_starts_anew_after_an_idle_gap(played: Played, judged: Judged) -> None:
    verdict, events = judged[0][played.silent], judged[1][played.silent]
    again = [event["messages"] for event in events if event["previous_verdict"] is None]
    assert len(again) == 2
    assert (verdict["messages"], verdict["windows"]) == (625, 24)


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


def _read_health(database_url: str) -> tuple[dict[str, list[Row]], dict[str, Row]]:
    """Read what is wrong with each connection, in order, and when it was last heard of."""
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(e) - 'written_at' FROM health_events AS e ORDER BY kafka_offset, kind")
        events: dict[str, list[Row]] = {}
        for (event,) in cursor.fetchall():
            events.setdefault(event["connection_id"], []).append(event)
        cursor.execute("SELECT connection_id, to_jsonb(a) FROM connection_activity AS a")
        return events, dict(cursor.fetchall())


def _in_order(events: list[Row]) -> list[Row]:
    """Sort rows by place, and make times of their times."""
    timed = [{name: _as_time(name, value) for name, value in event.items()} for event in events]
    return sorted(timed, key=lambda event: (event["kafka_offset"], event["kind"]))


def _as_time(name: str, value: object) -> object:
    return datetime.fromisoformat(str(value)) if name.endswith("_at") else value


@pytest.fixture(scope="module")
def health(rows: dict[str, list[Row]], database_url: str) -> tuple[dict[str, list[Row]], dict[str, Row]]:
    return _read_health(database_url)


def test_what_is_wrong_with_connections_equals_the_offline_computation(
    played: Played, health: tuple[dict[str, list[Row]], dict[str, Row]]
) -> None:
    kinds, alarms = Counter[str](), Counter[tuple[str, str]]()
    for session in played.sessions:
        name, places = session.connection_id, played.offsets[session.connection_id]
        expected = health_events(session, np.array([offset for _, offset in places]))
        shared = {"connection_id": name, "kafka_partition": places[0][0]}
        at = {offset: n for n, (_, offset) in enumerate(places)}
        declared = [{"declared_exchange": played.declared[name][at[event["kafka_offset"]]]} for event in expected]
        full = [event | shared | more for event, more in zip(expected, declared, strict=True)]
        assert _in_order(health[0].get(name, [])) == _in_order(full)
        kinds.update(event["kind"] for event in expected)
        alarms.update((name, event["kind"]) for event in expected if name in played.recorded)
    assert kinds.keys() == {"gap", "repeat", "reset", "stall", "data_stall", "heartbeat_stall", "drift"}
    # The examples are made so; that which is switched has no heartbeats any more.
    expected_alarms = {("binance-2", "stall"): 1, ("coinbase-2", "gap"): 1, ("kraken-3", "heartbeat_stall"): 1}
    # Clean recordings: the first does stand still for 31 s, three times as long as the venue's heartbeats allow; the
    # market of the second becomes livelier.
    of_recordings = {
        ("BITTREX__2021-04-05__9e5b8bbd3b", "stall"): 1,
        ("usdm__ethusdt_20240718__1ff3373577", "drift"): 1,
    }
    expected_alarms |= {alarm: n for alarm, n in of_recordings.items() if alarm[0] in played.recorded}
    assert alarms == expected_alarms


def test_connections_say_when_they_were_last_heard_of(
    played: Played, health: tuple[dict[str, list[Row]], dict[str, Row]]
) -> None:
    for session in played.sessions:
        name, (*_, part) = session.connection_id, segments(session.recv_ts_ns)
        times_ns = session.recv_ts_ns[part].tolist()
        buckets = [time_ns // (2 * 10**9) for time_ns in times_ns]
        last = max(n for n in range(len(buckets)) if not n or buckets[n] != buckets[n - 1])
        found = health[1][name]
        assert found["messages"] == last + 1
        assert found["last_offset"] == played.offsets[name][part.start + last][1]
        at = datetime.fromisoformat(str(found["last_recv_at"]))
        assert at == datetime.fromisoformat(iso_timestamps(np.array([times_ns[last]]))[0])
        pauses_s = np.diff(times_ns[: last + 1]) / 1e9
        has_stalled = any(event["kind"] == "stall" for event in health[0].get(name, []))
        if not has_stalled and len(pauses_s) <= 1000:
            limit_s = max(5.0, 4 * float(pauses_s.max(initial=0))) if len(pauses_s) >= 200 else None
            assert found["silence_limit_s"] == pytest.approx(limit_s)


def test_score_prints_what_the_job_wrote(
    rows: dict[str, list[Row]], judged: Judged, kraken_recordings: list[Path]
) -> None:
    predictor = load_predictor(DEFAULT_ARTIFACT)
    of_window = ("connection_id", "predicted_exchange", "confidence", "probabilities", "unknown_score", "signature")
    of_verdict = ("verdict", "certainty", "probability", "strength_nats", "certain_after_messages", "windows")
    of_event = ("previous_verdict", "verdict", "messages", "windows", "strength_nats", "probability")
    n_events = 0
    for path in kraken_recordings:
        scored = score_capture([path], predictor)
        name, printed, summary = scored.connection_id, scored.window_summaries(), scored.summary()
        found, verdict, events = rows[name], judged[0][name], judged[1].get(name, [])
        assert [_only(of_window, p) for p in printed] == [_only(of_window, r) for r in found]
        ends = [[datetime.fromisoformat(str(line["window_end_at"])) for line in lines] for lines in (printed, found)]
        assert ends[0] == ends[1]
        assert count_windows(scored.messages) == len(found)
        assert _only((*of_verdict, "signature"), summary) == _only((*of_verdict, "signature"), verdict)
        assert [_only(of_event, e) for e in summary["events"]] == [_only(of_event, e) for e in events]
        n_events += len(events)
    assert n_events


def _only(names: Sequence[str], row: Row) -> Row:
    return {name: row[name] for name in names}


def test_what_is_no_message_is_in_the_dead_letter_topic(
    played: Played, rows: dict[str, list[Row]], read_records: Callable[[str], Iterator[Any]]
) -> None:
    found = {}
    for record in read_records(DEAD_LETTER_TOPIC):
        headers = dict(record.headers)
        if headers.get("source_topic") == TOPIC.encode():
            place = (int(headers["source_partition"]), int(headers["source_offset"]))
            assert place not in found
            found[place] = (record.key, record.value, headers["reason"].decode())
    assert found == {
        place: (_up_to(LONGEST_KEY_BYTES, key), _up_to(LONGEST_VALUE_BYTES, value), reason)
        for place, (key, value, reason) in played.bad.items()
    }


def _up_to(most_bytes: int, data: bytes | None) -> bytes | None:
    return data if data is None or len(data) <= most_bytes else None


def n_bytes(value: bytes | None) -> int | None:
    """Count bytes as the table does: one more than the longest stands for all that is longer."""
    return None if value is None else min(len(value), LONGEST_VALUE_BYTES + 1)


def test_what_is_no_message_is_in_a_table(played: Played, rows: dict[str, list[Row]], database_url: str) -> None:
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT kafka_partition, kafka_offset, reason, connection_key, n_bytes FROM dead_letters")
        found = {(p, o): row for p, o, *row in cursor.fetchall()}
        cursor.execute("SELECT reason, dead_letters FROM dead_letter_reasons")
        counted = dict(cursor.fetchall())
    unprintable = (None, b"c\x00", b"\xff", b"c" * 129, b"k" * 10_001)
    assert found == {
        place: [reason, None if key in unprintable else str(key, "utf-8"), n_bytes(value)]
        for place, (key, value, reason) in played.bad.items()
    }
    assert counted == Counter(reason for _, _, reason in BAD_RECORDS)


@pytest.mark.slow
def test_running_again_changes_nothing_and_calls_python_once_a_batch(
    rows: dict[str, list[Row]],
    judged: Judged,
    health: tuple[dict[str, list[Row]], dict[str, Row]],
    local_stack: StackStatus,
    database_url: str,
    wait_until: Callable[..., None],
    flink_job: Callable[[str], tuple[list[str], dict[str, float]]],
) -> None:
    n_windows = sum(map(len, rows.values()))
    stack, flink = local_stack, local_stack.flink_url
    addresses = Addresses(home=stack.home, kafka=stack.kafka, flink=flink, database_url=database_url)
    job_id = Submission(addresses=addresses, topic=TOPIC).run(lambda _: None)
    try:
        for counter in ("windows_scored", "windows_decided"):
            wait_until(lambda name=counter: flink_job(job_id)[1].get(name) == n_windows, what=f"{n_windows} {counter}")
        refused = Counter(f"reason.{re.sub('[ .:,]', '_', reason)}.dead_letters" for _, _, reason in BAD_RECORDS)
        wait_until(
            lambda: _refused(flink_job(job_id)[1]) == refused,
            what="the counters of dead letters",
            found=lambda: _refused(flink_job(job_id)[1]),
        )
        # The same rows are written again, but verdicts pass through what they were.
        wait_until(lambda: _read_judged(database_url) == judged, what="the same verdicts")
        wait_until(lambda: _read_health(database_url) == health, what="the same health")
        names, counted = flink_job(job_id)
        assert find_running_job(flink) is not None
    finally:
        requests.patch(f"{flink}/jobs/{job_id}", params={"mode": "cancel"}, timeout=60)
        wait_until(lambda: find_running_job(flink) is None, what=f"the end of {JOB_NAME}")
    # A bundle holds up to 2,000 windows; that every call had many shows that none is made for a window or a message.
    assert counted["batches_scored"] <= n_windows / 20
    assert counted["verdicts_explained"] == sum(e["kind"] != "named" for events in judged[1].values() for e in events)
    planners = ("Calc[", "ProcessTableFunction[", "Constraint")
    assert not [name for name in names if any(word in name for word in planners)]
    shown = " ".join(names)
    # What several tables read runs once for all.
    once = ("KafkaSource", "ProcessTableFunction", "PythonCalc")
    shared = [name for start, _, name in OPERATOR_NAMES if start in once]
    assert {name: shown.count(name) for name in shared} == dict.fromkeys(shared, 1)
    assert [name for _, _, name in OPERATOR_NAMES if name not in shown] == []
    assert _read_rows(database_url) == rows


def _refused(counters: dict[str, float]) -> dict[str, float]:
    return {name: n for name, n in counters.items() if name.endswith(".dead_letters")}
