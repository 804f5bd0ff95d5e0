"""Originals come from a server of this test, with all that can go wrong on the way, and become exactly the captures."""

from __future__ import annotations

import gzip
import hashlib
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from fingerprint_testing.marks import needs_captures
from fingerprint_testing.paths import CAPTURES
from ingest.recordings.capture import read_frames
from ingest.recordings.fetching import ORIGINALS, Outcome, State, fetch
from ingest.recordings.foreign_formats import Entry, Kind
from ingest.recordings.original_formats import read_original
from ingest.recordings.origins import Origin, capture_text, read_origins
from udfs.errors import ConfigError, SchemaError, ServiceUnavailable

CRYPTOFEED = b"""\
configuration: {"trades":["BTC-USD"]}
wss://x.com/ws <-> 1617647600.5
1617647601.5: {"of":"another connection"}
wss://x.com/ws <-> 1617647602.5
wss://x.com/ws <- 1617647602.7: {"op":"subscribe"}
1617647603.4249449: {"n":1}
1617647604.4249449: {"n":2}
1617647605.4249449: {"n":"behind the end of the capture"}
"""
LARGE = b"configuration: " + b"x" * 200_000 + b"\n" + CRYPTOFEED
CAPTURE = b"""\
{"ts_ns": 1617647602700000000, "dir": "send", "frame": "{\\"op\\":\\"subscribe\\"}"}
{"ts_ns": 1617647603424944900, "dir": "recv", "frame": "{\\"n\\":1}"}
{"ts_ns": 1617647604424944900, "dir": "recv", "frame": "{\\"n\\":2}"}
"""
SHARED_ORIGINALS = CAPTURES.parent / "originals"
needs_originals = pytest.mark.skipif(
    not SHARED_ORIGINALS.is_dir(), reason="no folder originals beside that of FINGERPRINT_CAPTURES"
)


def origin_of(content: bytes, **changes: Any) -> Origin:
    origin = Origin(
        file="x/X.jsonl.gz",
        repository="someone/some recordings",
        commit="0" * 40,
        path="data/X.0",
        sha256=hashlib.sha256(content).hexdigest(),
        frames=2,
        sent=1,
        seconds=1.0,
        start_ns=1617647603424944900,
    )
    return replace(origin, **changes)


@dataclass
class Publisher:
    """A server of raw files; `faults` are what the next requests meet: a status, or how many bytes until a cut."""

    content: bytes
    url: str = ""
    faults: list[tuple[int, dict[str, str]] | int] = field(default_factory=list)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    knows_ranges: bool = True

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = request.headers["Range"]
        self.requests.append((request.path, asked))
        fault = self.faults.pop(0) if self.faults else len(self.content)
        if isinstance(fault, tuple):
            request.send_response(fault[0])
            for name, value in fault[1].items():
                request.send_header(name, value)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        begin = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.knows_ranges else 0
        if begin >= len(self.content):
            request.send_error(416)
            return
        request.send_response(206 if begin else 200)
        request.send_header("Content-Length", str(len(self.content) - begin))
        request.end_headers()
        request.wfile.write(self.content[begin : begin + fault])


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    served = Publisher(CRYPTOFEED)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.answer(self)

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        served.url = f"http://127.0.0.1:{server.server_port}"
        yield served
        server.shutdown()
        thread.join()


def fetched(folder: Path, publisher: Publisher, origin: Origin) -> tuple[Outcome, list[float]]:
    pauses_s: list[float] = []
    return fetch(origin, folder, publisher.url, sleep=pauses_s.append), pauses_s


def test_the_capture_is_the_listed_connection_as_long_as_listed(tmp_path: Path, publisher: Publisher) -> None:
    origin = origin_of(CRYPTOFEED)
    outcome, pauses_s = fetched(tmp_path, publisher, origin)
    assert (outcome.state, outcome.reason, pauses_s) == (State.WRITTEN, "", [])
    assert gzip.decompress((tmp_path / origin.file).read_bytes()) == CAPTURE
    assert [frame.text for frame in read_frames(tmp_path / origin.file)] == ['{"op":"subscribe"}', '{"n":1}', '{"n":2}']
    assert publisher.requests == [(f"/someone/some%20recordings/{'0' * 40}/data/X.0", None)]


def test_what_is_there_is_not_downloaded_again(tmp_path: Path, publisher: Publisher) -> None:
    origin = origin_of(CRYPTOFEED)
    fetched(tmp_path, publisher, origin)
    before = (tmp_path / origin.file).stat().st_mtime_ns
    assert fetched(tmp_path, publisher, origin)[0].state is State.PRESENT
    assert len(publisher.requests) == 1
    assert (tmp_path / origin.file).stat().st_mtime_ns == before


def test_an_original_that_was_damaged_on_disk_is_downloaded_again(tmp_path: Path, publisher: Publisher) -> None:
    origin = origin_of(CRYPTOFEED)
    fetched(tmp_path, publisher, origin)
    (tmp_path / ORIGINALS / origin.local_name).write_bytes(b"damaged")
    assert fetched(tmp_path, publisher, origin)[0].state is State.PRESENT
    assert len(publisher.requests) == 2


def test_a_cut_download_goes_on_where_it_ended(tmp_path: Path, publisher: Publisher) -> None:
    publisher.content, publisher.faults = LARGE, [100_000, 50_000]
    outcome, pauses_s = fetched(tmp_path, publisher, origin_of(LARGE))
    assert outcome.state is State.WRITTEN
    assert [asked for _, asked in publisher.requests] == [None, "bytes=98304-", "bytes=147456-"], (
        "whole chunks are kept"
    )
    assert len(pauses_s) == 2
    assert all(pause_s > 0 for pause_s in pauses_s)


def test_another_call_goes_on_too(tmp_path: Path, publisher: Publisher) -> None:
    origin = origin_of(LARGE)
    publisher.content, publisher.faults = LARGE, [100_000, *[(503, {})] * 4]
    with pytest.raises(ServiceUnavailable, match=r"found HTTP status 503: check the network"):
        fetched(tmp_path, publisher, origin)
    publisher.requests.clear()
    assert fetched(tmp_path, publisher, origin)[0].state is State.WRITTEN
    assert [asked for _, asked in publisher.requests] == ["bytes=98304-"]


def test_a_server_without_ranges_sends_all_again(tmp_path: Path, publisher: Publisher) -> None:
    publisher.content, publisher.faults, publisher.knows_ranges = LARGE, [100_000], False
    assert fetched(tmp_path, publisher, origin_of(LARGE))[0].state is State.WRITTEN
    assert [asked for _, asked in publisher.requests] == [None, "bytes=98304-"]


@pytest.mark.parametrize("n_asked", [1, 0])
def test_a_part_that_holds_all_or_more(tmp_path: Path, publisher: Publisher, n_asked: int) -> None:
    origin = origin_of(CRYPTOFEED)
    part = tmp_path / ORIGINALS / f"{origin.local_name}.part"
    part.parent.mkdir()
    part.write_bytes(CRYPTOFEED + b"more" * n_asked)
    assert fetched(tmp_path, publisher, origin)[0].state is State.WRITTEN
    assert len(publisher.requests) == 2 * n_asked


def test_another_sha256_is_refused_and_nothing_is_kept(tmp_path: Path, publisher: Publisher) -> None:
    outcome, _ = fetched(tmp_path, publisher, origin_of(b"other content"))
    assert outcome.state is State.MISSING
    assert outcome.reason.startswith(f"sha256 {hashlib.sha256(CRYPTOFEED).hexdigest()[:12]}")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_is_not_published_is_missing_after_one_request(tmp_path: Path, publisher: Publisher) -> None:
    publisher.faults = [(404, {})] * 2
    outcome, pauses_s = fetched(tmp_path, publisher, origin_of(CRYPTOFEED))
    assert (outcome.state, outcome.reason, pauses_s) == (State.MISSING, "HTTP status 404", [])
    assert len(publisher.requests) == 1


@pytest.mark.parametrize(
    ("asked", "pause_s"), [("7", 7), ("9999", 300), ("Fri, 31 Dec 9999 23:59:59 GMT", 300), ("soon", 1)]
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_to_wait(
    tmp_path: Path, publisher: Publisher, status: int, asked: str, pause_s: float
) -> None:
    publisher.faults = [(status, {"Retry-After": asked})]
    outcome, pauses_s = fetched(tmp_path, publisher, origin_of(CRYPTOFEED))
    assert (outcome.state, pauses_s) == (State.WRITTEN, [pause_s])


def test_offline_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    pauses_s: list[float] = []
    with pytest.raises(
        ServiceUnavailable, match=r"^Expected to download .* from 127\.0\.0\.1, found ConnectionError: "
    ):
        fetch(origin_of(CRYPTOFEED), tmp_path, "http://user:sesame@127.0.0.1:9", sleep=pauses_s.append)
    assert len(pauses_s) == 4
    assert pauses_s == sorted(pauses_s)


def test_an_address_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="correct --raw-files"):
        fetch(origin_of(CRYPTOFEED), tmp_path, "somewhere")


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"start_ns": 5}, "no connection"),
        ({"frames": 9}, "3 received and 1 sent in 2.0 s"),
        ({"sent": 0, "seconds": 1.1}, "2 received and 1 sent in 1.0 s"),
        ({"seconds": 1.1}, "2 received and 1 sent in 1.0 s"),
    ],
)
def test_what_is_not_as_listed_is_reported_and_not_written(
    tmp_path: Path, publisher: Publisher, changes: dict[str, Any], found: str
) -> None:
    origin = origin_of(CRYPTOFEED, **changes)
    outcome, _ = fetched(tmp_path, publisher, origin)
    assert outcome.state is State.DIFFERS
    assert f"found {found}: " in outcome.reason
    assert not (tmp_path / origin.file).exists()
    assert (tmp_path / ORIGINALS / origin.local_name).read_bytes() == CRYPTOFEED


@pytest.mark.parametrize(
    "content", [gzip.compress(b"other lines", mtime=0), gzip.compress(CAPTURE, mtime=0)[:-9], b"no gzip"]
)
def test_a_capture_with_other_lines_is_left_alone(tmp_path: Path, publisher: Publisher, content: bytes) -> None:
    origin = origin_of(CRYPTOFEED)
    path = tmp_path / origin.file
    path.parent.mkdir()
    path.write_bytes(content)
    outcome, _ = fetched(tmp_path, publisher, origin)
    assert (outcome.state, path.read_bytes()) == (State.DIFFERS, content)


CROSSBOOK = (
    b"CBCAP1 kraken BTC/USD 1785552832693693000\n201603688723400 2\n{}\n201603788723400 5\n[1,\n2]"[:-1] + b"]\n"
)
JSON_LINES = b"""\
{"ts":1763059006.0311291,"pair":"BTC-USD","raw":"{\\"type\\":\\"subscriptions\\"}"}
{"ts":1763059007.109227,"pair":"BTC-USD","raw":"{\\"type\\":\\"ticker\\"}"}
{"ts":1763059009,"pair":"BTC-USD","raw":"{\\"type\\":\\"subscriptions\\"}"}
"""


def entries_of(folder: Path, content: bytes) -> list[tuple[Kind, int, str]]:
    path = folder / "x"
    path.write_bytes(content)
    return [(entry.kind, entry.ts_ns, entry.text) for entry in read_original(path)]


def test_crossbook(tmp_path: Path) -> None:
    expected = [(Kind.RECEIVED, 201603688723400, "{}"), (Kind.RECEIVED, 201603788723400, "[1,\n2]")]
    assert entries_of(tmp_path, CROSSBOOK.replace(b"400 5", b"400 6")) == expected


def test_json_lines_of_several_connections(tmp_path: Path) -> None:
    assert entries_of(tmp_path, JSON_LINES) == [
        (Kind.CONNECT, 1763059006031129100, ""),
        (Kind.RECEIVED, 1763059006031129100, '{"type":"subscriptions"}'),
        (Kind.RECEIVED, 1763059007109227000, '{"type":"ticker"}'),
        (Kind.CONNECT, 1763059009000000000, ""),
        (Kind.RECEIVED, 1763059009000000000, '{"type":"subscriptions"}'),
    ]


@pytest.mark.parametrize(
    "content",
    [
        CROSSBOOK,
        CROSSBOOK.replace(b"400 5", b"400 9"),
        CROSSBOOK + b"no header\n",
        JSON_LINES + b'{"ts":"x"}\n',
        JSON_LINES + b'{"ts":1,"raw":"{}"}\n',
        b"hello\n",
        b"",
    ],
)
def test_what_does_not_keep_to_its_form(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SchemaError, match="^Expected a "):
        entries_of(tmp_path, content)


def test_a_gzip_stream_that_is_cut_off_ends_there(tmp_path: Path) -> None:
    lines = b"".join(b'%d {"n":%d}\n' % (1723161253937085768 + n, n * n) for n in range(5_000))
    assert 1_000 < len(entries_of(tmp_path, gzip.compress(lines)[:-2_000])) < 5_000


INDEX = "file,frames,sent,seconds,start_ns\nx/X.jsonl.gz,2,1,1.0,1617647603424944900\n"


def write_lists(folder: Path, **changes: str) -> Path:
    names = ("file", "repository", "commit", "path", "sha256")
    row = {name: getattr(origin_of(CRYPTOFEED), name) for name in names} | changes
    (folder / "index.csv").write_text(INDEX.replace("x/X.jsonl.gz", "../X") if ".." in row["file"] else INDEX)
    path = folder / "origins.csv"
    path.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
    return path


def test_the_lists(tmp_path: Path) -> None:
    assert read_origins(write_lists(tmp_path)) == [origin_of(CRYPTOFEED)]
    assert read_origins(tmp_path / "origins.csv", "x/*") == [origin_of(CRYPTOFEED)]
    with pytest.raises(ConfigError, match=r"fit kraken/\* in"):
        read_origins(tmp_path / "origins.csv", "kraken/*")


@pytest.mark.parametrize("changes", [{"file": "../X"}, {"sha256": "12"}, {"file": "not in the index"}])
def test_a_row_that_is_wrong(tmp_path: Path, changes: dict[str, str]) -> None:
    with pytest.raises(SchemaError, match="correct the row"):
        read_origins(write_lists(tmp_path, **changes))


@pytest.mark.parametrize("missing", ["origins.csv", "index.csv"])
def test_a_folder_without_lists(tmp_path: Path, missing: str) -> None:
    write_lists(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(ConfigError, match=rf"{missing}, found No such file"):
        read_origins(tmp_path / "origins.csv")


@needs_captures
@needs_originals
@pytest.mark.parametrize(
    ("original", "capture"),
    [
        ("KRAKEN__2021-04-05__1136b5496b.capture", "kraken/KRAKEN__2021-04-05__1136b5496b.jsonl.gz"),
        ("kraken_btcusd_l2__84bfe190a7.cbcap", "kraken/kraken_btcusd_l2__84bfe190a7.jsonl.gz"),
        ("spot__btcusdt_20230405.dat__87c736566d.gz", "binance/spot__btcusdt_20230405__87c736566d.jsonl.gz"),
    ],
)
def test_published_originals_become_their_captures(
    tmp_path: Path, publisher: Publisher, original: str, capture: str
) -> None:
    publisher.content = (SHARED_ORIGINALS / original).read_bytes()
    (origin,) = read_origins(CAPTURES / "origins.csv", capture)
    assert fetched(tmp_path, publisher, origin)[0].state is State.WRITTEN
    made, published = ((folder / capture).read_bytes() for folder in (tmp_path, CAPTURES))
    assert gzip.decompress(made) == gzip.decompress(published)
    if "ng" not in zlib.ZLIB_RUNTIME_VERSION:  # zlib-ng deflates to other bytes
        assert made == published


@needs_captures
@needs_originals
def test_the_beginning_of_an_original_of_several_connections() -> None:
    """Only its first lines are here: they end within the second connection."""
    entries = [*read_original(SHARED_ORIGINALS / "COINBASE__2025-11-12__531ff733f0.head.ndjson")]
    _, begin = (place for place, entry in enumerate(entries) if entry.kind is Kind.CONNECT)
    frames = [(entry.ts_ns, entry.text) for entry in entries[begin + 1 :]]
    capture = read_frames(CAPTURES / "coinbase" / "COINBASE__2025-11-13__531ff733f0.c2.jsonl.gz")
    assert len(frames) > 300
    assert [(frame.ts_ns, frame.text) for frame in islice(capture, len(frames))] == frames


@needs_captures
def test_each_published_capture_is_as_the_list_says() -> None:
    """Its own frames, as if the original held nothing else, give it back byte for byte."""
    kinds = {"recv": Kind.RECEIVED, "send": Kind.SENT}
    for origin in read_origins(CAPTURES / "origins.csv"):
        path = CAPTURES / origin.file
        entries = [Entry(kind=kinds[f.direction], ts_ns=f.ts_ns, text=f.text) for f in read_frames(path)]
        assert capture_text(origin, entries) == gzip.decompress(path.read_bytes())
