"""Recordings as they are while they are written, after kill -9, and when the disk refuses."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ingest.frame import Frame
from ingest.live.feed import Feed, Sink
from ingest.mapping.frame_mapper import map_frame
from ingest.recordings.capture import read_capture, read_frames
from ingest.recordings.capture_files import find_recordings
from ingest.recordings.recorder import FLUSH_EVERY_S, Recorder
from ingest.recordings.recording_manifest import public_request, public_url, read_manifest
from udfs.errors import ConfigError
from udfs.schema import SESSION_COLUMNS

FEED = Feed(
    name="kraken-v2-btcusd",
    declared_exchange="kraken",
    url="wss://ann:s3cret@ws.kraken.com/v2?streams=a&apikey=k",
    requests=('{"method":"subscribe"}', '{"method":"subscribe","params":{"token":"s3cret"}}'),
    silent_after_s=10,
)
CONNECTION = "kraken-v2-btcusd-20261122T120000.000Z-a1b2"
FIRST = f"{CONNECTION}.part0001.jsonl.gz"
FRAMES = [
    Frame(1_700_000_000_000_000_001, "send", '{"method":"subscribe"}'),
    Frame(1_700_000_000_000_000_002, "recv", "ping"),
    Frame(1_700_000_000_000_000_000, "recv", '{"channel":"book","é€😀":"\\ud83d\u2028\\n"}\r\n'),
    Frame(-5, "recv", ""),
    Frame(2**63 - 1, "recv", "\ud800 \udcff \x00\x1f\x7f"),
    Frame(7, "recv", "\ud83d\ude00 two halves"),
    Frame(8, "recv", "x" * 200_000),
]


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def manifest_lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_bytes().splitlines()]


def record(folder: Path, frames: list[Frame], **options: Any) -> None:
    with Recorder(folder, **options) as recorder:
        recorder.open(CONNECTION, FEED)
        for frame in frames:
            recorder.write(CONNECTION, frame)
        recorder.close(CONNECTION, "closed by us")


def test_a_recorder_is_a_sink(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        sink: Sink = recorder
        assert not sink.full


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    record(tmp_path, FRAMES)
    ((path,),) = find_recordings([tmp_path])
    assert path.name == FIRST
    assert list(read_frames(path)) == FRAMES
    assert read_capture(path).connection_id == CONNECTION


def test_a_recorded_frame_maps_as_the_live_one(tmp_path: Path) -> None:
    record(tmp_path, FRAMES)
    live = [map_frame(frame.text, frame.direction, frame.ts_ns) for frame in FRAMES]
    session = read_capture(tmp_path / FIRST)
    columns = (getattr(session, name).tolist() for name in SESSION_COLUMNS)
    assert list(zip(*columns, strict=True)) == live


def test_the_manifest_of_a_whole_recording(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    record(tmp_path, FRAMES)
    opened, ended = manifest_lines(tmp_path)
    content = (tmp_path / FIRST).read_bytes()
    known = read_manifest(tmp_path)
    assert known == {FIRST: {**opened, **ended}}
    started_at, ended_at = opened.pop("started_at"), ended.pop("ended_at")
    times = [datetime.fromisoformat(text) for text in (started_at, ended_at)]
    assert before.replace(microsecond=0) <= times[0] <= times[1] <= datetime.now(UTC)
    assert opened == {
        "event": "opened",
        "file": FIRST,
        "connection_id": CONNECTION,
        "part": 1,
        "declared_exchange": "kraken",
        "feed": "kraken-v2-btcusd",
        "url": "wss://ws.kraken.com/v2?streams=a&apikey=...",
        "requests": ['{"method":"subscribe"}', "..."],
    }
    assert ended == {
        "event": "ended",
        "file": FIRST,
        "connection_id": CONNECTION,
        "part": 1,
        "received": 6,
        "sent": 1,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "reason": "closed by us",
        "clean": True,
    }


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("wss://stream.binance.com:9443/ws", "wss://stream.binance.com:9443/ws"),
        ("wss://u@h/ws/btcusdt@bookTicker?streams=a@b/c@d", "wss://h/ws/btcusdt@bookTicker?streams=a@b/c@d"),
        ("wss://u:p@h/?token=abc&x", "wss://h/?token=...&x=..."),
        ("ws://[::1]:80/0123456789abcdef0123?q=%20#f", "ws://[::1]:80/...?q=..."),
    ],
)
def test_no_secret_of_an_address_is_shown(url: str, public: str) -> None:
    assert public_url(url) == public


@pytest.mark.parametrize(
    "request_text",
    ['{"op":"auth","args":["k",1,"s"]}', '{"jwt":"x"}', '{"apiKey":1}', '{"a":{"PASSPHRASE":0}}', '{"op":"login"}'],
)
def test_requests_with_credentials_are_withheld(request_text: str) -> None:
    assert public_request(request_text) == "..."


def test_connections_go_to_their_own_files(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        for name in ("a", "b", "silent"):
            recorder.open(name, FEED)
        for n in range(10):
            recorder.write("ab"[n % 2], Frame(n, "recv", str(n)))
        for name in ("b", "a", "silent"):
            recorder.close(name, "done")
    found = find_recordings([tmp_path])
    assert [path.name for (path,) in found] == ["a.part0001.jsonl.gz", "b.part0001.jsonl.gz"]
    assert [[frame.ts_ns for frame in read_frames(parts)] for parts in found] == [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]


def test_rotation(tmp_path: Path) -> None:
    """Text of random digits compresses to about half, so each part of 20 kB holds some 40 kB of it."""
    frames = [Frame(n, "recv", hashlib.sha512(str(n).encode()).hexdigest()) for n in range(2_000)]
    clock = Clock()
    with Recorder(tmp_path, rotate_mb=0.02, clock_s=clock) as recorder:
        recorder.open(CONNECTION, FEED)
        for frame in frames:
            clock.now_s += 0.1
            recorder.write(CONNECTION, frame)
        recorder.close(CONNECTION, "done")
    (parts,) = find_recordings([tmp_path])
    assert len(parts) > 5
    assert [path.name for path in parts] == [f"{CONNECTION}.part{n:04d}.jsonl.gz" for n in range(1, len(parts) + 1)]
    for path in parts:
        gzip.decompress(path.read_bytes())
    assert all(20_000 <= path.stat().st_size < 24_000 for path in parts[:-1])
    assert list(read_frames(parts)) == frames
    session = read_capture(parts)
    assert (session.connection_id, len(session)) == (CONNECTION, len(frames))
    ends = [line for line in manifest_lines(tmp_path) if line["event"] == "ended"]
    assert [end["reason"] for end in ends] == ["rotated"] * (len(parts) - 1) + ["done"]
    assert [end["file"] for end in ends] == [path.name for path in parts]
    assert sum(end["received"] for end in ends) == len(frames)
    assert all(end["sha256"] == hashlib.sha256((tmp_path / end["file"]).read_bytes()).hexdigest() for end in ends)


def read_now(path: Path) -> list[int]:
    return [frame.ts_ns for frame in read_frames(path)]


def test_lines_are_readable_after_a_second(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Line n is written at the second n / 10.

    0   1   2  ...  9 | 10  11 ... | a flush with the first line, and with the first one that comes a second later
    ^               |   ^
    """
    clock, path = Clock(), tmp_path / FIRST
    with Recorder(tmp_path, clock_s=clock) as recorder:
        recorder.open(CONNECTION, FEED)
        for n in range(35):
            clock.now_s = n / 10
            recorder.write(CONNECTION, Frame(n, "recv", "x"))
            assert read_now(path) == list(range(n - n % 10 + 1))
        clock.now_s = 3.9
        recorder.flush()
        assert read_now(path)[-1] == 30, "the last flush was at 3.0"
        clock.now_s = 3.0 + FLUSH_EVERY_S
        recorder.flush()
        assert read_now(path)[-1] == 34
        size = path.stat().st_size
        clock.now_s = 100
        recorder.flush()
        assert path.stat().st_size == size, "nothing to flush"
    assert "ends in the middle" in caplog.text


def test_large_frames_are_flushed_too(tmp_path: Path) -> None:
    """What was compressed in whole chunks is not on the disk before a flush."""
    clock = Clock()
    with Recorder(tmp_path, clock_s=clock) as recorder:
        recorder.open(CONNECTION, FEED)
        for n in range(3):
            recorder.write(CONNECTION, Frame(n, "recv", "y" * 40_000))
        clock.now_s = 1
        recorder.flush()
        assert read_now(tmp_path / FIRST) == [0, 1, 2]


KILLED = """
import os, signal, sys
from pathlib import Path
from ingest.frame import Frame
from ingest.live.feed import Feed
from ingest.recordings.recorder import Recorder
now_s = 0.0
recorder = Recorder(Path(sys.argv[1]), rotate_mb=0.01, clock_s=lambda: now_s)
recorder.open("c", Feed(name="c", declared_exchange=None, url="wss://x", silent_after_s=1))
for n in range(1_000):
    now_s = n / 100
    recorder.write("c", Frame(n, "recv", str(n) * 20))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_9(tmp_path: Path) -> None:
    """Line n is written at the second n / 100, so all up to 900 were flushed when the process dies."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False, timeout=60)
    assert done.returncode == -9
    (parts,) = find_recordings([tmp_path])
    frames = list(read_frames(parts))
    assert len(frames) > 900
    assert frames == [Frame(n, "recv", str(n) * 20) for n in range(len(frames))]
    known = read_manifest(tmp_path)
    assert "ended_at" not in known[parts[-1].name]
    assert known[parts[-1].name]["connection_id"] == "c"


def test_a_folder_whose_recorder_died_is_continued(tmp_path: Path) -> None:
    record(tmp_path, FRAMES)
    manifest = tmp_path / "manifest.jsonl"
    first_line = manifest.read_bytes().splitlines(keepends=True)[0]
    manifest.write_bytes(first_line + b'{"event":"ended","file":"' + FIRST.encode()[:9])
    with Recorder(tmp_path) as recorder:
        recorder.open("next", FEED)
        recorder.write("next", FRAMES[0])
        recorder.close("next", "done")
    known = read_manifest(tmp_path)
    assert sorted(known) == [FIRST, "next.part0001.jsonl.gz"]
    assert "ended_at" not in known[FIRST]
    assert known["next.part0001.jsonl.gz"]["clean"] is True


def test_a_folder_without_a_manifest_knows_nothing(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == {}


def test_a_connection_that_was_not_closed(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        recorder.open(CONNECTION, FEED)
        recorder.write(CONNECTION, FRAMES[0])
    assert read_now(tmp_path / FIRST) == [FRAMES[0].ts_ns]
    ended = manifest_lines(tmp_path)[-1]
    assert (ended["reason"], ended["clean"]) == ("the recorder was stopped", False)


def test_no_file_is_written_over(tmp_path: Path) -> None:
    (tmp_path / FIRST).write_text("mine")
    with pytest.raises(ConfigError, match=r"record into .* found File exists"):
        record(tmp_path, FRAMES)
    assert (tmp_path / FIRST).read_text() == "mine"


@pytest.mark.parametrize("below", [".", "folder"])
def test_no_folder(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"^Expected to be able to record into .*, found .*: make room or choose"):
        Recorder(tmp_path / "file" / below)


FULL = """
import resource, sys
from pathlib import Path
from ingest.frame import Frame
from ingest.live.feed import Feed
from ingest.recordings.recorder import Recorder
from udfs.errors import ConfigError
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
now_s, said = 0.0, []
with Recorder(Path(sys.argv[1]), clock_s=lambda: now_s) as recorder:
    feed = Feed(name="c", declared_exchange=None, url="wss://x", silent_after_s=1)
    for name in ("a", "b"):
        recorder.open(name, feed)
    recorder.write("b", Frame(0, "recv", "b"))
    for n in range(5_000):
        now_s = n / 10
        try:
            recorder.write("a", Frame(n, "recv", f"{n * 7919**20:x}"))
        except ConfigError as error:
            said.append(str(error))
            if len(said) == 3:
                break
    recorder.close("a", "lost")
    recorder.close("b", "lost")
    try:
        recorder.flush()
    except ConfigError as error:
        said.append(str(error))
    print(len(said), len(set(said)), said[0])
"""


def test_a_full_disk(tmp_path: Path) -> None:
    """The limit of a file's size stands for the disk's: it is refused the same way."""
    command = [sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert f"4 1 Expected to be able to record into {tmp_path}, found File too large" in done.stdout, done.stderr
    assert "ConfigError: Expected to be able" in done.stderr, "a recorder that failed says so in the end, too"
    numbers = read_now(tmp_path / "a.part0001.jsonl.gz")
    assert len(numbers) > 100
    assert numbers == list(range(len(numbers)))
    assert read_now(tmp_path / "b.part0001.jsonl.gz") == [0]
    known = read_manifest(tmp_path)
    assert [known[f"{name}.part0001.jsonl.gz"]["clean"] for name in "ab"] == [False, False]
    assert "could not be written" in known["a.part0001.jsonl.gz"]["reason"]
