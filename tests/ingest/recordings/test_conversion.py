"""Recordings of other projects, written here as their recorders write them, become captures."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from fingerprint_testing.marks import needs_captures
from fingerprint_testing.paths import CAPTURES
from ingest.frame import Frame
from ingest.recordings.capture import read_capture, read_frames
from ingest.recordings.conversion import Conversion, convert
from udfs.errors import ConfigError, SchemaError

HFTBACKTEST = b"""\
1723161253937085768 {"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate"}}
1723161254036059768 {"lastUpdateId":50,"bids":[["1 2","3"]],"asks":[]}
"""
CRYPTOFEED = b"""\
configuration: {"trades":["BTC-USD"],"l2_book":["BTC-USD"]}
https://x.com/v1/products?a=b -> 1617647602.1: [{"id": "BTC-USD",
 "base": "BTC"}]

wss://x.com/ws <-> 1617647602.623478
wss://x.com/ws <- 1617647602.7: {"op":"subscribe","args":["a: b"]}
1617647603.4249449: {"e":"x: y -> z <- 1.5: {}","n":1}
https://x.com/v1/depth -> 1617647603.5: {"lastUpdateId":1} header: {"Retry-After": "1"}
1617647604: pong
"""


def _convert(folder: Path, name: str, content: bytes) -> Conversion:
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    conversion = convert(path, folder / "out")
    assert conversion.lines == len(content.splitlines()), "each line is accounted for"
    return conversion


def _frames(conversion: Conversion) -> list[list[Frame]]:
    return [list(read_frames(path)) for path in conversion.captures]


@pytest.mark.parametrize("name", ["btcusdt_20240808.gz", "btcusdt_20240808"])
def test_hftbacktest(tmp_path: Path, name: str) -> None:
    conversion = _convert(tmp_path, name, HFTBACKTEST)
    assert (conversion.format, conversion.received, conversion.sent, conversion.skipped) == ("hftbacktest", 2, 0, {})
    assert [path.name for path in conversion.captures] == ["btcusdt_20240808.jsonl.gz"]
    assert _frames(conversion) == [
        [
            Frame(1723161253937085768, "recv", '{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate"}}'),
            Frame(1723161254036059768, "recv", '{"lastUpdateId":50,"bids":[["1 2","3"]],"asks":[]}'),
        ]
    ]
    assert read_capture(conversion.captures[0]).connection_id == "btcusdt_20240808"


@pytest.mark.parametrize(
    ("time", "ts_ns"),
    [
        (b"1680652800004107", 1680652800004107000),
        (b"1680652800004", 1680652800004000000),
        (b"1680652800", 1680652800000000000),
        (b"1680652800004107001", 1680652800004107001),
    ],
)
def test_the_unit_of_time_is_told_by_its_size(tmp_path: Path, time: bytes, ts_ns: int) -> None:
    assert _frames(_convert(tmp_path, "x.dat", time + b" {}\n")) == [[Frame(ts_ns, "recv", "{}")]]


@pytest.mark.parametrize("name", ["BINANCE.ws.1.0", "BINANCE.0.gz"])
def test_cryptofeed(tmp_path: Path, name: str) -> None:
    conversion = _convert(tmp_path, name, CRYPTOFEED)
    assert (conversion.format, conversion.received, conversion.sent) == ("cryptofeed", 2, 1)
    assert conversion.skipped == {"configuration": 1, "HTTP answer": 3, "blank": 1, "connect": 1}
    assert [path.name for path in conversion.captures] == [name.removesuffix(".gz") + ".jsonl.gz"]
    assert _frames(conversion) == [
        [
            Frame(1617647602700000000, "send", '{"op":"subscribe","args":["a: b"]}'),
            Frame(1617647603424944900, "recv", '{"e":"x: y -> z <- 1.5: {}","n":1}'),
            Frame(1617647604000000000, "recv", "pong"),
        ]
    ]


@pytest.mark.parametrize("unquoted", ['{"a":"é"}', "ping", "a'\"\\\n"])
@pytest.mark.parametrize(
    "compress",
    [
        bytes,
        gzip.compress,
        zlib.compress,
        lambda data: zlib.compress(data, wbits=-zlib.MAX_WBITS),
    ],
)
def test_binary_frames(tmp_path: Path, unquoted: str, compress: Callable[[bytes], bytes]) -> None:
    literal = repr(compress(unquoted.encode())).encode()
    (frames,) = _frames(_convert(tmp_path, "x", b"1617647603.4249449: " + literal + b"\n"))
    assert frames == [Frame(1617647603424944900, "recv", unquoted)]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("b'\\xff\\xfe'", "b'\\xff\\xfe'"),
        ("b'\\xff", "b'\\xff"),
        ("b'a' + b'b'", "b'a' + b'b'"),
        ("b" + "'(" * 9, None),
    ],
)
def test_what_is_no_bytes_literal_of_text_stays_as_it_is(tmp_path: Path, text: str, kept: str | None) -> None:
    (frames,) = _frames(_convert(tmp_path, "x", f"1617647603.4: {text}\n".encode()))
    assert frames == [Frame(1617647603400000000, "recv", text if kept is None else kept)]


def test_older_recordings_have_nothing_but_frames(tmp_path: Path) -> None:
    conversion = _convert(tmp_path, "x", b'1617647603.5: {"a":1}\r\n\n1617647603.25: []\n')
    assert conversion.skipped == {"blank": 1}
    assert _frames(conversion) == [
        [Frame(1617647603500000000, "recv", '{"a":1}'), Frame(1617647603250000000, "recv", "[]")]
    ]


def test_a_frame_over_several_lines(tmp_path: Path) -> None:
    conversion = _convert(tmp_path, "x", b'1617647603.5: {\n "a": 1\n}\n1617647604.5: []\n')
    assert (conversion.received, conversion.further_lines) == (2, 2)
    assert [frame.text for frame in _frames(conversion)[0]] == ['{\n "a": 1\n}', "[]"]


def test_connections_one_after_another(tmp_path: Path) -> None:
    content = b"""\
1617647600.5: 0
wss://x <-> 1617647601.5
wss://x <-> 1617647602.5
wss://x <- 1617647603.5: "s"
1617647604.5: 1
wss://y <-> 1617647605.5
wss://y <- 1617647606.5: "t"
1617647607.5: 2
wss://y <-> 1617647608.5
"""
    conversion = _convert(tmp_path, "X.0", content)
    assert conversion.skipped == {"connect": 4}
    assert [path.name for path in conversion.captures] == [f"X.0{end}.jsonl.gz" for end in ("", "-2", "-3")]
    assert [[frame.text for frame in frames] for frames in _frames(conversion)] == [["0"], ['"s"', "1"], ['"t"', "2"]]


def test_connections_at_once_are_refused(tmp_path: Path) -> None:
    content = b'wss://x <-> 1617647601.5\nwss://y <-> 1617647602.5\n1617647603.5: 1\nwss://x <- 1617647603.5: "s"\n'
    with pytest.raises(SchemaError, match=r"line 4 of .*X\.0 one to wss://x within a connection to wss://y"):
        _convert(tmp_path, "X.0", content)
    assert list((tmp_path / "out").iterdir()) == [], "nothing is left of it"


def test_a_recording_without_frames_makes_no_capture(tmp_path: Path) -> None:
    conversion = _convert(tmp_path, "X.http.0.0", b"https://x -> 1617647601.5: {}\n")
    assert (conversion.captures, conversion.skipped) == ([], {"HTTP answer": 1})


@pytest.mark.parametrize(
    ("last", "kept", "skipped"),
    [
        (b'1617647604.5: {"a":1}', 2, {}),
        (b'1617647604.5: {"a":', 1, {"cut off": 1}),
        (b"16176476", 1, {"cut off": 1}),
        (b"1617647604.5: \xc3", 1, {"cut off": 1}),
        (b"https://x -> 1617647604.5: [", 1, {"HTTP answer": 1}),
    ],
)
def test_a_last_line_that_does_not_end(tmp_path: Path, last: bytes, kept: int, skipped: dict[str, int]) -> None:
    conversion = _convert(tmp_path, "x", b"1617647603.5: []\n" + last)
    assert (conversion.received, conversion.skipped) == (kept, skipped)


def test_a_gzip_stream_that_is_cut_off(tmp_path: Path) -> None:
    """Collectors that are killed leave such files."""
    path = tmp_path / "btcusdt.gz"
    lines = "".join(f'{1723161253937085768 + n} {{"n":"{hash((n, n))}"}}\n' for n in range(5_000))
    path.write_bytes(gzip.compress(lines.encode())[:-2_000])
    conversion = convert(path, tmp_path)
    assert conversion.skipped == {"cut off": 1}
    assert 4_000 < conversion.received < 5_000
    read = "".join(f"{frame.ts_ns} {frame.text}\n" for frame in _frames(conversion)[0])
    assert lines.startswith(read)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"found no line"),
        (b"\n\n", r"found no line"),
        (
            b'{"ts_ns": 1, "dir": "recv", "frame": ""}\n',
            r"^Expected .*hftbacktest.*cryptofeed.*, found {\"ts.* in line 1 of ",
        ),
        (b"\n\nhello\n", r"found .* in line 3 of"),
        (b"1723161253937085768 {}\nhello\n", r"found hello in line 2 of"),
        (b"1723161253937085768 {}\n99 {}\n", r"found .* in line 2 of"),
        (b"99: {}\n", r"found .* in line 1 of"),
        (b"1617647603.5: []\n\n1617647603,5: []\n", r"found .* in line 3 of"),
        (b"configuration: {}\nhello\n", r"found .* in line 2 of"),
        (b"1617647603.5: []\n\xff\n", r"^Expected UTF-8 text, found .* in line 2 of"),
        (b"wss://x <-> 1617647601.5: {}\n", r"found .* in line 1 of"),
        (b"\x1f\x8bnot gzip", r"no gzip data"),
    ],
)
def test_what_is_neither_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(SchemaError, match=said) as refused:
        convert(path, tmp_path / "out")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_a_recording_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Expected to read the file"):
        convert(tmp_path / "none", tmp_path)


def test_captures_are_not_written_over(tmp_path: Path) -> None:
    (capture,) = _convert(tmp_path, "x", b"1617647603.5: []\n").captures
    before = capture.read_bytes()
    with pytest.raises(ConfigError, match=r"x\.jsonl\.gz, found it there already: choose another --out"):
        _convert(tmp_path, "x", b"1617647603.5: {}\n")
    assert capture.read_bytes() == before
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["x.jsonl.gz"]


def test_the_same_recording_becomes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    first, second = (_convert(tmp_path / name, "x", HFTBACKTEST) for name in ("a", "b"))
    assert first.captures[0].read_bytes() == second.captures[0].read_bytes()


def test_progress_reaches_the_file_s_size(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    rng = np.random.default_rng(1)
    lines = b"".join(b'%d {"e":"%s"}\n' % (1680652800004107 + n, rng.bytes(40).hex().encode()) for n in range(5_000))
    path.write_bytes(gzip.compress(lines))
    told: list[int] = []
    convert(path, tmp_path, progress=told.append)
    assert len(told) > 3
    assert told == sorted(told)
    assert told[-1] == path.stat().st_size


def _as_hftbacktest(frames: list[Frame], source: str) -> bytes:
    """Write as the collectors do: `.dat` files in µs, those of the collector in Rust in ns."""
    in_us = ".dat" in source
    assert not in_us or all(frame.ts_ns % 1_000 == 0 for frame in frames)
    return "".join(f"{frame.ts_ns // 1_000 if in_us else frame.ts_ns} {frame.text}\n" for frame in frames).encode()


def _as_cryptofeed(frames: list[Frame], source: str) -> bytes:
    """Write as raw_data_collection.py does, with what the venues of that time compressed as they sent it."""
    url = "wss://venue.com/ws"
    lines = ['configuration: {"trades":[]}', f"{url} <-> 1617647602.623478"]
    for frame in frames:
        seconds = f"{frame.ts_ns // 10**9}.{frame.ts_ns % 10**9:09d}".rstrip("0")
        text = frame.text
        if frame.direction == "recv" and source.startswith(("OKEX", "OKCOIN")):
            text = repr(zlib.compress(text.encode(), wbits=-zlib.MAX_WBITS))
        elif frame.direction == "recv" and source.startswith("UPBIT"):
            text = repr(text.encode())
        lines.append(f"{url} <- {seconds}: {text}" if frame.direction == "send" else f"{seconds}: {text}")
    return ("\n".join(lines) + "\n").encode()


@needs_captures
def test_real_recordings_written_back_convert_to_the_same_frames(tmp_path: Path) -> None:
    n_compared = 0
    with (CAPTURES / "index.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["source"], CAPTURES / row["file"]) for row in csv.DictReader(file)]
    for source, capture in rows:
        if not source.endswith((".capture", ".gz")):
            continue
        frames = list(islice(read_frames(capture), 3_000))
        content = (_as_cryptofeed if source.endswith(".capture") else _as_hftbacktest)(frames, source)
        path = tmp_path / source
        path.write_bytes(gzip.compress(content, 1) if source.endswith(".gz") else content)
        conversion = convert(path, tmp_path / "out")
        assert conversion.received == sum(frame.direction == "recv" for frame in frames), source
        assert list(read_frames(conversion.captures[0])) == frames, source
        n_compared += len(frames)
    assert n_compared > 0
