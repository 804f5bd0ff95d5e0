"""Every frame of every recording that the tests may read goes through the mapper."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import ingest
from fingerprint_testing.marks import needs_captures
from fingerprint_testing.paths import CAPTURES
from ingest.recordings.capture import read_capture, read_frames
from udfs.schema import MISSING, SESSION_COLUMNS, MsgType, Session

pytestmark = needs_captures


@dataclass(frozen=True)
class Recording:
    file: str
    label: str
    market: str
    received: int
    sent: int
    seconds: float
    session: Session
    directions: list[str]

    @property
    def venue(self) -> str:
        return f"{self.label} {self.market}"

    def count(self, msg_type: MsgType) -> int:
        return int((self.session.msg_type == msg_type).sum())


@cache
def recordings() -> list[Recording]:
    with (CAPTURES / "index.csv").open(encoding="utf-8", newline="") as file:
        return [
            Recording(
                file=row["file"],
                label=row["label"],
                market=row["market"],
                received=int(row["frames"]),
                sent=int(row["sent"]),
                seconds=float(row["seconds"]),
                session=read_capture(CAPTURES / row["file"]),
                directions=[frame.direction for frame in read_frames(CAPTURES / row["file"])],
            )
            for row in csv.DictReader(file)
        ]


def test_every_frame_becomes_a_message() -> None:
    """Print the types of each venue's messages (`pytest -s`)."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for recording in recordings():
        assert len(recording.session) == recording.received + recording.sent, recording.file
        assert Counter(recording.directions)["send"] == recording.sent, recording.file
        for msg_type in MsgType:
            counts[recording.venue][msg_type.name] += recording.count(msg_type)
    print(f"\n{'':28}" + "".join(f"{msg_type.name:>10}" for msg_type in MsgType))
    for venue, by_type in sorted(counts.items()):
        print(f"{venue:28}" + "".join(f"{by_type[msg_type.name]:10,}" for msg_type in MsgType))
    n_frames = sum(recording.received + recording.sent for recording in recordings())
    assert sum(by_type.total() for by_type in counts.values()) == n_frames


def test_what_is_sent_is_a_request_or_a_heartbeat() -> None:
    for recording in recordings():
        sent = np.array(recording.directions) == "send"
        assert set(recording.session.msg_type[sent]) <= {MsgType.NEW, MsgType.HEARTBEAT}, recording.file
        assert (recording.session.seq[sent] == MISSING).all(), recording.file
        assert (recording.session.exchange_ts_ns[sent] == MISSING).all(), recording.file


def test_times_span_what_the_index_says() -> None:
    for recording in recordings():
        received = recording.session.recv_ts_ns[np.array(recording.directions) == "recv"]
        seconds = (int(received.max()) - int(received.min())) / 10**9
        assert seconds == pytest.approx(recording.seconds, abs=0.06), recording.file


def test_no_recording_holds_an_error() -> None:
    assert [recording.file for recording in recordings() if recording.count(MsgType.NACK)] == []


def test_little_of_what_is_received_tells_nothing() -> None:
    for recording in recordings():
        assert recording.count(MsgType.OTHER) < 0.1 * recording.received, recording.file


@pytest.mark.parametrize(
    ("label", "market", "types"),
    [
        ("binance", "spot", {MsgType.NEW}),  # streams are named in the address, and pings are no frames
        ("binance", "usdm-futures", {MsgType.NEW}),
        ("coinbase", "exchange-feed", {MsgType.NEW, MsgType.ACK}),
        ("kraken", "spot", {MsgType.NEW, MsgType.ACK, MsgType.HEARTBEAT, MsgType.OTHER}),
        ("kraken", "spot-v2", {MsgType.NEW, MsgType.ACK, MsgType.HEARTBEAT, MsgType.OTHER}),
    ],
)
def test_the_types_of_a_venue(label: str, market: str, types: set[MsgType]) -> None:
    chosen = [recording for recording in recordings() if (recording.label, recording.market) == (label, market)]
    if not chosen:
        pytest.skip(f"no recording of {label} {market}")
    for recording in chosen:
        assert {MsgType(code) for code in recording.session.msg_type} == types, recording.file


def test_a_heartbeat_a_second_where_the_interface_promises_one() -> None:
    for recording in recordings():
        if recording.label == "kraken" and recording.received < 1_000:  # busy subscriptions need fewer
            assert recording.count(MsgType.HEARTBEAT) == pytest.approx(recording.seconds, rel=0.02), recording.file


def test_a_file_s_name_changes_nothing(tmp_path: Path) -> None:
    """Each recording is replayed under the name of another venue's."""
    names = [Path(recording.file).name for recording in recordings()]
    for number, recording in enumerate(recordings()):
        other = tmp_path / names[(number + len(names) // 2) % len(names)]
        other.symlink_to((CAPTURES / recording.file).resolve())
        session = read_capture(other)
        for column in SESSION_COLUMNS:
            np.testing.assert_array_equal(getattr(session, column), getattr(recording.session, column))


def test_the_mapper_names_no_venue() -> None:
    """Whole files, comments included; the venues are the index's."""
    markets = {recording.market for recording in recordings() if recording.label == "unknown"}
    labels = {recording.label for recording in recordings()} - {"unknown"}
    venues = {market.split("_")[0].lower() for market in markets} | labels
    assert len(venues) > 10
    pattern = re.compile("|".join(map(re.escape, sorted(venues))), re.IGNORECASE)
    for module in (Path(ingest.__file__).parent / "mapping").glob("*.py"):
        assert pattern.findall(module.read_text("utf-8")) == [], module
