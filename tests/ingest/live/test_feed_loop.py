"""The engine against a real server in this process: what the server says that it sent is what the sink must have."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import logging
import re
import socket
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from fingerprint_testing.marks import needs_captures
from fingerprint_testing.paths import CAPTURES
from fingerprint_testing.venue import Peer, Proxy, Refusal, Venue
from ingest.frame import Frame
from ingest.live.backoff import Backoff
from ingest.live.feed import Feed, Keepalive
from ingest.live.feed_loop import watch_feeds
from ingest.live.feed_session import FeedStats, new_connection_id
from ingest.recordings.binary_frames import LARGEST_FRAME_BYTES, to_text
from ingest.recordings.capture import read_frames
from udfs.errors import ConfigError

SOON = Backoff(first_s=0.05, most_s=0.1)
TEXTS = tuple(f'{{"seq":{n}}}' for n in range(500))

OpenVenue = Callable[..., Venue]


class ListSink:
    """Keeps what it gets; full above a number of frames."""

    def __init__(self, room: int = 10**9) -> None:
        self.room = room
        self.n_frames = 0
        self.frames: dict[str, list[Frame]] = {}
        self.ends: dict[str, str] = {}

    def open(self, connection_id: str, feed: Feed) -> None:
        assert connection_id not in self.frames
        assert connection_id.startswith(feed.name)
        self.frames[connection_id] = []

    def write(self, connection_id: str, frame: Frame) -> None:
        assert connection_id not in self.ends
        self.n_frames += 1
        self.frames[connection_id].append(frame)

    def close(self, connection_id: str, reason: str) -> None:
        assert connection_id not in self.ends
        self.ends[connection_id] = reason

    @property
    def full(self) -> bool:
        return self.n_frames >= self.room

    @property
    def ids(self) -> list[str]:
        return list(self.frames)

    @property
    def reasons(self) -> list[str]:
        return [self.ends[connection_id] for connection_id in self.ends]

    def texts(self, session: int, direction: str = "recv") -> list[str]:
        frames = self.frames[self.ids[session]] if session < len(self.frames) else []
        return [frame.text for frame in frames if frame.direction == direction]


def _feed(url: str, **options: Any) -> Feed:
    settings: dict[str, Any] = {"name": "test", "declared_exchange": None, "silent_after_s": 20, "connect_every_s": 0}
    return Feed(url=url, **(settings | options))


def _watch(
    feeds: Feed | Sequence[Feed],
    sink: ListSink,
    *,
    until: Callable[[], object],
    stats: dict[str, FeedStats] | None = None,
    backoff: Backoff = SOON,
) -> None:
    """Watch feeds until a condition holds, and stop."""

    async def run() -> None:
        stop = asyncio.Event()
        chosen = [feeds] if isinstance(feeds, Feed) else feeds
        watching = asyncio.create_task(watch_feeds(chosen, sink, stop=stop, stats=stats, backoff=backoff))
        async with asyncio.timeout(60):
            while not until() and not watching.done():
                await asyncio.sleep(0.005)
            stop.set()
            await watching

    asyncio.run(run())


async def _burst(peer: Peer) -> None:
    await peer.send(*TEXTS)


async def _drop(peer: Peer) -> None:
    peer.drop()


def _then(what: Callable[[Peer], Any]) -> Callable[[Peer], Any]:
    async def script(peer: Peer) -> None:
        await peer.wait_received(1)
        await peer.send(*TEXTS)
        done = what(peer)
        if done is not None:
            await done

    return script


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (lambda peer: peer.close(1001), "closed by the venue (1001)"),
        (lambda peer: peer.close(4000), "closed by the venue (4000)"),
        (lambda peer: peer.drop(), "connection lost"),
        (lambda peer: peer.announce(LARGEST_FRAME_BYTES), "frame too large"),
        (lambda peer: peer.send_nonsense(), "protocol error (1002)"),
    ],
)
def test_a_session_ends_whole_and_the_next_asks_again(open_venue: OpenVenue, what: Any, reason: str) -> None:
    venue, sink = open_venue(_then(what), _burst), ListSink()
    feed = _feed(venue.url, requests=("a", "b"), requests_per_s=200)
    _watch(feed, sink, until=lambda: len(sink.texts(1)) == 500 and len(sink.texts(1, "send")) == 2)
    assert sink.texts(0) == sink.texts(1) == list(TEXTS)
    assert sink.texts(0, "send")[0] == "a"
    assert sink.texts(1, "send") == venue.peers[1].texts == ["a", "b"]
    assert sink.reasons == [reason, "stop"]
    assert len(set(sink.ids)) == 2


def test_a_frame_that_inflates_to_too_much_is_too_large(open_venue: OpenVenue) -> None:
    async def bomb(peer: Peer) -> None:
        await peer.send("before", " " * (LARGEST_FRAME_BYTES + 1))

    venue, sink = open_venue(bomb, _burst), ListSink()
    _watch(_feed(venue.url), sink, until=lambda: len(sink.frames) == 2)
    assert sink.texts(0) == ["before"]
    assert sink.reasons[0] == "frame too large"


def test_after_a_reset_what_arrived_is_there(open_venue: OpenVenue) -> None:
    venue, sink = open_venue(_then(lambda peer: peer.reset()), _burst), ListSink()
    _watch(_feed(venue.url, requests=("a",)), sink, until=lambda: len(sink.texts(1)) == 500)
    assert sink.texts(0) == list(TEXTS[: len(sink.texts(0))]), "a reset may destroy what is on its way, but no order"
    assert sink.reasons == ["connection lost", "stop"]


def test_the_engine_never_looks_into_a_frame(open_venue: OpenVenue) -> None:
    awkward = [
        *("", " ", "{", '{"seq":', "[1,2", "null", "\x00", "ping", "é✓😀", '{"a":1}{"b":2}', "x" * 200_000),
        *('{"seq":7}', '{"seq":5}', '{"seq":5}', '{"seq":6}'),
    ]

    async def script(peer: Peer) -> None:
        await peer.send(*awkward)
        await peer.send_invalid(b'{"a":"\xff\xfe"}', meaning='{"a":"\ufffd\ufffd"}')
        await peer.send_invalid(b"\xe2\x82", meaning="\ufffd")

    venue, sink = open_venue(script), ListSink()
    _watch(_feed(venue.url), sink, until=lambda: len(sink.texts(0)) == len(awkward) + 2)
    assert sink.texts(0) == venue.peers[0].sent


def _raw_deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(data) + deflater.flush()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b'{"a":1}', '{"a":1}'),
        ("é".encode(), "é"),
        (b"x^2", "x^2"),  # begins like zlib
        (gzip.compress(b'{"ping":1}', mtime=0), '{"ping":1}'),
        (zlib.compress(b'{"ping":1}'), '{"ping":1}'),
        (zlib.compress(b"a", 0), "a"),
        (_raw_deflate('{"ping":"é"}'.encode()), '{"ping":"é"}'),
        (bytes([0, 1, 200]), r"b'\x00\x01\xc8'"),
        (gzip.compress(b"\xff", mtime=0), repr(gzip.compress(b"\xff", mtime=0))),
        (gzip.compress(b"abc", mtime=0)[:-1], repr(gzip.compress(b"abc", mtime=0)[:-1])),
    ],
)
def test_binary_frames(data: bytes, text: str) -> None:
    assert to_text(data) == text


def test_a_binary_frame_that_inflates_to_too_much_is_not_inflated() -> None:
    bomb = gzip.compress(bytes(LARGEST_FRAME_BYTES + 1))
    assert to_text(bomb) == repr(bomb)


def test_binary_frames_of_a_venue(open_venue: OpenVenue) -> None:
    async def script(peer: Peer) -> None:
        for text in TEXTS:
            await peer.send_binary(gzip.compress(text.encode()), meaning=text)
        await peer.send_binary(b"\xff", meaning=r"b'\xff'")

    venue, sink = open_venue(script), ListSink()
    _watch(_feed(venue.url), sink, until=lambda: len(sink.texts(0)) == 501)
    assert sink.texts(0) == venue.peers[0].sent


@pytest.mark.parametrize("compress", [True, False])
def test_compression_is_offered_and_taken_as_it_comes(open_venue: OpenVenue, compress: bool) -> None:
    venue, sink = open_venue(_burst, compress=compress), ListSink()
    both = lambda: len(sink.texts(0)) == 500 and venue.peers[0].texts  # noqa: E731  # each has heard the other
    _watch(_feed(venue.url, requests=("é" * 20_000,)), sink, until=both)
    assert "permessage-deflate" in venue.peers[0].request.headers["Sec-WebSocket-Extensions"]
    assert bool(venue.peers[0].websocket.compress) == compress
    assert sink.texts(0) == list(TEXTS)
    assert venue.peers[0].texts == ["é" * 20_000]


def test_many_frames_and_their_numbers(open_venue: OpenVenue, caplog: pytest.LogCaptureFixture) -> None:
    texts = [f'{{"seq":{n},"é":1}}' for n in range(30_000)]

    async def script(peer: Peer) -> None:
        await peer.wait_received(1)
        await peer.flood(texts)
        await peer.close(1000, "thank you")

    venue, sink, stats = open_venue(script, _then(lambda _: None)), ListSink(), {"test": FeedStats()}
    started_ns = time.time_ns()
    with caplog.at_level(logging.INFO):
        _watch(_feed(venue.url, requests=("é",)), sink, until=lambda: len(sink.texts(1)) == 500, stats=stats)
    assert sink.texts(0) == texts
    times_ns = [frame.ts_ns for frame in sink.frames[sink.ids[0]]]
    assert started_ns <= min(times_ns)
    assert times_ns == sorted(times_ns)
    counted = stats["test"]
    n_bytes = sum(len(text.encode()) for text in (*texts, *TEXTS))
    assert (counted.sessions, counted.frames_in, counted.bytes_in) == (2, 30_500, n_bytes)
    assert (counted.frames_out, counted.bytes_out) == (2, 4)
    assert counted.last_frame_ns == sink.frames[sink.ids[1]][-1].ts_ns
    assert counted.ends == {"closed by the venue (1000)": 1, "stop": 1}
    assert (counted.state, counted.connection_id) == ("stopped", None)
    log = [re.sub(r"\d+\.\d s", "# s", message) for message in caplog.messages]
    n_first = sum(len(text.encode()) for text in texts)
    assert log == [
        f"test: connected as {sink.ids[0]}",
        "test: the venue said 'thank you'",
        f"test: closed by the venue (1000) after # s, 30000 frames, {n_first} bytes received",
        "test: next attempt in # s",
        f"test: connected as {sink.ids[1]}",
        f"test: stop after # s, 500 frames, {n_bytes - n_first} bytes received",
    ]


@needs_captures
def test_a_recording_at_its_pace(open_venue: OpenVenue) -> None:
    (path,) = CAPTURES.glob("kraken/KRAKEN__2021-04-05__ad8b9a2031.jsonl.gz")
    frames = list(itertools.islice(read_frames(path), 1_000))
    span_s = (frames[-1].ts_ns - frames[0].ts_ns) / 1e9
    texts = [frame.text for frame in frames if frame.direction == "recv"]
    venue, sink = open_venue(lambda peer: peer.play(frames, speed=span_s / 1.0)), ListSink()
    _watch(_feed(venue.url), sink, until=lambda: len(sink.texts(0)) == len(texts))
    assert sink.texts(0) == texts


def test_a_slow_peer(open_venue: OpenVenue) -> None:
    venue, sink = open_venue(lambda peer: peer.drip("x" * 300, bytes_at_once=3, gap_s=0.002)), ListSink()
    _watch(_feed(venue.url), sink, until=lambda: sink.texts(0))
    assert sink.texts(0) == ["x" * 300]


def test_a_stall_shorter_than_the_contract_ends_nothing(open_venue: OpenVenue) -> None:
    async def script(peer: Peer) -> None:
        await peer.send("before")
        peer.play_dead()
        await asyncio.sleep(0.5)
        peer.wake_up()
        await peer.send("after")

    venue, sink = open_venue(script), ListSink()
    _watch(_feed(venue.url, silent_after_s=5), sink, until=lambda: len(sink.texts(0)) == 2)
    assert sink.texts(0) == ["before", "after"]
    assert sink.reasons == ["stop"]


async def _talk_and_die(peer: Peer) -> None:
    await peer.send(*TEXTS)
    peer.play_dead()


@pytest.mark.parametrize(
    ("contract", "reason"), [({"silent_after_s": 2.0}, "silent"), ({"ping_every_s": 2.0}, "no pong")]
)
def test_a_half_open_socket(open_venue: OpenVenue, contract: dict[str, float], reason: str) -> None:
    venue, sink = open_venue(_talk_and_die, _burst), ListSink()
    _watch(_feed(venue.url, **contract), sink, until=lambda: len(sink.texts(1)) == 500)
    assert sink.texts(0) == sink.texts(1) == list(TEXTS)
    assert sink.reasons == [reason, "stop"]
    assert venue.attempts_s[1] - venue.attempts_s[0] > 1.9


def test_a_peer_that_pings_but_takes_no_answer(open_venue: OpenVenue) -> None:
    async def script(peer: Peer) -> None:
        peer.play_dead()
        while True:
            await peer.ping(bytes(125))

    venue, sink = open_venue(script, _burst), ListSink()
    _watch(_feed(venue.url, silent_after_s=2.0), sink, until=lambda: len(sink.texts(1)) == 500)
    assert set(sink.texts(0)) == {"ping"}
    assert sink.reasons == ["silent", "stop"]


def test_pongs_are_a_sign_of_life(open_venue: OpenVenue) -> None:
    venue, sink = open_venue(), ListSink()
    feed = _feed(venue.url, silent_after_s=4.0, ping_every_s=1.5)
    _watch(feed, sink, until=lambda: venue.peers and len(venue.peers[0].pings) >= 4)
    assert sink.reasons == ["stop"]
    assert sink.n_frames == 0, "neither our pings nor pongs are frames"


def test_frames_are_a_sign_of_life_where_nobody_answers_pings(open_venue: OpenVenue) -> None:
    async def script(peer: Peer) -> None:
        peer.play_dead()
        for _ in range(25):  # for more than two pings
            await peer.send("tick")
            await asyncio.sleep(0.2)
        peer.wake_up()

    venue, sink = open_venue(script), ListSink()
    feed = _feed(venue.url, ping_every_s=2.0)
    _watch(feed, sink, until=lambda: len(sink.texts(0)) == 25)
    assert sink.reasons == ["stop"]


def test_pings_of_the_venue_are_frames_and_answered(open_venue: OpenVenue) -> None:
    async def script(peer: Peer) -> None:
        await peer.send("a")
        await peer.ping(b"1617574000123")
        await peer.send("b")
        await peer.ping()

    venue, sink = open_venue(script), ListSink()
    _watch(_feed(venue.url), sink, until=lambda: venue.peers and len(venue.peers[0].pongs) == 2)
    assert sink.texts(0) == venue.peers[0].sent == ["a", "ping", "b", "ping"]
    assert venue.peers[0].pongs == [b"1617574000123", b""]


def test_requests_keep_their_distance(open_venue: OpenVenue) -> None:
    venue, sink = open_venue(), ListSink()
    requests = tuple(f"subscribe {n}" for n in range(6))
    feed = _feed(venue.url, requests=requests, requests_per_s=10)
    _watch(feed, sink, until=lambda: venue.peers and len(venue.peers[0].received) == 6)
    assert venue.peers[0].texts == sink.texts(0, "send") == list(requests)
    sent_ns = [frame.ts_ns for frame in sink.frames[sink.ids[0]]]
    assert all(later - earlier > 0.09e9 for earlier, later in itertools.pairwise(sent_ns))


def test_keepalive(open_venue: OpenVenue) -> None:
    venue, sink = open_venue(), ListSink()
    feed = _feed(venue.url, requests=("ask",), keepalive=Keepalive(text="ping", every_s=0.05))
    _watch(feed, sink, until=lambda: venue.peers and len(venue.peers[0].received) >= 4)
    assert venue.peers[0].texts[:4] == ["ask", "ping", "ping", "ping"]
    assert sink.texts(0, "send") == venue.peers[0].texts


def test_a_session_ends_before_the_venue_would_end_it(open_venue: OpenVenue) -> None:
    async def script(peer: Peer) -> None:
        for n in itertools.count():
            await peer.send(str(n))
            await asyncio.sleep(0.001)

    venue, sink = open_venue(script), ListSink()
    _watch(_feed(venue.url, longest_session_s=1.5), sink, until=lambda: len(sink.frames) == 3)
    assert sink.reasons == ["session limit", "session limit", "stop"]
    assert [sink.texts(n) for n in range(3)] == [peer.sent for peer in venue.peers]


async def _flood_on(peer: Peer) -> None:
    for n in itertools.count():
        await peer.send(*(f"{n}.{part}" for part in range(100)))
        await asyncio.sleep(0)


def test_stop_loses_nothing_that_was_sent_before_the_goodbye(open_venue: OpenVenue) -> None:
    venue, sink = open_venue(_flood_on), ListSink()
    _watch(_feed(venue.url), sink, until=lambda: sink.n_frames > 5_000)
    assert sink.texts(0) == venue.peers[0].sent
    assert sink.reasons == ["stop"]
    assert venue.peers[0].close_code == 1000


def test_cancelling_is_as_polite_as_stop(open_venue: OpenVenue) -> None:
    venue, sink = open_venue(_flood_on), ListSink()

    async def run() -> None:
        watching = asyncio.create_task(watch_feeds([_feed(venue.url)], sink, stop=asyncio.Event()))
        while sink.n_frames < 5_000:
            await asyncio.sleep(0.005)
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watching

    asyncio.run(run())
    assert sink.texts(0) == venue.peers[0].sent
    assert sink.reasons == ["stop"]


def test_stop_does_not_wait_for_a_peer_that_is_dead(open_venue: OpenVenue) -> None:
    venue, sink = open_venue(_talk_and_die), ListSink()
    _watch(_feed(venue.url), sink, until=lambda: len(sink.texts(0)) == 500)
    assert sink.texts(0) == list(TEXTS)
    assert sink.reasons == ["stop"]


def test_a_full_sink(open_venue: OpenVenue) -> None:
    venue, sink, stats = open_venue(_flood_on), ListSink(room=1_000), {"test": FeedStats()}

    def until() -> bool:
        if sink.n_frames >= sink.room and stats["test"].state == "waiting for room":
            assert len(venue.peers) == len(sink.ends), "nobody listens while there is no room"
            sink.room = 10**9 if len(sink.ends) == 2 else sink.n_frames + 1_000
        return len(sink.frames) == 3 and len(sink.texts(2)) > 2_000

    _watch(_feed(venue.url), sink, until=until, stats=stats)
    assert sink.reasons == ["sink full", "sink full", "stop"]
    assert [sink.texts(n) for n in range(3)] == [peer.sent for peer in venue.peers]
    assert len(sink.texts(0)) >= 1_000


class BrokenSink(ListSink):
    def write(self, connection_id: str, frame: Frame) -> None:
        super().write(connection_id, frame)
        if connection_id.startswith("bad"):
            raise ConfigError("the disk is full")


def test_an_error_of_the_sink_ends_all_and_is_told(open_venue: OpenVenue) -> None:
    async def once_both_are_there(peer: Peer) -> None:
        while len(venue.peers) < 2:
            await asyncio.sleep(0.005)
        await peer.send(*TEXTS)

    venue, sink = open_venue(once_both_are_there), BrokenSink()
    feeds = [_feed(venue.url, name="good"), _feed(venue.url, name="bad")]
    with pytest.raises(ConfigError, match="the disk is full"):
        _watch(feeds, sink, until=lambda: False)
    assert sorted(sink.reasons) == ["broken off", "stop"]


def test_failures_wait_longer_and_longer() -> None:
    backoff = Backoff()
    assert [backoff.ceiling_s(failures) for failures in (1, 2, 3, 4, 5, 6, 7, 8, 5_000)] == [
        *(1, 2, 4, 8, 16, 32),
        *(60, 60, 60),
    ]
    for failures in (1, 5, 9):
        waits_s = [backoff.wait_s(failures) for _ in range(1_000)]
        ceiling_s = backoff.ceiling_s(failures)
        assert 0 <= min(waits_s) < 0.1 * ceiling_s
        assert 0.9 * ceiling_s < max(waits_s) <= ceiling_s


def test_failures_are_counted_until_a_session_lives_long_enough(
    open_venue: OpenVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def live_a_little(peer: Peer) -> None:
        await asyncio.sleep(3.0)
        peer.drop()

    asked: list[int] = []
    monkeypatch.setattr(Backoff, "wait_s", lambda self, failures: asked.append(failures) or 0.0)
    venue, sink = open_venue(Refusal(503), _drop, Refusal(500), live_a_little, _drop, _burst), ListSink()
    backoff = Backoff(forgive_after_s=2.0)
    _watch(_feed(venue.url), sink, until=lambda: len(sink.frames) == 4 and sink.texts(3), backoff=backoff)
    assert asked == [1, 2, 3, 1, 2]


def test_attempts_keep_their_distance_even_of_different_feeds(open_venue: OpenVenue) -> None:
    venue, sink = open_venue(*[Refusal(503)] * 4, _burst), ListSink()
    feeds = [_feed(venue.url, name=name, connect_every_s=0.2) for name in ("a", "b")]
    started_s = time.monotonic()  # the venue may hear late of the first
    _watch(feeds, sink, until=lambda: len(sink.frames) == 2, backoff=Backoff(first_s=0.0))
    assert len(venue.attempts_s) == 6
    assert venue.attempts_s[-1] - started_s > 0.95, "five distances"


@pytest.mark.parametrize("status", [200, 301, 401, 403, 404, 410])
def test_what_will_not_go_away_is_the_users_mistake(open_venue: OpenVenue, status: int) -> None:
    venue = open_venue(Refusal(status))
    with pytest.raises(ConfigError, match=rf"Expected {venue.url} to open a WebSocket, found HTTP {status}: check"):
        _watch(_feed(venue.url + "?secret=1"), ListSink(), until=lambda: False)
    assert len(venue.attempts_s) == 1


def test_a_mistake_ends_the_other_feeds_politely(open_venue: OpenVenue) -> None:
    sink = ListSink()
    good, bad = open_venue(_flood_on), open_venue(Refusal(404, due=lambda: sink.n_frames))
    with pytest.raises(ConfigError, match="HTTP 404"):
        _watch([_feed(good.url, name="a"), _feed(bad.url, name="b")], sink, until=lambda: False)
    assert [sink.texts(n) for n in range(len(sink.frames))] == [peer.sent for peer in good.peers]
    assert sink.reasons == ["stop"]


def test_a_refusal_later_on_is_tried_again(open_venue: OpenVenue, caplog: pytest.LogCaptureFixture) -> None:
    venue, sink, stats = open_venue(_burst, *[Refusal(403)] * 2, _burst), ListSink(), {"test": FeedStats()}

    async def run() -> None:
        stop = asyncio.Event()
        watching = asyncio.create_task(watch_feeds([_feed(venue.url)], sink, stop=stop, stats=stats, backoff=SOON))
        while len(sink.texts(0)) < 500:
            await asyncio.sleep(0.005)
        venue.tell(_drop)
        while len(sink.texts(1)) < 500:
            await asyncio.sleep(0.005)
        stop.set()
        await watching

    asyncio.run(run())
    assert stats["test"].ends == {"connection lost": 1, "refused (HTTP 403)": 2, "stop": 1}
    assert sum("found HTTP 403: check the address" in message for message in caplog.messages) == 2


@pytest.mark.parametrize("status", [429, 418, 503])
def test_retry_after_is_honoured(open_venue: OpenVenue, status: int) -> None:
    venue, sink = open_venue(Refusal(status, {"Retry-After": "1"}), _burst), ListSink()
    _watch(_feed(venue.url), sink, until=lambda: len(sink.texts(0)) == 500)
    assert venue.attempts_s[1] - venue.attempts_s[0] > 0.95


@pytest.mark.parametrize(
    ("headers", "least_s"),
    [({}, 59), ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, 7 * 86_400 - 1), ({"Retry-After": "soon"}, 59)],
)
def test_too_many_attempts_earn_a_long_pause(open_venue: OpenVenue, headers: dict[str, str], least_s: float) -> None:
    venue, stats = open_venue(Refusal(429, headers)), {"test": FeedStats()}
    started_ns = time.time_ns()
    _watch(_feed(venue.url), ListSink(), until=lambda: stats["test"].state == "backing off", stats=stats)
    assert stats["test"].next_attempt_ns - started_ns > least_s * 1e9


def test_nobody_there_yet(open_venue: OpenVenue) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        stats = {"a": FeedStats(), "b": FeedStats()}
        feeds = [
            _feed(f"ws://127.0.0.1:{closed.getsockname()[1]}", name="a"),
            _feed("wss://nowhere.invalid/ws", name="b"),
        ]
        _watch(feeds, ListSink(), until=lambda: all(s.ends.total() >= 2 for s in stats.values()), stats=stats)
    assert set(stats["a"].ends) == {"refused (unreachable)"}
    assert set(stats["b"].ends) == {"refused (name)"}


def test_stop_while_connecting(open_venue: OpenVenue) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        stats = {"test": FeedStats()}
        feed = _feed(f"ws://127.0.0.1:{mute.getsockname()[1]}")
        started_s = time.monotonic()
        _watch(feed, ListSink(), until=lambda: time.monotonic() - started_s > 0.2, stats=stats)
    assert (stats["test"].sessions, stats["test"].ends.total()) == (0, 0)


@pytest.mark.parametrize("url", ["stream.example.com", "http://x", "wss://", "wss:///ws", "ws://" + "a" * 70])
def test_an_address_that_is_none(open_venue: OpenVenue, url: str) -> None:
    with pytest.raises(ConfigError, match=r"found no such address.*: give one as wss://host/path"):
        _watch(_feed(url), ListSink(), until=lambda: False)


def test_feeds_have_their_own_names() -> None:
    feed = _feed("ws://x")
    with pytest.raises(ConfigError, match="'test' twice"):
        _watch([feed, feed], ListSink(), until=lambda: False)


def test_no_feeds_are_soon_watched() -> None:
    _watch([], ListSink(), until=lambda: False)


def test_a_certificate_that_nobody_vouches_for(open_venue: OpenVenue, certificate: Path) -> None:
    venue = open_venue(_burst, tls=certificate)
    with pytest.raises(ConfigError, match=r"found a certificate that cannot be verified \(self-signed certificate\)"):
        _watch(_feed(venue.url), ListSink(), until=lambda: False)
    assert venue.attempts_s == []


def test_tls_where_there_is_none(open_venue: OpenVenue) -> None:
    venue, stats = open_venue(_burst), {"test": FeedStats()}
    feed = _feed(venue.url.replace("ws://", "wss://"))
    _watch(feed, ListSink(), until=lambda: stats["test"].ends, stats=stats)
    assert set(stats["test"].ends) == {"refused (TLS)"}


def test_tls(open_venue: OpenVenue, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venue, sink = open_venue(_flood_on, tls=certificate), ListSink()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    _watch(_feed(venue.url), sink, until=lambda: sink.n_frames > 5_000)
    assert sink.texts(0) == venue.peers[0].sent
    assert sink.reasons == ["stop"]


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "wss_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment(
    open_venue: OpenVenue, certificate: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    venue, sink = open_venue(_burst, tls=certificate), ListSink()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Proxy() as proxy:
        monkeypatch.setenv(name, proxy.url.replace("//", "//me:secret@"))
        _watch(_feed(venue.url), sink, until=lambda: len(sink.texts(0)) == 500)
    assert sink.texts(0) == list(TEXTS)
    (head,) = proxy.requests
    assert head.startswith(f"CONNECT {venue.url.split('/')[2]} HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic bWU6c2VjcmV0" in head


def test_no_proxy(open_venue: OpenVenue, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venue, sink = open_venue(_burst, tls=certificate), ListSink()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "localhost")
        _watch(_feed(venue.url), sink, until=lambda: len(sink.texts(0)) == 500)
    assert proxy.requests == []


@pytest.mark.parametrize(
    ("variable", "found"),
    [("socks5://me:secret@127.0.0.1:1080", "a socks5:// proxy in the environment"), (None, "proxy HTTP 405")],
)
def test_proxies_that_do_not_help(
    open_venue: OpenVenue, monkeypatch: pytest.MonkeyPatch, variable: str | None, found: str
) -> None:
    open_venue()  # clears the environment
    with Proxy() as proxy:
        proxy.tunnels = False
        monkeypatch.setenv("HTTPS_PROXY", variable or proxy.url)
        with pytest.raises(ConfigError, match=f"found {found}: ") as error:
            _watch(_feed("wss://127.0.0.1:9/ws"), ListSink(), until=lambda: False)
    assert "secret" not in str(error.value)


def test_connection_ids() -> None:
    now_ns = 1_617_574_000_123_456_789
    ids = {new_connection_id("kraken-v2", now_ns) for _ in range(50)}
    assert len(ids) > 45
    assert all(re.fullmatch(r"kraken-v2-20210404T220640\.123Z-[0-9a-f]{4}", one) for one in ids)
    assert len(new_connection_id("x" * 500, now_ns)) <= 128
