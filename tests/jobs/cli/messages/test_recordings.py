"""The commands `convert` and `inspect` as a user meets them."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from fingerprint_testing.fix import fix
from ingest.frame import Frame
from ingest.live.feed import Feed
from ingest.recordings.capture import to_line
from ingest.recordings.capture_files import part_name
from ingest.recordings.recorder import Recorder
from ingest.recordings.recording_manifest import read_manifest
from jobs.cli.messages.convert import convert
from jobs.cli.messages.inspect import inspect
from udfs.errors import ConfigError, SchemaError

FEED = Feed(name="x", declared_exchange=None, url="wss://x", silent_after_s=1)
SECOND_NS = 10**9
START_NS = 1_700_000_000 * SECOND_NS
FRAMES = [
    Frame(START_NS, "send", '{"op":"subscribe","id":1}'),
    Frame(START_NS + SECOND_NS, "recv", '{"id":1,"result":null}'),
    Frame(START_NS + 2 * SECOND_NS, "recv", '{"s":"A","E":1700000002000,"u":7}'),
    Frame(START_NS + 4 * SECOND_NS, "recv", "ping"),
]
COUNTS = {
    "frames": 4,
    "sent": 1,
    "types": {"NEW": 2, "ACK": 1, "NACK": 0, "HEARTBEAT": 1, "OTHER": 0},
    "seq_ratio": 0.25,
    "exchange_ts_ns_ratio": 0.25,
    "request_id_ratio": 0.5,
    "seconds": 4.0,
    "frames_per_s": 1.0,
}


def run(command: Any, *arguments: str | Path) -> str:
    app = typer.Typer()
    app.command()(command)
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def write_capture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(b"".join(map(to_line, FRAMES))))
    return path


def test_inspect_counts_each_recording_and_each_folder(tmp_path: Path) -> None:
    first = write_capture(tmp_path / "kraken" / "a.jsonl.gz")
    second = [write_capture(tmp_path / "binance" / part_name("b", n)) for n in (1, 2)]
    lines = [json.loads(line) for line in run(inspect, tmp_path, "--format", "json").splitlines()]
    twice = {
        **COUNTS,
        "frames": 8,
        "sent": 2,
        "types": {"NEW": 4, "ACK": 2, "NACK": 0, "HEARTBEAT": 2, "OTHER": 0},
        "frames_per_s": 2.0,
    }
    assert lines == [
        {"recording": "b", "folder": "binance", "files": [str(path) for path in second], "ended": None, **twice},
        {"recording": "a", "folder": "kraken", "files": [str(first)], "ended": None, **COUNTS},
        {"folder": "binance", **twice},
        {"folder": "kraken", **COUNTS},
    ]


def test_inspect_says_how_recordings_ended(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        for name in ("a", "b"):
            recorder.open(name, FEED)
            recorder.write(name, FRAMES[0])
        recorder.close("a", "closed by the venue (1000)")
        recorder.flush()
        give_up_s = time.monotonic() + 120
        while "reason" not in read_manifest(tmp_path)["a.part0001.jsonl.gz"]:  # written once the file is on the disk
            assert time.monotonic() < give_up_s
            time.sleep(0.01)
        shown = run(inspect, tmp_path)
    recordings = [line.split("\t") for line in shown.splitlines()]
    assert recordings[0][-1] == "end"
    assert [line[-1] for line in recordings[1:3]] == [
        "closed by the venue (1000)",
        "not ended: its recorder was killed, or still runs",
    ]


def test_inspect_writes_a_line_each_where_no_terminal_reads(tmp_path: Path) -> None:
    shown = run(inspect, write_capture(tmp_path / "kraken" / "a.jsonl.gz"))
    numbers = ["4", "1", "4.000", "1.0", "25%", "25%", "50%", "2 NEW, 1 ACK, 1 HEARTBEAT"]
    headings = ["frames", "sent", "seconds", "frames/s", "seq", "time", "request id", "types"]
    assert [line.split("\t") for line in shown.splitlines()] == [
        ["recording", *headings],
        ["a", *numbers],
        ["folder", *headings],
        ["kraken", *numbers],
    ]
    assert "┃ end" not in shown


def test_inspect_finds_no_recordings(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="found none"):
        run(inspect, tmp_path)


def test_convert_reports_each_recording(tmp_path: Path) -> None:
    first, second = tmp_path / "A.ws.1.0", tmp_path / "btcusdt.gz"
    first.write_bytes(b"configuration: {}\nwss://x <-> 1617647602.5\n1617647603.5: []\n\n")
    second.write_bytes(gzip.compress(b"1680652800004107 {}\n" * 2))
    out = tmp_path / "out"
    shown = run(convert, first, second, "--out", out)
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.splitlines() if line.startswith("│")]
    assert rows == [
        ["A.ws.1.0", "cryptofeed", "1", "4", "1", "0", "1 configuration, 1 connect, 1 blank"],
        ["btcusdt.gz", "hftbacktest", "1", "2", "2", "0", "-"],
    ]
    assert sorted(path.name for path in out.iterdir()) == ["A.ws.1.0.jsonl.gz", "btcusdt.jsonl.gz"]
    assert [line.split("\t")[0] for line in run(inspect, out).splitlines()][1:3] == ["A.ws.1.0", "btcusdt"]


def test_convert_reads_fix_logs(tmp_path: Path) -> None:
    log = tmp_path / "session.log"
    messages = ("35=0|49=VENUE|56=FIRM", "35=0|49=FIRM|56=VENUE", "35=1|49=VENUE|56=FIRM|112=x")
    log.write_bytes(b"up\n" + b"".join(b"20180223-19:14:25.174 : " + fix(message) + b"\n" for message in messages))
    with pytest.raises(ConfigError, match=r"^Expected a Logon, .*, found none in .*: name ours by --sender-comp-id$"):
        convert([log], tmp_path / "out", None)
    shown = run(convert, log, "--out", tmp_path / "out", "--sender-comp-id", "FIRM")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.splitlines() if line.startswith("│")]
    assert rows == [["session.log", "FIX", "1", "4", "2", "1", "1 no FIX message"]]
    assert "3 HEARTBEAT" in run(inspect, tmp_path / "out")


def test_convert_reports_what_was_done_before_a_refusal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(b"1680652800004107 {}\n")
    bad.write_bytes(b"hello\n")
    with pytest.raises(SchemaError, match=r"Expected .*, found hello in line 1 of .*bad"):
        convert([good, bad], tmp_path / "out")
    assert "hftbacktest" in capsys.readouterr().out
    assert (tmp_path / "out" / "good.jsonl.gz").is_file()
