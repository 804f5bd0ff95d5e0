"""`ingest` and `record` as a user starts them, against a venue of our own that says what real ones said, into Kafka."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import requests
import yaml

from fingerprint_testing.paths import CAPTURES
from ingest.adapters.adapter import Adapter
from ingest.adapters.registry import ADAPTERS
from ingest.frame import Frame
from ingest.kafka.broker import ensure_topics
from ingest.kafka.message_json import encode_one
from ingest.mapping.frame_mapper import map_frame
from ingest.recordings.capture import read_capture, read_frames
from jobs.reference.scored_captures import score_capture, verdict_of
from model.artifact.artifact_folder import load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from stack.ports import free_port
from stack.stack_status import StackStatus, read_status
from udfs.schema import MISSING, SESSION_COLUMNS, MsgType, Session
from udfs.scoring import score_windows
from udfs.windows import session_windows

FINGERPRINT = Path(sys.executable).with_name("fingerprint")
ADAPTER_DATA = Path(__file__).parents[1] / "ingest" / "adapters" / "data"
N_FRAMES = 1500
REAL_TIME_S = 18.0
TOO_LATE_S = 0.1
"""On an idle machine frames arrive within milliseconds."""

Open = Callable[..., Any]
Read = Callable[[str], Iterator[Any]]


@dataclass
class Ingest:
    """A running command; leaving it stops it as Ctrl-C does, and wants it to have ended well."""

    arguments: Sequence[str]
    environment: dict[str, str]
    output: str = field(default="", init=False)

    def __enter__(self) -> Ingest:
        command = [str(FINGERPRINT), *self.arguments]
        environment = {**self.environment, "NO_PROXY": "*"}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, env=environment, stdout=pipe, stderr=subprocess.STDOUT, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.output, _ = self.process.communicate(timeout=60)
        finally:
            self.process.kill()
        assert self.process.returncode == 0, self.output


@dataclass(frozen=True)
class Case:
    """An interface of a listed venue, frames that the venue's pages print, and a recording of it where there is one."""

    adapter: Adapter
    api: str
    n_requests: int
    recording: str | None
    printed_frames: tuple[str, ...]

    @property
    def arguments(self) -> tuple[str, ...]:
        return self.adapter.name, "--symbol", self.adapter.symbol, "--api", self.api

    @property
    def topic(self) -> str:
        return f"live_{self.adapter.name}_{self.api}"


def case_of(adapter: Adapter, api: str) -> Case:
    data = yaml.safe_load((ADAPTER_DATA / f"{adapter.name}.yaml").read_text("utf-8"))[api]
    n_requests = len(data["feed"].get("requests", ()))
    return Case(adapter, api, n_requests, data.get("recording"), tuple(data["frames"]))


CASES = [case_of(adapter, api) for adapter in ADAPTERS for api in adapter.api_names]
BINANCE_SPOT = next(case for case in CASES if (case.adapter.name, case.api) == ("binance", "spot"))


def frames_of(case: Case) -> list[Frame]:
    if case.recording is None or not (CAPTURES / case.recording).exists():
        return [Frame(i, "recv", text) for i, text in enumerate(islice(cycle(case.printed_frames), N_FRAMES))]
    received = (frame for frame in read_frames(CAPTURES / case.recording) if frame.direction == "recv")
    return list(islice(received, N_FRAMES))


def talk_and_leave(frames: Sequence[Frame], n_requests: int, how: str) -> Callable[[Any], Any]:
    """Wait to be asked, say everything, ping once, and leave."""

    async def script(peer: Any) -> None:
        await peer.wait_received(n_requests)
        await peer.play(frames)
        await peer.ping(b"still there?")
        while not peer.pongs:
            await asyncio.sleep(0.01)
        await (peer.close(1001) if how == "close" else drop(peer))

    async def drop(peer: Any) -> None:
        peer.drop()

    return script


def talk(frames: Sequence[Frame], n_requests: int) -> Callable[[Any], Any]:
    """Wait to be asked, say everything, ping once, and stay; it is done when all has arrived."""

    async def script(peer: Any) -> None:
        await peer.wait_received(n_requests)
        await peer.play(frames)
        await peer.ping(b"still there?")
        while not peer.pongs:
            await asyncio.sleep(0.01)

    return script


def messages_by_connection(records: Iterator[Any]) -> dict[str, list[dict[str, Any]]]:
    """Collect the messages of each connection in the order of its partition; keys and values must agree.

    Behind the last message of one that ended as it should, a record without a value says so.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    ended = set()
    for record in records:
        assert record.key.decode() not in ended
        if record.value is None:
            ended.add(record.key.decode())
            continue
        message = json.loads(record.value)
        assert record.key.decode() == message["connection_id"]
        found.setdefault(message["connection_id"], []).append(message)
    return found


def expected_of(texts: Sequence[str], direction: Any, connection_id: str, declared: str) -> list[dict[str, Any]]:
    return [
        json.loads(encode_one(map_frame(text, direction, 0), connection_id, declared)) | {"recv_ts_ns": None}
        for text in texts
    ]


def without_times(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [message | {"recv_ts_ns": None} for message in messages]


def is_sent(message: dict[str, Any], requests: Sequence[dict[str, Any]]) -> bool:
    return message | {"recv_ts_ns": None} in requests


@pytest.fixture
def ingest(stack_environment: dict[str, str]) -> Callable[..., Ingest]:
    """Return a function of the command's arguments."""
    return lambda *arguments: Ingest(arguments, stack_environment)


def test_every_adapter_delivers_all_in_order_over_two_ends(
    local_stack: StackStatus,
    open_venue: Open,
    ingest: Callable[..., Ingest],
    read_records: Read,
    wait_until: Callable[..., None],
) -> None:
    ensure_topics(local_stack.kafka, [case.topic for case in CASES], 4)
    said = {case: frames_of(case) for case in CASES}
    venues = {
        case: open_venue(
            talk_and_leave(said[case], case.n_requests, "close"),
            talk_and_leave(said[case][::2], case.n_requests, "drop"),
            talk(said[case][:10], case.n_requests),
        )
        for case in CASES
    }
    running = [
        ingest("ingest", *case.arguments, "--url", venue.url.removesuffix("/ws"), "--topic", case.topic)
        for case, venue in venues.items()
    ]
    for command in running:
        command.__enter__()
    try:
        done = lambda: all(len(v.peers) >= 3 and v.peers[2].script_done for v in venues.values())  # noqa: E731
        wait_until(done, what="three sessions of each")
    finally:
        for command in running:
            command.__exit__()
    for case, venue in venues.items():
        found = messages_by_connection(read_records(case.topic))
        assert len(found) >= 3
        # Where the others took long, silence has ended the third session, and the fourth may have been cut short.
        assert [len(peer.texts) for peer in venue.peers[:3]] == [case.n_requests] * 3, "it subscribes anew"
        assert not any(peer.sent for peer in venue.peers[len(found) :])
        for (connection_id, messages), peer in zip(sorted(found.items()), venue.peers, strict=False):
            check_session(connection_id, messages, peer, declared=case.adapter.name)


def check_session(connection_id: str, messages: list[dict[str, Any]], peer: Any, *, declared: str) -> None:
    """Compare a connection's messages with what both sides of it said, in order."""
    requests = expected_of(peer.texts, "send", connection_id, declared)
    received = [message for message in messages if not is_sent(message, requests)]
    assert without_times(received) == expected_of(peer.sent, "recv", connection_id, declared)
    assert [message for message in without_times(messages) if message in requests] == requests
    times = [message["recv_ts_ns"] for message in received]
    assert times == sorted(times)


@pytest.mark.slow
def test_a_broker_that_dies_costs_nothing(
    local_stack: StackStatus,
    open_venue: Open,
    ingest: Callable[..., Ingest],
    read_records: Read,
    wait_until: Callable[..., None],
) -> None:
    ensure_topics(local_stack.kafka, ["live_broker_dies"], 4)
    frames = frames_of(BINANCE_SPOT)

    async def script(peer: Any) -> None:
        await peer.play([frame._replace(ts_ns=i * 8_000_000) for i, frame in enumerate(frames)], speed=1)

    venue = open_venue(script)
    arguments = (*BINANCE_SPOT.arguments, "--url", venue.url.removesuffix("/ws"))
    metrics_port = free_port()
    with ingest("ingest", *arguments, "--topic", "live_broker_dies", "--metrics-port", str(metrics_port)):
        wait_until(lambda: len(venue.peers) == 1 and len(venue.peers[0].sent) > 200, what="the first frames")
        broker = next(part for part in read_status(local_stack.home).parts if part.name == "kafka")
        assert broker.pid is not None
        psutil.Process(broker.pid).kill()
        wait_until(lambda: venue.peers[0].script_done, what="the last frame")
        time.sleep(0.5)
        metrics = requests.get(f"http://127.0.0.1:{metrics_port}/metrics", timeout=10).text
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.2", metrics_port)) != 0, "metrics are served on every address"
    assert f'fingerprint_ingest_frames_total{{direction="recv",feed="binance-spot-btcusdt"}} {N_FRAMES}.0' in metrics
    assert f"fingerprint_ingest_kafka_sent_total {N_FRAMES}.0" in metrics
    wait_until(lambda: read_status(local_stack.home).is_ready, what="the broker's return")
    ((connection_id, messages),) = messages_by_connection(read_records("live_broker_dies")).items()
    assert len(venue.peers) == 1, "the venue noticed nothing"
    assert without_times(messages) == expected_of(venue.peers[0].sent, "recv", connection_id, "binance")


@pytest.mark.slow
def test_live_is_judged_as_the_recording_is(
    local_stack: StackStatus,
    captures: Path,
    tmp_path: Path,
    open_venue: Open,
    ingest: Callable[..., Ingest],
    read_records: Read,
    wait_until: Callable[..., None],
) -> None:
    """Play recordings at their own pace; what is recorded on the way is, bit for bit, what Kafka got."""
    predictor = load_predictor(DEFAULT_ARTIFACT)
    cases = [case for case in CASES if case.recording is not None]
    ensure_topics(local_stack.kafka, [f"{case.topic}_paced" for case in cases], 4)
    venues, running, late = {}, [], []
    for case in cases:
        assert case.recording is not None
        frames = list(read_frames(captures / case.recording))
        played = [frame for frame in frames if frame.ts_ns - frames[0].ts_ns < REAL_TIME_S * 1e9]
        venues[case] = open_venue(paced(played, case.n_requests)), played
        url = ("--url", venues[case][0].url.removesuffix("/ws"))
        recording = ("--record", str(tmp_path / case.topic), "--rotate-mb", "0.1")
        running.append(ingest("ingest", *case.arguments, *url, "--topic", f"{case.topic}_paced", *recording))
    for command in running:
        command.__enter__()
    try:
        wait_until(lambda: all(v.peers and v.peers[0].script_done for v, _ in venues.values()), what="the last frame")
        time.sleep(0.5)
    finally:
        for command in running:
            command.__exit__()
    for case, (_, played) in venues.items():
        # Silence begins another session where the others took long.
        connection_id, messages = min(messages_by_connection(read_records(f"{case.topic}_paced")).items())
        live = to_session(connection_id, messages)
        recorded = read_capture(sorted((tmp_path / case.topic).glob(f"{connection_id}.*")))
        assert recorded.connection_id == connection_id
        for column in SESSION_COLUMNS:
            np.testing.assert_array_equal(getattr(recorded, column), getattr(live, column), err_msg=column)
        if latest_s(live, played) > TOO_LATE_S:
            late.append(case.arguments)
            continue
        verdict = verdict_of(score_windows(session_windows(live), predictor), predictor)
        of_file = score_capture([write_capture(tmp_path / f"{case.topic}.jsonl", played)], predictor).verdict
        assert (verdict.exchange, verdict.certainty) == (of_file.exchange, of_file.certainty), case
    if late:
        pytest.skip(f"this machine was too busy to play {late} at their pace, so their verdicts are not compared")


def latest_s(live: Session, played: Sequence[Frame]) -> float:
    """Return how much later than its predecessors a frame arrived, at worst, than it was recorded."""
    recorded_ns = np.array([frame.ts_ns for frame in played if frame.direction == "recv"])
    arrived_ns = live.recv_ts_ns[-len(recorded_ns) :]
    if len(arrived_ns) < len(recorded_ns):
        return np.inf  # so late that the session was given up as silent
    delays_ns = arrived_ns - recorded_ns
    return float((delays_ns - np.minimum.accumulate(delays_ns)).max() / 1e9)


def paced(frames: Sequence[Frame], n_requests: int) -> Callable[[Any], Any]:
    async def script(peer: Any) -> None:
        await peer.wait_received(n_requests)
        await peer.play(frames, speed=1)

    return script


def to_session(connection_id: str, messages: Sequence[dict[str, Any]]) -> Session:
    """Make a session of messages, one by one."""
    columns = {name: np.full(len(messages), MISSING) for name in SESSION_COLUMNS}
    for i, message in enumerate(messages):
        for name in SESSION_COLUMNS:
            if message.get(name) is not None:
                columns[name][i] = MsgType[message[name]] if name == "msg_type" else message[name]
    return Session(connection_id=connection_id, declared_exchange=None, **columns)


def write_capture(path: Path, frames: Sequence[Frame]) -> Path:
    lines = ({"ts_ns": frame.ts_ns, "dir": frame.direction, "frame": frame.text} for frame in frames)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_recording_is_what_was_said(
    open_venue: Open, ingest: Callable[..., Ingest], tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    subscriptions = tmp_path / "subscribe.jsonl"
    subscriptions.write_text('{"op": "subscribe", "args": ["trades"]}\n{"op": "subscribe", "args": ["book"]}\n')
    texts = [f'{{"n": {i}}}' for i in range(500)] + ["no json", "", "é" * 300]
    frames = [Frame(i, "recv", text) for i, text in enumerate(texts)]
    venue = open_venue(talk_and_leave(frames, 2, "close"), talk(frames[:3], 2))
    arguments = ("generic", "--url", venue.url, "--subscribe", str(subscriptions), "--name", "some-venue")
    with ingest("record", *arguments, "--out", str(tmp_path / "captures")) as command:
        wait_until(lambda: len(venue.peers) == 2 and venue.peers[1].script_done, what="the second session")
    assert "closed by the venue" in command.output
    recorded = sorted((tmp_path / "captures").glob("some-venue-*.jsonl.gz"))
    assert len(recorded) == 2
    for path, peer in zip(recorded, venue.peers, strict=True):
        frames = list(read_frames(path))
        assert [frame.text for frame in frames if frame.direction == "send"] == peer.texts
        assert [frame.text for frame in frames if frame.direction == "recv"] == peer.sent
    manifest = [json.loads(line) for line in (tmp_path / "captures" / "manifest.jsonl").read_text().splitlines()]
    assert Counter(line["file"] for line in manifest) == {path.name: 2 for path in recorded}
