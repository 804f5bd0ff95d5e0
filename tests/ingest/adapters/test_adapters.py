"""Addresses, subscriptions and limits of the adapters, written out by hand from the venues' documentation."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ingest.adapters
from ingest.adapters.binance import binance_feed
from ingest.adapters.coinbase import coinbase_feed
from ingest.adapters.generic import generic_feed
from ingest.adapters.kraken import kraken_feed
from ingest.live.feed import Feed, Keepalive
from udfs.errors import ConfigError

MAPPER = {"mapping", "kinds", "layers", "vocabulary", "values"}


def test_binance_spot() -> None:
    assert binance_feed(["btcusdt"]) == Feed(
        name="binance-spot-btcusdt",
        declared_exchange="binance",
        url="wss://stream.binance.com:9443/stream?streams=btcusdt@trade/btcusdt@bookTicker/btcusdt@depth@100ms",
        requests=(),
        requests_per_s=5.0,
        ping_every_s=20.0,
        silent_after_s=60.0,
        connect_every_s=1.0,
        longest_session_s=86_400.0,
    )


def test_binance_futures() -> None:
    assert binance_feed(["BTCUSDT", "ethusdt_260327"], market="usdm", channels=["bookTicker", "depth@0ms"]) == Feed(
        name="binance-usdm-btcusdt-and-1",
        declared_exchange="binance",
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
    url = binance_feed(["btcusdt"], market="usdm", channels=channels).url
    assert url.startswith(f"wss://fstream.binance.com{path}/stream?streams=btcusdt@")


def test_binance_elsewhere() -> None:
    for base in ("wss://data-stream.binance.vision", "wss://data-stream.binance.vision/"):
        feed = binance_feed(["bnbbtc"], channels=["aggTrade"], url=base)
        assert feed.url == "wss://data-stream.binance.vision/stream?streams=bnbbtc@aggTrade"
    feed = binance_feed(["bnbbtc"], market="usdm", channels=["aggTrade"], url="ws://127.0.0.1:8080")
    assert feed.url == "ws://127.0.0.1:8080/market/stream?streams=bnbbtc@aggTrade"


def test_binance_symbols_of_other_scripts() -> None:
    feed = binance_feed(["我usdt"], channels=["trade"])
    assert feed.url.endswith("?streams=%E6%88%91usdt@trade")
    assert feed.name == "binance-spot-usdt"
    assert binance_feed(["我我"]).name == "binance-spot"


def test_binance_bears_1024_streams_and_8004_characters() -> None:
    short = [f"a{number}" for number in range(100, 1000)]
    assert len(short) == 900
    assert binance_feed(short[:400], channels=["trade"]).url.count("@trade") == 400
    # wss://stream.binance.com:9443/stream?streams= has 45 characters, a100@depth/ has 11: 723 of them, without the last
    # slash, end at 45 + 723 * 11 - 1 = 7997, and one more at 8008
    assert len(binance_feed(short[:723], channels=["depth"]).url) == 7997
    with pytest.raises(ConfigError, match="at most 1024 streams .* 8004 characters .* found 724 and 8008: divide"):
        binance_feed(short[:724], channels=["depth"])
    with pytest.raises(ConfigError, match="at most 1024 streams .* found 1026 and "):
        binance_feed(short[:342])


def test_coinbase_exchange() -> None:
    assert coinbase_feed(["btc-usd", "ETH-EUR"]) == Feed(
        name="coinbase-exchange-btcusd-and-1",
        declared_exchange="coinbase",
        url="wss://ws-feed.exchange.coinbase.com",
        requests=(
            '{"type":"subscribe","product_ids":["BTC-USD","ETH-EUR"],'
            '"channels":["level2_batch","matches","ticker","heartbeat"]}',
        ),
        requests_per_s=8.0,
        ping_every_s=None,
        silent_after_s=5.0,
        connect_every_s=0.125,
    )


def test_coinbase_advanced() -> None:
    assert coinbase_feed(["BTC-USD"], api="advanced") == Feed(
        name="coinbase-advanced-btcusd",
        declared_exchange="coinbase",
        url="wss://advanced-trade-ws.coinbase.com",
        requests=(
            '{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}',
            '{"type":"subscribe","product_ids":["BTC-USD"],"channel":"market_trades"}',
            '{"type":"subscribe","product_ids":["BTC-USD"],"channel":"ticker"}',
            '{"type":"subscribe","channel":"heartbeats"}',
        ),
        requests_per_s=8.0,
        ping_every_s=None,
        silent_after_s=5.0,
        connect_every_s=0.125,
    )


@pytest.mark.parametrize(("api", "channel"), [("exchange", "ticker_batch"), ("advanced", "candles")])
def test_coinbase_without_heartbeats_is_pinged(api: str, channel: str) -> None:
    feed = coinbase_feed(["BTC-USD"], api=api, channels=[channel])
    assert (feed.ping_every_s, feed.silent_after_s) == (20.0, 90.0)


def test_coinbase_futures_have_a_third_part() -> None:
    feed = coinbase_feed(["bit-31dec26-cde"], api="advanced", url="wss://example.com")
    assert (feed.name, feed.url) == ("coinbase-advanced-bit31dec26cde", "wss://example.com")
    with pytest.raises(ConfigError, match="such as BTC-USD, found 'bit-31dec26-cde'"):
        coinbase_feed(["bit-31dec26-cde"])


def test_kraken_v2() -> None:
    assert kraken_feed(["btc/usd"]) == Feed(
        name="kraken-v2-btcusd",
        declared_exchange="kraken",
        url="wss://ws.kraken.com/v2",
        requests=(
            '{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"]},"req_id":1}',
            '{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"]},"req_id":2}',
            '{"method":"subscribe","params":{"channel":"ticker","symbol":["BTC/USD"]},"req_id":3}',
        ),
        requests_per_s=1.0,
        ping_every_s=None,
        silent_after_s=5.0,
        connect_every_s=4.0,
    )


def test_kraken_v1_as_recorded() -> None:
    feed = kraken_feed(["ALGO/XBT", "LSK/USD", "XBT/USD"], api="v1", channels=["book-1000", "ticker", "spread"])
    assert feed.url == "wss://ws.kraken.com"
    assert feed.name == "kraken-v1-algoxbt-and-2"
    assert feed.requests == (
        '{"event":"subscribe","pair":["ALGO/XBT","LSK/USD","XBT/USD"],"subscription":{"name":"book","depth":1000}}',
        '{"event":"subscribe","pair":["ALGO/XBT","LSK/USD","XBT/USD"],"subscription":{"name":"ticker"}}',
        '{"event":"subscribe","pair":["ALGO/XBT","LSK/USD","XBT/USD"],"subscription":{"name":"spread"}}',
    )


def test_kraken_depth_and_interval() -> None:
    feed = kraken_feed(["BTC/USD"], channels=["book-25", "ohlc-5"], url="wss://beta-ws.kraken.com/v2")
    assert feed.url == "wss://beta-ws.kraken.com/v2"
    assert feed.requests == (
        '{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":25},"req_id":1}',
        '{"method":"subscribe","params":{"channel":"ohlc","symbol":["BTC/USD"],"interval":5},"req_id":2}',
    )
    assert kraken_feed(["BTC/USD"], api="v1", channels=["ohlc-5"]).requests == (
        '{"event":"subscribe","pair":["BTC/USD"],"subscription":{"name":"ohlc","interval":5}}'.replace("BTC", "XBT"),
    )


@pytest.mark.parametrize(
    ("api", "given_pairs", "pairs"),
    [
        ("v2", ["XBT/USD", "xdg/xbt", "BTC/USD"], ["BTC/USD", "DOGE/BTC"]),
        ("v1", ["btc/usd", "DOGE/EUR"], ["XBT/USD", "XDG/EUR"]),
        ("v2", ["AAPLx/USD", "ETH2.S/ETH"], ["AAPLx/USD", "ETH2.S/ETH"]),
    ],
)
def test_kraken_has_names_of_its_own(api: str, given_pairs: list[str], pairs: list[str]) -> None:
    request = json.loads(kraken_feed(given_pairs, api=api, channels=["ticker"]).requests[0])
    assert (request["params"]["symbol"] if api == "v2" else request["pair"]) == pairs


def test_repetitions_are_left_out() -> None:
    feed = binance_feed(["btcusdt", "BTCUSDT"], channels=["trade", "trade"])
    assert feed.url.endswith("?streams=btcusdt@trade")
    assert feed.name == "binance-spot-btcusdt"
    assert kraken_feed(["BTC/USD", "btc/usd"], channels=["book", "book"]).requests == (
        '{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"]},"req_id":1}',
    )


def test_generic(tmp_path: Path) -> None:
    file = tmp_path / "subscribe.jsonl"
    file.write_bytes('\ufeff{"op": "subscribe", "args": ["books"]}\r\n\n ["trade", 1e2, "a\u2028b"]\n'.encode())
    keepalive = Keepalive(text="ping", every_s=25.0)
    feed = generic_feed(
        "wss://ws.okx.com:8443/ws/v5/public", subscribe=file, declared_exchange="okx", keepalive=keepalive
    )
    assert feed == Feed(
        name="ws-okx-com-8443",
        declared_exchange="okx",
        url="wss://ws.okx.com:8443/ws/v5/public",
        requests=('{"op": "subscribe", "args": ["books"]}', '["trade", 1e2, "a\u2028b"]'),
        requests_per_s=1.0,
        keepalive=keepalive,
        ping_every_s=20.0,
        silent_after_s=60.0,
        connect_every_s=1.0,
        longest_session_s=None,
    )


def test_generic_without_a_file() -> None:
    feed = generic_feed("ws://Example.com/x?y=1", name="my-venue", silent_after_s=9.5, ping_every_s=None)
    assert (feed.name, feed.declared_exchange, feed.requests) == ("my-venue", None, ())
    assert (feed.silent_after_s, feed.ping_every_s, feed.keepalive) == (9.5, None, None)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("wss://ws.bitstamp.net", "ws-bitstamp-net"),
        ("wss://user:secret@Ws.Example.COM/", "ws-example-com"),
        ("ws://[::1]:9000/", "1-9000"),
        ("wss://" + ".".join(["a" * 60] * 3), "a" * 60 + "-" + "a" * 19),
        ("wss://例", "feed"),
    ],
)
def test_a_feed_is_named_by_its_host(url: str, name: str) -> None:
    assert generic_feed(url).name == name


REFUSED: list[Any] = [
    # (call, what the sentence says)
    pytest.param(
        lambda: binance_feed(["btcusdt"], market="coinm"),
        "Expected spot or usdm as the market, found 'coinm': choose one of them",
        id="market",
    ),
    pytest.param(
        lambda: coinbase_feed(["BTC-USD"], api="pro"),
        "Expected exchange or advanced as the interface, found 'pro': choose one of them",
        id="coinbase api",
    ),
    pytest.param(
        lambda: kraken_feed(["BTC/USD"], api="2"),
        "Expected v2 or v1 as the version, found '2': choose one of them",
        id="kraken api",
    ),
    pytest.param(
        lambda: binance_feed([]),
        "Expected at least one Binance symbol such as btcusdt, found none: name one",
        id="no symbol",
    ),
    pytest.param(
        lambda: coinbase_feed(["BTC-USD"], channels=[]),
        "Expected at least one channel of Coinbase's exchange interface such as level2_batch or matches or ticker or "
        "heartbeat, found none: name one",
        id="no channel",
    ),
    *(
        pytest.param(
            lambda symbol=symbol: binance_feed(["btcusdt", symbol]),
            f"Expected a Binance symbol such as btcusdt, found {symbol!r}: write it in that form",
            id=f"binance {symbol!r}",
        )
        for symbol in ("BTC-USD", "BTC/USDT", "", "b", "btc usdt", "btcusdt@trade", "btcusdt_2603", "btcusdt\n")
    ),
    *(
        pytest.param(
            lambda symbol=symbol: coinbase_feed([symbol]),
            f"Expected a Coinbase product such as BTC-USD, found {symbol!r}: write it in that form",
            id=f"coinbase {symbol!r}",
        )
        for symbol in ("BTC/USD", "BTCUSD", "BTC-", "", "BTC-USD-X", "BTC-USD ")
    ),
    *(
        pytest.param(
            lambda symbol=symbol: kraken_feed([symbol]),
            f"Expected a Kraken pair such as BTC/USD, found {symbol!r}: write it in that form",
            id=f"kraken {symbol!r}",
        )
        for symbol in ("BTC-USD", "btcusd", "BTC/USD/EUR", "/", "", "btc/ usd")
    ),
    pytest.param(
        lambda: binance_feed(["btcusdt"], channels=["level2"]),
        "Expected a channel of Binance's spot market such as bookTicker or depth@100ms, found 'level2': "
        "choose one that the venue has",
        id="binance channel",
    ),
    pytest.param(
        lambda: binance_feed(["btcusdt"], channels=["markPrice"]),
        "Expected a channel of Binance's spot market such as bookTicker or depth@100ms, found 'markPrice': "
        "choose one that the venue has",
        id="binance channel of the other market",
    ),
    pytest.param(
        lambda: binance_feed(["btcusdt"], market="usdm", channels=["trade", "aggTrade", "bookTicker"]),
        "Expected channels that one path of Binance's futures address serves, found trade, bookTicker (/public) "
        "and aggTrade (/market): run one feed for each path",
        id="binance channels of both paths",
    ),
    pytest.param(
        lambda: coinbase_feed(["BTC-USD"], channels=["heartbeats"]),
        "Expected a channel of Coinbase's exchange interface such as level2_batch or matches or ticker or heartbeat, "
        "found 'heartbeats': choose one that the venue has",
        id="coinbase channel of the other interface",
    ),
    pytest.param(
        lambda: coinbase_feed(["BTC-USD"], channels=["level2"]),
        "Expected a channel of Coinbase that is open to all, such as level2_batch, found 'level2', which wants "
        "credentials: choose another channel",
        id="coinbase channel with credentials",
    ),
    pytest.param(
        lambda: kraken_feed(["BTC/USD"], channels=["book-7"]),
        "Expected a channel of Kraken's v2 such as book, book-100, trade or ticker, found 'book-7': "
        "choose one that the venue has",
        id="kraken depth",
    ),
    pytest.param(
        lambda: kraken_feed(["BTC/USD"], channels=["spread"]),
        "Expected a channel of Kraken's v2 such as book, book-100, trade or ticker, found 'spread': "
        "choose one that the venue has",
        id="kraken channel of v1",
    ),
    *(
        pytest.param(
            lambda url=url: generic_feed(url),
            f"Expected an address of the form wss://host[:port]/path (ws:// if it has no TLS), found {url!r}: {advice}",
            id=f"url {url!r}",
        )
        for url, advice in (
            ("https://example.com", "begin it with wss:// or ws://"),
            ("example.com", "begin it with wss:// or ws://"),
            ("", "begin it with wss:// or ws://"),
            ("wss:///path", "name the host, and a port between 1 and 65535 if it is not the usual one"),
            ("wss://host:0", "name the host, and a port between 1 and 65535 if it is not the usual one"),
            ("wss://host:65536", "correct it (Port out of range 0-65535)"),
            ("wss://[::1", "correct it (Invalid IPv6 URL)"),
            ("wss://host/a b", "leave the spaces out"),
            ("wss://host\n", "leave the spaces out"),
            ("wss://host/#x", "leave out # and what follows it"),
        )
    ),
    *(
        pytest.param(lambda make=make: make("http://x"), "begin it with wss:// or ws://", id=f"url of {venue}")
        for venue, make in (
            ("binance", lambda url: binance_feed(["btcusdt"], url=url)),
            ("coinbase", lambda url: coinbase_feed(["BTC-USD"], url=url)),
            ("kraken", lambda url: kraken_feed(["BTC/USD"], url=url)),
        )
    ),
    pytest.param(
        lambda: binance_feed(["btcusdt"], url="wss://host/?streams=x"),
        "Expected Binance's address without a query, found 'wss://host/?streams=x': leave out ? and what follows "
        "it, for the streams are added here",
        id="binance query",
    ),
    *(
        pytest.param(
            lambda name=name: generic_feed("wss://host", name=name),
            "Expected a feed's name of 1 to 80 lower case letters, digits and dashes, "
            f"found {name!r}: choose another name",
            id=f"name {name[:10]!r}",
        )
        for name in ("", "My", "a/b", "a b", "x" * 81)
    ),
    pytest.param(
        lambda: generic_feed("wss://host", silent_after_s=0.0),
        "Expected a time until a connection counts as silent, in seconds, above 0, found 0.0: give another number",
        id="silence",
    ),
    pytest.param(
        lambda: generic_feed("wss://host", ping_every_s=-1.0),
        "Expected a time between pings, in seconds, above 0, found -1.0: give another number",
        id="pings",
    ),
    pytest.param(
        lambda: generic_feed("wss://host", requests_per_s=float("nan")),
        "Expected a number of requests a second above 0, found nan: give another number",
        id="requests",
    ),
    pytest.param(
        lambda: generic_feed("wss://host", keepalive=Keepalive(text="ping", every_s=float("inf"))),
        "Expected a time between keepalives, in seconds, above 0, found inf: give another number",
        id="keepalive's time",
    ),
    pytest.param(
        lambda: generic_feed("wss://host", keepalive=Keepalive(text="", every_s=5.0)),
        "Expected what the venue wants to hear as the keepalive, found nothing: write it",
        id="keepalive's text",
    ),
]


@pytest.mark.parametrize(("call", "sentence"), REFUSED)
def test_refusals(call: Callable[[], Feed], sentence: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(sentence) + "$"):
        call()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            b'{"a":1}\n{"b":\n',
            "Expected a JSON object or array on each line, found no JSON in line 2 of FILE "
            "(unexpected end of data: line 1 column 6 (char 5)): correct it",
        ),
        (
            b'\n\n"ping"\n',
            'Expected a JSON object or array on each line, found "ping" in line 3 of FILE: write a whole frame',
        ),
        (
            b" \n\n",
            "Expected a JSON object or array on each line of FILE, found none: write the subscriptions into it",
        ),
        (b"", "Expected a JSON object or array on each line of FILE, found none: write the subscriptions into it"),
        (b"\xff\xfe\n", "Expected FILE to be UTF-8 text, found other bytes (invalid start byte): save it so"),
    ],
)
def test_a_file_of_subscriptions_that_is_none(tmp_path: Path, content: bytes, sentence: str) -> None:
    file = tmp_path / "subscribe.jsonl"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        generic_feed("wss://host", subscribe=file)
    assert str(error.value) == sentence.replace("FILE", str(file))


def test_a_file_of_subscriptions_that_cannot_be_read(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "no", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError) as error:
            generic_feed("wss://host", subscribe=path)
        expected = f"Expected to read subscriptions from {path}, found {reason}: name a readable file"
        assert str(error.value) == expected


letters = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=2, max_size=20)


@given(symbols=st.lists(letters, min_size=1, max_size=40), market=st.sampled_from(["spot", "usdm"]))
def test_names_of_binance(symbols: list[str], market: str) -> None:
    assert_is_name(binance_feed(symbols, market=market).name)


@given(
    products=st.lists(st.tuples(letters, letters).map("-".join), min_size=1),
    api=st.sampled_from(["exchange", "advanced"]),
)
def test_names_of_coinbase(products: list[str], api: str) -> None:
    assert_is_name(coinbase_feed(products, api=api).name)


@given(pairs=st.lists(st.tuples(letters, letters).map("/".join), min_size=1), api=st.sampled_from(["v1", "v2"]))
def test_names_of_kraken(pairs: list[str], api: str) -> None:
    assert_is_name(kraken_feed(pairs, api=api).name)


@given(length=st.integers(20, 300), n_pairs=st.integers(1, 1200))
def test_long_names_keep_the_count(length: int, n_pairs: int) -> None:
    name = kraken_feed([f"{'A' * length}/{number}" for number in range(n_pairs)]).name
    assert_is_name(name)
    assert name.endswith(f"-and-{n_pairs - 1}") or n_pairs == 1


@given(host=st.text(min_size=1, max_size=100), port=st.integers(1, 65535))
def test_any_host_gives_a_name_or_is_refused(host: str, port: int) -> None:
    try:
        feed = generic_feed(f"wss://{host}:{port}/")
    except ConfigError:
        return
    assert_is_name(feed.name)


def assert_is_name(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]{1,80}", name)


def imported_modules(source: str) -> set[str]:
    modules: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return modules


def test_no_adapter_knows_the_mapper() -> None:
    files = list(Path(ingest.adapters.__file__).parent.glob("*.py"))
    assert {file.stem for file in files} >= {"binance", "coinbase", "kraken", "generic"}
    for file in files:
        modules = imported_modules(file.read_text("utf-8"))
        assert not {module for module in modules if set(module.split(".")) & MAPPER}, file.name
        assert not {module for module in modules if module.startswith((".", "None"))}, file.name
