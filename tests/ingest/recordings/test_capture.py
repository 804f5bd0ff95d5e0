from __future__ import annotations

import csv
import gzip
import json
import logging
import zlib
from contextlib import nullcontext, suppress
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fingerprint_testing.marks import needs_captures
from fingerprint_testing.paths import CAPTURES
from ingest.frame import Frame
from ingest.live.feed import Feed
from ingest.recordings.capture import read_capture, read_frames, to_line
from ingest.recordings.capture_files import MANIFEST_NAME, find_recordings, group_parts, part_name
from ingest.recordings.damage import Damage
from ingest.recordings.recorder import Recorder
from udfs.errors import ConfigError, SchemaError
from udfs.schema import MISSING, SESSION_COLUMNS, MsgType

LINES = (
    {"ts_ns": 1_617_574_000_000_000_001, "dir": "send", "frame": '{"event":"subscribe","reqid":7}'},
    {"ts_ns": 1_617_574_000_000_000_002, "dir": "recv", "frame": '{"event":"x","status":"subscribed","reqid":7}'},
    {"ts_ns": 1_617_574_000_000_000_000, "dir": "recv", "frame": '{"symbol":"é","seq":3,"E":1617574000123}'},
)
TEXT = "".join(json.dumps(line) + "\n" for line in LINES).encode()


@pytest.fixture(autouse=True)
def only_the_reader_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frames here are texts that the mapper does not understand."""
    monkeypatch.setattr(logging.getLogger("ingest.mapping.frame_mapper"), "disabled", True)


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("name", ["one.jsonl.gz", "one.jsonl"])
def test_read(tmp_path: Path, name: str) -> None:
    session = read_capture(_write(tmp_path / name, TEXT))
    assert (session.connection_id, session.declared_exchange, len(session)) == ("one", None, 3)
    assert session.recv_ts_ns.tolist() == [line["ts_ns"] for line in LINES], "the order of the file, not of the clock"
    assert session.msg_type.tolist() == [MsgType.NEW, MsgType.ACK, MsgType.NEW]
    assert session.seq.tolist() == [MISSING, MISSING, 3]
    assert session.request_id.tolist() == [7, 7, MISSING]
    assert session.exchange_ts_ns.tolist() == [MISSING, MISSING, 1617574000123000000]
    assert session.payload_bytes.tolist() == [len(str(line["frame"]).encode()) for line in LINES]


def test_declared_exchange_is_what_the_caller_says(tmp_path: Path) -> None:
    assert read_capture(_write(tmp_path / "one.jsonl", TEXT), declared_exchange="x").declared_exchange == "x"


def test_the_file_name_changes_nothing_but_the_connection_id(tmp_path: Path) -> None:
    first, second = (read_capture(_write(tmp_path / name, TEXT)) for name in ("kraken.jsonl.gz", "BINANCE__1.jsonl.gz"))
    assert (first.connection_id, second.connection_id) == ("kraken", "BINANCE__1")
    for column in SESSION_COLUMNS:
        np.testing.assert_array_equal(getattr(first, column), getattr(second, column))


@pytest.mark.parametrize("cut", [1, 10, len(json.dumps(LINES[2]))])
def test_a_cut_last_line_is_dropped_and_flagged(tmp_path: Path, caplog: pytest.LogCaptureFixture, cut: int) -> None:
    path = _write(tmp_path / "cut.jsonl", TEXT[: -1 - cut])
    assert len(read_capture(path)) == 2
    assert bool(caplog.messages) == (cut < len(json.dumps(LINES[2])))


def test_a_whole_last_line_needs_no_newline(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert len(read_capture(_write(tmp_path / "open.jsonl", TEXT[:-1]))) == 3
    assert caplog.messages == []


def test_a_cut_gzip_stream_keeps_its_whole_lines(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rng = np.random.default_rng(1)
    lines = [{"ts_ns": int(n), "dir": "recv", "frame": rng.bytes(40).hex()} for n in range(2_000)]
    whole = gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode())
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with caplog.at_level(logging.WARNING):
        session = read_capture(path)
    assert 800 < len(session) < 1_200
    assert session.recv_ts_ns.tolist() == list(range(len(session)))
    assert len(caplog.messages) == 1
    assert "cut.jsonl.gz" in caplog.messages[0]


@pytest.mark.parametrize(
    "line",
    [
        *("not json", "[]", "{}", '{"ts_ns":1,"dir":"recv"}', '{"ts_ns":1,"dir":"up","frame":""}'),
        *('{"ts_ns":1.5,"dir":"recv","frame":""}', '{"ts_ns":true,"dir":"recv","frame":""}'),
        *('{"ts_ns":9223372036854775808,"dir":"recv","frame":""}', '{"ts_ns":1,"dir":["recv"],"frame":""}'),
        '{"ts_ns":1,"dir":"recv","frame":{}}',
    ],
)
def test_a_line_that_is_no_frame_is_named_and_the_others_are_read(tmp_path: Path, line: str) -> None:
    path = _write(tmp_path / "bad.jsonl", TEXT + line.encode() + b"\n" + TEXT)
    told: list[Damage] = []
    assert len(read_capture(path, tell=told.append)) == 6
    assert [(damage.path, damage.what, damage.unfinished) for damage in told] == [(path, f"{line} in line 4", False)]
    with pytest.raises(SchemaError, match=r"^Expected .*, found .* in line 1 in .*bad\.jsonl: "):
        read_capture(_write(path, line.encode() + b"\n"))


@pytest.mark.parametrize("content", [b"", b'{"ts_ns":1'])
def test_no_whole_line_is_an_error(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SchemaError, match=r"at least one whole line"):
        read_capture(_write(tmp_path / "empty.jsonl.gz", content))


def test_a_corrupt_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "corrupt.jsonl.gz"
    content = bytearray(gzip.compress(TEXT))
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(SchemaError, match="Expected at least one whole line"):
        read_capture(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Expected to read the file"):
        read_capture(tmp_path / "none.jsonl.gz")
    with pytest.raises(ConfigError, match="Expected to read the file"):
        read_capture(tmp_path)


@pytest.mark.parametrize("name", ["x" * 129, "new\nline"])
def test_a_name_that_is_no_connection_id(tmp_path: Path, name: str) -> None:
    with pytest.raises(SchemaError, match="1 to 128 printable"):
        read_capture(_write(tmp_path / f"{name}.jsonl", TEXT))


def _write_parts(folder: Path, numbers: list[int]) -> list[Path]:
    """Write parts of the connection `c`: the n-th holds the frames 10 n and 10 n + 1."""
    folder.mkdir(exist_ok=True)
    return [
        _write(folder / part_name("c", n), b"".join(to_line(Frame(10 * n + i, "recv", "x")) for i in range(2)))
        for n in numbers
    ]


def test_parts_are_one_session(tmp_path: Path) -> None:
    parts = _write_parts(tmp_path, [1, 2, 3])
    session = read_capture(parts)
    assert session.connection_id == "c"
    assert session.recv_ts_ns.tolist() == [10, 11, 20, 21, 30, 31]


def test_a_part_that_is_named_alone(tmp_path: Path) -> None:
    session = read_capture(_write_parts(tmp_path, [1, 2, 3])[1])
    assert (session.connection_id, session.recv_ts_ns.tolist()) == ("c", [20, 21])


def test_parts_are_found_in_order_with_what_else_is_there(tmp_path: Path) -> None:
    rotated = _write_parts(tmp_path / "rec", [10, 9, 11])
    others = [_write(tmp_path / "rec" / name, TEXT) for name in ("a.jsonl", "d.jsonl.gz", MANIFEST_NAME, "e.txt")]
    same_id = _write_parts(tmp_path / "other", [1])
    wanted = [(others[0],), (rotated[1], rotated[0], rotated[2]), (others[1],)]
    assert find_recordings([tmp_path / "rec"]) == wanted
    assert find_recordings([*sorted((tmp_path / "rec").glob("*.jsonl*")), tmp_path / "other"]) == [
        *wanted,
        tuple(same_id),
    ]


def test_first_parts_may_be_gone_and_a_part_named_twice(tmp_path: Path) -> None:
    parts = _write_parts(tmp_path, [3, 4])
    assert group_parts([parts[1], parts[0], parts[1]]) == [tuple(parts)]


def test_a_missing_part_in_the_middle_is_refused(tmp_path: Path) -> None:
    _write_parts(tmp_path, [1, 2, 4])
    with pytest.raises(SchemaError, match=r"^Expected part 3 of c before .*part0004\.jsonl\.gz, found it missing"):
        find_recordings([tmp_path])


def test_a_part_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    (part,) = _write_parts(tmp_path, [1])
    _write(tmp_path / part.name.removesuffix(".gz"), TEXT)
    with pytest.raises(SchemaError, match=r"Expected part 1 of c once"):
        find_recordings([tmp_path])


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Expected recordings .* found none"):
        find_recordings([tmp_path])
    with pytest.raises(ConfigError, match=r"found only manifest\.jsonl"):
        find_recordings([_write(tmp_path / MANIFEST_NAME, b"")])


def test_a_part_without_a_whole_line_among_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    parts = _write_parts(tmp_path, [1, 2, 3])
    parts[1].write_bytes(parts[1].read_bytes()[:10])
    assert read_capture(parts).recv_ts_ns.tolist() == [10, 11, 30, 31]
    assert [parts[1].name in message for message in caplog.messages] == [True]


def _cut_and_read(folder: Path, frames: list[Frame]) -> None:
    """Compare with what zlib alone finds in a cut file; each flush must hold the lines before it."""
    flushed: dict[int, int] = {}
    now_s = 0.0
    with Recorder(folder, clock_s=lambda: now_s) as recorder:
        recorder.open("c", Feed(name="c", declared_exchange=None, url="wss://x", silent_after_s=1))
        path = folder / part_name("c", 1)
        for n, frame in enumerate(frames, start=1):
            now_s += (n % 7) / 30
            recorder.write("c", frame)
            flushed.setdefault(path.stat().st_size, n)
        recorder.close("c", "done")
    assert len(flushed) > 20
    whole = path.read_bytes()
    around_flushes = {size + i for size in flushed for i in range(-6, 7)}
    cuts = {*range(0, len(whole), len(whole) // 200), *range(len(whole) - 20, len(whole) + 1), *around_flushes}
    cut_path = folder / "cut.jsonl.gz"
    for cut in sorted(cuts & set(range(len(whole) + 1))):
        cut_path.write_bytes(whole[:cut])
        n_lines = zlib.decompressobj(31).decompress(whole[:cut]).count(b"\n")
        assert n_lines >= max((n for size, n in flushed.items() if size <= cut), default=0)
        read = []
        with suppress(SchemaError) if not n_lines else nullcontext():
            read = list(read_frames(cut_path))
        assert read == frames[: len(read)]
        assert n_lines <= len(read) <= n_lines + 1, "the last one may lack its line feed alone"


def test_a_recording_cut_at_any_byte_keeps_its_whole_lines(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    _cut_and_read(tmp_path, [Frame(n, "recv", rng.bytes(int(rng.integers(1, 60))).hex()) for n in range(400)])


@needs_captures
def test_a_recording_of_real_frames_cut_at_any_byte(tmp_path: Path) -> None:
    real = read_frames(CAPTURES / "coinbase/COINBASE__2021-04-17__974302dae1_first.jsonl.gz")
    _cut_and_read(tmp_path, list(islice(real, 400)))


@given(
    ts_ns=st.integers(-(2**63) + 1, 2**63 - 1),
    direction=st.sampled_from(["recv", "send"]),
    text=st.text(st.characters(codec=None), max_size=30),
)
@example(ts_ns=0, direction="recv", text="\ud83d\ude00\ud800")
def test_any_text_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, ts_ns: int, direction: str, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    frame = Frame(ts_ns, direction, text)  # type: ignore[arg-type]
    path.write_bytes(to_line(frame) * 2)
    assert list(read_frames(path)) == [frame, frame]


def test_lone_surrogates_that_were_escaped_are_read(tmp_path: Path) -> None:
    line = json.dumps({"ts_ns": 1, "dir": "recv", "frame": "\ud800"}).encode() + b"\n"
    assert list(read_frames(_write(tmp_path / "escaped.jsonl", line))) == [Frame(1, "recv", "\ud800")]


@needs_captures
def test_every_real_capture_is_read_whole() -> None:
    with (CAPTURES / "index.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            session = read_capture(CAPTURES / row["file"])
            assert len(session) == int(row["frames"]) + int(row["sent"]), row["file"]
            assert int(row["start_ns"]) in session.recv_ts_ns[:100], row["file"]


@needs_captures
@pytest.mark.parametrize(
    ("file", "wanted", "msg_type"),
    [
        ("kraken/KRAKEN__2021-04-05__ad8b9a2031.jsonl.gz", ['{"event":"heartbeat"}'], MsgType.HEARTBEAT),
        ("kraken/KRAKEN__2021-04-05__ad8b9a2031.jsonl.gz", ['"event":"subscriptionStatus"'], MsgType.ACK),
        ("kraken/KRAKEN__2021-04-05__7cc531f65c.jsonl.gz", ['{"event":"heartbeat"}'], MsgType.HEARTBEAT),
        ("kraken/kraken_btcusd_sample__29a2052afe.jsonl.gz", ['{"channel":"heartbeat"}'], MsgType.HEARTBEAT),
        ("kraken/kraken_btcusd_l2__84bfe190a7.jsonl.gz", ['"success":true'], MsgType.ACK),
        ("coinbase/COINBASE__2021-04-17__974302dae1_first.jsonl.gz", ['{"type":"subscriptions"'], MsgType.ACK),
        ("binance/spot__btcusdt_20240808__68bfc259f4.jsonl.gz", ['{"stream":', '{"lastUpdateId":'], MsgType.NEW),
        ("unknown/BITSTAMP__2021-04-05__e2413ec353.jsonl.gz", ["subscription_succeeded"], MsgType.ACK),
        ("unknown/FTX__2021-04-17__76338d88b4.jsonl.gz", ['"type": "subscribed"'], MsgType.ACK),
        ("unknown/BITTREX__2021-04-05__9e5b8bbd3b.jsonl.gz", ["{}"], MsgType.HEARTBEAT),
        ("unknown/BITMEX__2021-04-05__8eab7730f0.jsonl.gz", ['{"success":true'], MsgType.ACK),
    ],
)
def test_types_of_real_captures_against_a_count_of_text(file: str, wanted: list[str], msg_type: MsgType) -> None:
    with gzip.open(CAPTURES / file, "rt", encoding="utf-8") as lines:
        frames = [json.loads(line)["frame"] for line in lines]
    n_wanted = sum(any(frame == text or (len(text) > 2 and text in frame) for text in wanted) for frame in frames)
    assert n_wanted > 0
    assert (read_capture(CAPTURES / file).msg_type == msg_type).sum() == n_wanted
