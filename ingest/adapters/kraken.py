"""Kraken's public spot market data, versions 1 and 2 of its WebSocket interface: where it is and what Kraken wants.

`ingest/VENUES.md` repeats these numbers, each with the page that documents it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import orjson

from ingest.adapters.adapter import Adapter, Api, Subscription
from ingest.live.feed import Feed

V2_URL: Final = "wss://ws.kraken.com/v2"
V1_URL: Final = "wss://ws.kraken.com"

HEARTBEAT_S: Final = 1.0
"""About once a second after a subscription, whenever nothing else comes (recorded: whatever comes)."""

SILENT_AFTER_S: Final = 5.0
"""The page on reconnection proposes it as the deadline for a message of any kind."""

REQUESTS_PER_S: Final = 1.0
"""No number is documented: the limit follows the venue's load, and is answered with "Exceeded msg rate" (ours)."""

CONNECT_EVERY_S: Final = 4.0
"""About 150 attempts in any ten minutes and address; more of them are punished by ten minutes without."""

_PAIR: Final = re.compile(r"[A-Za-z0-9.]+/[A-Za-z0-9.]+")
_CHANNELS: Final = ("book", "trade", "ticker")
_CHANNEL: Final = r"book(-(10|25|100|500|1000))?|ticker|trade|ohlc(-(1|5|15|30|60|240|1440|10080|21600))?"
"""A book's depth or a candle's minutes follow a dash, as version 1 calls its own channels."""

_SIZES: Final = {"book": "depth", "ohlc": "interval"}


def _to_feed(asked: Subscription) -> Feed:
    """Subscribe to channels of the spot market.

    Nothing is sent to keep the connection: heartbeats do, in recordings of two minutes, and the answers to pings of
    ours would be messages that other clients of Kraken do not get.
    """
    ask = _ask_v2 if asked.api == "v2" else _ask_v1
    return Feed(
        name=asked.feed_name,
        declared_exchange=asked.venue,
        symbols=asked.symbols,
        url=asked.url,
        requests=tuple(ask(number, channel, asked.symbols) for number, channel in enumerate(asked.channels, start=1)),
        requests_per_s=REQUESTS_PER_S,
        silent_after_s=SILENT_AFTER_S,
        connect_every_s=CONNECT_EVERY_S,
    )


def _spell(pair: str, *, names: Mapping[str, str]) -> str:
    """Raise lower case, leave mixed case, for `AAPLx/USD` is written so, and name currencies as the version does."""
    currencies = (pair.upper() if pair.islower() else pair).split("/")
    return "/".join(names.get(currency, currency) for currency in currencies)


def _ask_v2(number: int, channel: str, pairs: Sequence[str]) -> str:
    name, size = _size(channel)
    params = {"channel": name, "symbol": pairs, **size}
    return orjson.dumps({"method": "subscribe", "params": params, "req_id": number}).decode()


def _ask_v1(_number: int, channel: str, pairs: Sequence[str]) -> str:
    """Ask without a `reqid`, as the recorded clients do."""
    name, size = _size(channel)
    return orjson.dumps({"event": "subscribe", "pair": pairs, "subscription": {"name": name, **size}}).decode()


def _size(channel: str) -> tuple[str, dict[str, int]]:
    name, _, size = channel.partition("-")
    return name, {_SIZES[name]: int(size)} if size else {}


KRAKEN: Final = Adapter(
    name="kraken",
    title="Kraken",
    summary="the spot market, by version 2 or 1 of the interface",
    symbol="BTC/USD",
    apis=(
        Api(
            name="v2",
            url=V2_URL,
            symbol=_PAIR,
            spell=partial(_spell, names={"XBT": "BTC", "XDG": "DOGE"}),
            channels=_CHANNELS,
            channel=re.compile(_CHANNEL),
        ),
        Api(
            name="v1",
            url=V1_URL,
            symbol=_PAIR,
            spell=partial(_spell, names={"BTC": "XBT", "DOGE": "XDG"}),
            channels=_CHANNELS,
            channel=re.compile(rf"{_CHANNEL}|spread"),
        ),
    ),
    to_feed=_to_feed,
)
