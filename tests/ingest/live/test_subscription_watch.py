"""What a venue refuses or leaves mute is told once, with the request, and ends a run that requires all."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from fingerprint_testing.venue import Peer, Venue
from ingest.adapters.coinbase import COINBASE
from ingest.adapters.generic import generic_feed
from ingest.adapters.kraken import KRAKEN
from ingest.frame import Direction, Frame
from ingest.live import subscription_watch
from ingest.live.feed import Feed
from ingest.live.live_run import LiveRun
from ingest.live.subscription_watch import SubscriptionWatch, WatchSink
from ingest.recordings.recorder import Recorder
from udfs.errors import ConfigError

BINANCE_LIKE = Feed(
    name="quiet", declared_exchange=None, url="ws://x/stream", symbols=("btcusdt", "ethusdtt"), silent_after_s=60
)
NO_KRAKEN = (
    '{"error":"Currency pair not supported XBTT/USD","method":"subscribe","req_id":1,"success":false,'
    '"symbol":"XBTT/USD","time_in":"2026-05-28T20:26:40.1Z","time_out":"2026-05-28T20:26:40.2Z"}'
)
NO_COINBASE = '{"type":"error","message":"Failed to subscribe","reason":"ETH-EURR is not a valid product"}'
NO_MEXC = (
    '{"id":7,"code":0,"msg":"Not Subscribed successfully! [spot@public.deals.v3.api@BTCUSDT].  Reason： Blocked! "}'
)


class Told:
    """A watch that hears frames at times of the test's choosing."""

    def __init__(self, feed: Feed, *, require_all: bool = False) -> None:
        self.now_s = 0.0
        self.watch = SubscriptionWatch(feed, require_all=require_all, clock_s=lambda: self.now_s)
        self.sink = WatchSink(self.watch)
        self.sink.open("a", feed)

    def hear(self, *texts: str, direction: Direction = "recv") -> None:
        for text in texts:
            self.sink.write("a", Frame(int(self.now_s * 1e9), direction, text))

    def look_at(self, now_s: float) -> None:
        self.now_s = now_s
        self.watch.look()


def trade(symbol: str) -> str:
    return json.dumps({"stream": f"{symbol}@trade", "data": {"e": "trade", "s": symbol.upper(), "p": "1.5", "E": 1}})


def test_pings_are_no_data(caplog: pytest.LogCaptureFixture) -> None:
    told = Told(BINANCE_LIKE)
    told.hear("ping", "ping")
    told.look_at(29.9)
    assert caplog.messages == []
    told.look_at(30.0)
    told.look_at(60.0)
    assert caplog.messages == [
        "quiet: no data within 30 s of subscribing to btcusdt, ethusdtt: check how the venue writes it, and whether it "
        "trades"
    ]


def test_one_mute_symbol_of_two_is_named(caplog: pytest.LogCaptureFixture) -> None:
    told = Told(BINANCE_LIKE)
    told.hear(trade("btcusdt"), trade("ethusdttt"))
    told.look_at(31.0)
    assert len(caplog.messages) == 1
    assert "subscribing to ethusdtt:" in caplog.messages[0]
    told.sink.close("a", "closed")
    told.sink.open("a", BINANCE_LIKE)
    told.hear(trade("btcusdt"))
    told.look_at(70.0)
    assert len(caplog.messages) == 1, "once for each run"


def test_all_served_is_silence(caplog: pytest.LogCaptureFixture) -> None:
    told = Told(BINANCE_LIKE, require_all=True)
    told.hear(trade("btcusdt"), trade("ethusdtt"))
    told.look_at(100.0)
    assert caplog.messages == []


def test_mute_is_an_error_where_all_is_required() -> None:
    told = Told(BINANCE_LIKE, require_all=True)
    told.hear(trade("btcusdt"))
    with pytest.raises(ConfigError, match=r"^Expected quiet to get all .* found no data within 30 s for ethusdtt: "):
        told.look_at(30.0)


def test_time_runs_from_the_last_request() -> None:
    feed = KRAKEN.make_feed(["BTC/USD"])
    told = Told(feed, require_all=True)
    told.now_s = 20.0
    told.hear(*feed.requests, direction="send")
    told.look_at(49.9)
    told.hear('{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","price":1.5}]}')
    told.look_at(90.0)


def test_sessions_that_end_early_count_on(caplog: pytest.LogCaptureFixture) -> None:
    told = Told(BINANCE_LIKE)
    for now_s in (10.0, 20.0, 31.0):
        told.sink.close("a", "closed by the venue")
        told.look_at(now_s)
        told.sink.open("a", BINANCE_LIKE)
    assert len(caplog.messages) == 1


def test_a_refusal_is_quoted_once_with_its_request(caplog: pytest.LogCaptureFixture) -> None:
    feed = KRAKEN.make_feed(["BTC/USD", "XBTT/USD"])
    told = Told(feed)
    told.hear(*feed.requests, direction="send")
    told.hear(NO_KRAKEN, NO_KRAKEN.replace("40.1Z", "41.7Z"))
    assert caplog.messages == [
        f"{feed.name}: the venue says no to {feed.requests[0]}: 'Currency pair not supported XBTT/USD'"
    ]


def test_a_refusal_without_an_id_quotes_the_last_request(caplog: pytest.LogCaptureFixture) -> None:
    feed = COINBASE.make_feed(["BTC-USD", "ETH-EURR"])
    told = Told(feed)
    told.hear(*feed.requests, direction="send")
    told.hear(NO_COINBASE)
    assert caplog.messages == [
        f"{feed.name}: the venue says no to {feed.requests[0]}: 'ETH-EURR is not a valid product - Failed to subscribe'"
    ]


def test_refusals_without_words_are_quoted_whole(caplog: pytest.LogCaptureFixture) -> None:
    told = Told(BINANCE_LIKE)
    told.hear('{"event":"error","code":7}', '{"id":1,"error":{"code":2,"msg":"bad\\u202e"}}')
    assert caplog.messages == [
        """quiet: the venue says no: '{"event":"error","code":7}'""",
        "quiet: the venue says no: 'bad\\u202e'",
    ]


def test_no_secret_is_quoted(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    request = '{"op":"login","args":[{"apiKey":"k-1","sign":"s-2","timestamp":"1"}],"id":"1"}'
    (tmp_path / "asked.jsonl").write_text(request)
    told = Told(generic_feed("ws://x", subscribe=tmp_path / "asked.jsonl"))
    told.hear(request, direction="send")
    told.hear('{"event":"error","id":"1","code":"60005","msg":"Invalid apiKey"}')
    told.look_at(40.0)
    assert len(caplog.messages) == 2
    assert '"op":"login"' in caplog.messages[0]
    assert not any(secret in message for message in caplog.messages for secret in ("k-1", "s-2"))


@pytest.mark.parametrize(
    ("requests", "served", "mute"),
    [
        (
            '{"method":"SUBSCRIPTION","params":["spot@deals@BTCUSDT","spot@deals@ETHUSDTT"],"id":7}',
            "BTCUSDT",
            "ETHUSDTT",
        ),
        (
            '{"op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"},{"instId":"XX-USD"}]}',
            "BTC-USDT",
            "XX-USD",
        ),
        ('{"op":"SUBSCRIBE","topic":"trades"}', "trades", ""),
    ],
)
def test_generic_feeds_wait_for_the_markets_in_their_requests(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, requests: str, served: str, mute: str
) -> None:
    (tmp_path / "asked.jsonl").write_text(requests)
    told = Told(generic_feed("ws://x", name="any", subscribe=tmp_path / "asked.jsonl"))
    told.hear(requests, direction="send")
    told.hear(json.dumps({"topic": served, "data": [{"price": "1.5"}]}))
    told.look_at(31.0)
    assert [f"subscribing to {mute}:" in message for message in caplog.messages] == ([True] if mute else [])


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription_watch, "DATA_WITHIN_S", 1.0)


def answers(*texts: str) -> Callable[[Peer], Awaitable[None]]:
    async def script(peer: Peer) -> None:
        await peer.wait_received(1)
        await peer.send(*texts)
        await peer.ping()

    return script


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    with Recorder(tmp_path / "recorded") as opened:
        yield opened


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ((NO_MEXC,), "a no to .*BTCUSDT.*Blocked"),
        ((), "no data within 1 s for BTCUSDT"),
        (('{"c":"spot@deals@BTCUSDT","d":{"p":"1.5"}}', NO_MEXC), "a no to .*Blocked"),
    ],
    ids=["refused", "mute", "served and refused"],
)
def test_a_run_that_requires_all_ends(
    tmp_path: Path, recorder: Recorder, caplog: pytest.LogCaptureFixture, texts: tuple[str, ...], found: str
) -> None:
    request = '{"method":"SUBSCRIPTION","params":["spot@public.deals.v3.api@BTCUSDT"],"id":7}'
    (tmp_path / "asked.jsonl").write_text(request)
    with Venue(answers(*texts)) as venue:
        feed = generic_feed(venue.url, subscribe=tmp_path / "asked.jsonl")
        run = LiveRun(feed=feed, producer=None, recorder=recorder, require_all=True)
        with caplog.at_level(logging.WARNING), pytest.raises(ConfigError, match=found):
            run.run(20, lambda: None)
    assert len([message for message in caplog.messages if "the venue says no" in message]) == len(
        [text for text in texts if text is NO_MEXC]
    )


@pytest.mark.usefixtures("soon")
def test_a_run_that_requires_nothing_goes_on(
    tmp_path: Path, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "asked.jsonl").write_text('{"method":"SUBSCRIPTION","params":["spot@deals@BTCUSDT"],"id":7}')
    with Venue(answers(NO_MEXC)) as venue:
        feed = generic_feed(venue.url, subscribe=tmp_path / "asked.jsonl")
        run = LiveRun(feed=feed, producer=None, recorder=recorder)
        run.run(3, lambda: None)
    assert [message for message in caplog.messages if "the venue says no" in message]
    assert [message for message in caplog.messages if "no data within 1 s" in message]
