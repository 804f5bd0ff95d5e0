"""What only Binance has: two paths for futures, symbols of any script, and limits of one address."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.adapters.binance import BINANCE
from ingest.live.feed import Feed
from udfs.errors import ConfigError


def test_binance_futures() -> None:
    assert BINANCE.make_feed(["BTCUSDT", "ethusdt_260327"], api="usdm", channels=["bookTicker", "depth@0ms"]) == Feed(
        name="binance-usdm-btcusdt-and-1",
        declared_exchange="binance",
        symbols=("btcusdt", "ethusdt_260327"),
        url="wss://fstream.binance.com/public/stream?streams=btcusdt@bookTicker/btcusdt@depth@0ms"
        "/ethusdt_260327@bookTicker/ethusdt_260327@depth@0ms",
        requests=(),
        requests_per_s=10.0,
        ping_every_s=20.0,
        silent_after_s=540.0,
        connect_every_s=1.0,
        longest_session_s=86_400.0,
    )


@pytest.mark.parametrize(
    ("channels", "path"),
    [
        (None, "/public"),
        (["bookTicker", "depth20@100ms", "rpiDepth@500ms", "trade"], "/public"),
        (["aggTrade", "markPrice@1s", "kline_1m", "forceOrder", "ticker"], "/market"),
    ],
)
def test_binance_futures_are_divided_between_two_paths(channels: list[str] | None, path: str) -> None:
    url = BINANCE.make_feed(["btcusdt"], api="usdm", channels=channels).url
    assert url.startswith(f"wss://fstream.binance.com{path}/stream?streams=btcusdt@")


def test_binance_elsewhere() -> None:
    for base in ("wss://data-stream.binance.vision", "wss://data-stream.binance.vision/"):
        feed = BINANCE.make_feed(["bnbbtc"], channels=["aggTrade"], url=base)
        assert feed.url == "wss://data-stream.binance.vision/stream?streams=bnbbtc@aggTrade"
    feed = BINANCE.make_feed(["bnbbtc"], api="usdm", channels=["aggTrade"], url="ws://127.0.0.1:8080")
    assert feed.url == "ws://127.0.0.1:8080/market/stream?streams=bnbbtc@aggTrade"


def test_binance_symbols_of_other_scripts() -> None:
    feed = BINANCE.make_feed(["我usdt"], channels=["trade"])
    assert feed.url.endswith("?streams=%E6%88%91usdt@trade")
    assert feed.name == "binance-spot-usdt"
    assert BINANCE.make_feed(["我我"]).name == "binance-spot"


def test_binance_bears_1024_streams_and_8004_characters() -> None:
    short = [f"a{number}" for number in range(100, 1000)]
    assert len(short) == 900
    assert BINANCE.make_feed(short[:400], channels=["trade"]).url.count("@trade") == 400
    # wss://stream.binance.com:9443/stream?streams= has 45 characters, a100@depth/ has 11: 723 of them, without the last
    # slash, end at 45 + 723 * 11 - 1 = 7997, and one more at 8008
    assert len(BINANCE.make_feed(short[:723], channels=["depth"]).url) == 7997
    with pytest.raises(ConfigError, match="at most 1024 streams .* 8004 characters .* found 724 and 8008: divide"):
        BINANCE.make_feed(short[:724], channels=["depth"])
    with pytest.raises(ConfigError, match="at most 1024 streams .* found 1026 and "):
        BINANCE.make_feed(short[:342])


def test_futures_channels_of_both_paths_are_refused() -> None:
    sentence = (
        "Expected channels that one path of Binance's futures address serves, found trade, bookTicker (/public) "
        "and aggTrade (/market): run one feed for each path"
    )
    with pytest.raises(ConfigError, match=re.escape(sentence) + "$"):
        BINANCE.make_feed(["btcusdt"], api="usdm", channels=["trade", "aggTrade", "bookTicker"])


def test_an_address_with_a_query_is_refused() -> None:
    sentence = (
        "Expected Binance's address without a query, found 'wss://host/?streams=x': leave out ? and what follows "
        "it, for the streams are added here"
    )
    with pytest.raises(ConfigError, match=re.escape(sentence) + "$"):
        BINANCE.make_feed(["btcusdt"], url="wss://host/?streams=x")


def test_repetitions_are_left_out() -> None:
    feed = BINANCE.make_feed(["btcusdt", "BTCUSDT"], channels=["trade", "trade"])
    assert feed.url.endswith("?streams=btcusdt@trade")
    assert feed.name == "binance-spot-btcusdt"


letters = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=2, max_size=20)


@given(symbols=st.lists(letters, min_size=1, max_size=40), api=st.sampled_from(["spot", "usdm"]))
def test_names_of_binance(symbols: list[str], api: str) -> None:
    name = BINANCE.make_feed(symbols, api=api).name
    assert re.fullmatch(r"[a-z0-9-]{1,80}", name)
