from __future__ import annotations

import csv
import gzip
import json
import logging
import os
from pathlib import Path

import numpy as np
import pytest

from ingest.capture import read_capture
from udfs.errors import ConfigError, SchemaError
from udfs.schema import MISSING, SESSION_COLUMNS, MsgType

CAPTURES = Path(
    os.environ.get("FINGERPRINT_CAPTURES") or Path(__file__).resolve().parents[2].parent / "shared" / "captures"
)
needs_captures = pytest.mark.skipif(not CAPTURES.is_dir(), reason="FINGERPRINT_CAPTURES names no folder of captures")

LINES = (
    {"ts_ns": 1_617_574_000_000_000_001, "dir": "send", "frame": '{"event":"subscribe","reqid":7}'},
    {"ts_ns": 1_617_574_000_000_000_002, "dir": "recv", "frame": '{"event":"x","status":"subscribed","reqid":7}'},
    {"ts_ns": 1_617_574_000_000_000_000, "dir": "recv", "frame": '{"symbol":"é","seq":3,"E":1617574000123}'},
)
TEXT = "".join(json.dumps(line) + "\n" for line in LINES).encode()


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
def test_a_line_that_is_no_frame_is_refused(tmp_path: Path, line: str) -> None:
    path = _write(tmp_path / "bad.jsonl", TEXT + line.encode() + b"\n" + TEXT)
    with pytest.raises(SchemaError, match=r"bad\.jsonl, line 4: expected .* but found"):
        read_capture(path)


@pytest.mark.parametrize("content", [b"", b'{"ts_ns":1'])
def test_no_whole_line_is_an_error(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SchemaError, match=r"at least one whole line"):
        read_capture(_write(tmp_path / "empty.jsonl.gz", content))


def test_a_corrupt_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "corrupt.jsonl.gz"
    content = bytearray(gzip.compress(TEXT))
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(SchemaError, match="corrupt"):
        read_capture(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the capture"):
        read_capture(tmp_path / "none.jsonl.gz")
    with pytest.raises(ConfigError, match="cannot read the capture"):
        read_capture(tmp_path)


@pytest.mark.parametrize("name", ["x" * 129, "new\nline"])
def test_a_name_that_is_no_connection_id(tmp_path: Path, name: str) -> None:
    with pytest.raises(SchemaError, match="1 to 128 printable"):
        read_capture(_write(tmp_path / f"{name}.jsonl", TEXT))


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
