"""What only Coinbase has: products of three parts, feeds without heartbeats, and channels that want credentials."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.adapters.coinbase import COINBASE
from udfs.errors import ConfigError


def test_products_are_raised_and_asked_for_together() -> None:
    feed = COINBASE.make_feed(["btc-usd", "ETH-EUR"])
    assert feed.name == "coinbase-exchange-btcusd-and-1"
    assert feed.requests == (
        '{"type":"subscribe","product_ids":["BTC-USD","ETH-EUR"],'
        '"channels":["level2_batch","matches","ticker","heartbeat"]}',
    )


@pytest.mark.parametrize(("api", "channel"), [("exchange", "ticker_batch"), ("advanced", "candles")])
def test_coinbase_without_heartbeats_is_pinged(api: str, channel: str) -> None:
    feed = COINBASE.make_feed(["BTC-USD"], api=api, channels=[channel])
    assert (feed.ping_every_s, feed.silent_after_s) == (20.0, 90.0)


def test_coinbase_futures_have_a_third_part() -> None:
    feed = COINBASE.make_feed(["bit-31dec26-cde"], api="advanced", url="wss://example.com")
    assert (feed.name, feed.url) == ("coinbase-advanced-bit31dec26cde", "wss://example.com")
    with pytest.raises(ConfigError, match="such as BTC-USD, found 'bit-31dec26-cde'"):
        COINBASE.make_feed(["bit-31dec26-cde"])


@pytest.mark.parametrize(
    ("api", "channel"), [("exchange", "level2"), ("exchange", "full"), ("advanced", "futures_balance_summary")]
)
def test_channels_that_want_credentials_are_refused(api: str, channel: str) -> None:
    sentence = (
        f"Expected a channel of Coinbase that is open to all, found {channel!r}, which wants credentials: "
        "choose another channel"
    )
    with pytest.raises(ConfigError, match=f"^{sentence}$"):
        COINBASE.make_feed(["BTC-USD"], api=api, channels=["ticker", channel])


letters = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=2, max_size=20)


@given(
    products=st.lists(st.tuples(letters, letters).map("-".join), min_size=1),
    api=st.sampled_from(["exchange", "advanced"]),
)
def test_names_of_coinbase(products: list[str], api: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]{1,80}", COINBASE.make_feed(products, api=api).name)


def test_a_product_is_waited_for_by_the_name_that_its_data_have() -> None:
    asked = ["BTC-USDC", "ETH-EUR"]
    assert COINBASE.make_feed(asked, api="advanced").symbols == ("BTC-USD", "ETH-EUR")
    assert COINBASE.make_feed(asked, api="exchange").symbols == ("BTC-USDC", "ETH-EUR")
