from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingest.live.feed import Keepalive
from jobs.cli.live import Venue, make_feed
from udfs.errors import ConfigError


@pytest.mark.parametrize(
    ("venue", "options", "sentence"),
    [
        ("binance", {}, "at least one Binance symbol"),
        ("kraken", {"symbol": ["BTC-USD"]}, "Kraken pair such as BTC/USD"),
        ("kraken", {"symbol": ["BTC/USD"], "subscribe": Path("x")}, "no --subscribe for kraken"),
        ("coinbase", {"symbol": ["BTC-USD"], "keepalive_every": 3.0}, "no --keepalive-every for coinbase"),
        ("coinbase", {"symbol": ["BTC-USD"], "api": "v1"}, "exchange or advanced"),
        ("generic", {}, "--url for the generic venue"),
        ("generic", {"url": "ws://localhost", "symbol": ["x"]}, "no --symbol for generic"),
        ("generic", {"url": "http://localhost"}, "begin it with wss://"),
        ("generic", {"url": "ws://localhost", "keepalive_every": 3.0}, "--keepalive-every without --keepalive"),
    ],
)
def test_options_that_do_not_fit_are_one_sentence(venue: str, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as refused:
        make_feed(Venue(venue), **options)
    assert "\n" not in str(refused.value)


def test_the_first_interface_is_the_default_one() -> None:
    assert make_feed(Venue.BINANCE, symbol=["BTCUSDT"]).name == "binance-spot-btcusdt"
    assert make_feed(Venue.COINBASE, symbol=["btc-usd"]).name == "coinbase-exchange-btcusd"
    assert make_feed(Venue.KRAKEN, symbol=["BTC/USD"]).name == "kraken-v2-btcusd"


def test_a_feed_may_claim_to_be_another_venue() -> None:
    assert make_feed(Venue.KRAKEN, symbol=["BTC/USD"]).declared_exchange == "kraken"
    assert make_feed(Venue.KRAKEN, symbol=["BTC/USD"], declare="binance").declared_exchange == "binance"
    assert make_feed(Venue.GENERIC, url="wss://example.com").declared_exchange is None


def test_a_keepalive_has_a_usual_pace() -> None:
    feed = make_feed(Venue.GENERIC, url="wss://example.com", keepalive="ping", silent_after=7.0)
    assert (feed.keepalive, feed.silent_after_s) == (Keepalive(text="ping", every_s=20.0), 7.0)
