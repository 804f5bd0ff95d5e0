"""What only Kraken has: depths and intervals of channels, and names of its own for two currencies."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.adapters.kraken import KRAKEN


def test_kraken_v1_as_recorded() -> None:
    feed = KRAKEN.make_feed(["ALGO/XBT", "LSK/USD", "XBT/USD"], api="v1", channels=["book-1000", "ticker", "spread"])
    assert feed.url == "wss://ws.kraken.com"
    assert feed.name == "kraken-v1-algoxbt-and-2"
    assert feed.requests == (
        '{"event":"subscribe","pair":["ALGO/XBT","LSK/USD","XBT/USD"],"subscription":{"name":"book","depth":1000}}',
        '{"event":"subscribe","pair":["ALGO/XBT","LSK/USD","XBT/USD"],"subscription":{"name":"ticker"}}',
        '{"event":"subscribe","pair":["ALGO/XBT","LSK/USD","XBT/USD"],"subscription":{"name":"spread"}}',
    )


def test_kraken_depth_and_interval() -> None:
    feed = KRAKEN.make_feed(["BTC/USD"], channels=["book-25", "ohlc-5"], url="wss://beta-ws.kraken.com/v2")
    assert feed.url == "wss://beta-ws.kraken.com/v2"
    assert feed.requests == (
        '{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":25},"req_id":1}',
        '{"method":"subscribe","params":{"channel":"ohlc","symbol":["BTC/USD"],"interval":5},"req_id":2}',
    )
    assert KRAKEN.make_feed(["BTC/USD"], api="v1", channels=["ohlc-5"]).requests == (
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
    request = json.loads(KRAKEN.make_feed(given_pairs, api=api, channels=["ticker"]).requests[0])
    assert (request["params"]["symbol"] if api == "v2" else request["pair"]) == pairs


def test_repetitions_are_left_out() -> None:
    assert KRAKEN.make_feed(["BTC/USD", "btc/usd"], channels=["book", "book"]).requests == (
        '{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"]},"req_id":1}',
    )


letters = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=2, max_size=20)


@given(pairs=st.lists(st.tuples(letters, letters).map("/".join), min_size=1), api=st.sampled_from(["v1", "v2"]))
def test_names_of_kraken(pairs: list[str], api: str) -> None:
    assert_is_name(KRAKEN.make_feed(pairs, api=api).name)


@given(length=st.integers(20, 300), n_pairs=st.integers(1, 1200))
def test_long_names_keep_the_count(length: int, n_pairs: int) -> None:
    name = KRAKEN.make_feed([f"{'A' * length}/{number}" for number in range(n_pairs)]).name
    assert_is_name(name)
    assert name.endswith(f"-and-{n_pairs - 1}") or n_pairs == 1


def assert_is_name(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]{1,80}", name)
