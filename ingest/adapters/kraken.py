"""Kraken's public spot market data, versions 1 and 2 of its WebSocket interface: where it is and what Kraken wants.

`ingest/VENUES.md` repeats these numbers, each with the page that documents it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

import orjson

from ingest.adapters.checks import check_channels, check_choice, check_symbols, check_url, name_feed
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

_URLS: Final[Mapping[str, str]] = MappingProxyType({"v2": V2_URL, "v1": V1_URL})
_PAIR: Final = re.compile(r"[A-Za-z0-9.]+/[A-Za-z0-9.]+")
_OTHER_NAMES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {"v2": {"XBT": "BTC", "XDG": "DOGE"}, "v1": {"BTC": "XBT", "DOGE": "XDG"}}
)
"""The two currencies that the versions call by different names."""

_CHANNELS: Final = ("book", "trade", "ticker")
_SIZES: Final[Mapping[str, str]] = MappingProxyType({"book": "depth", "ohlc": "interval"})
_BOTH: Final = r"book(-(10|25|100|500|1000))?|ticker|trade|ohlc(-(1|5|15|30|60|240|1440|10080|21600))?"
_KNOWN: Final[Mapping[str, re.Pattern[str]]] = MappingProxyType(
    {"v2": re.compile(_BOTH), "v1": re.compile(rf"{_BOTH}|spread")}
)


def kraken_feed(
    pairs: Sequence[str], *, api: str = "v2", channels: Sequence[str] = _CHANNELS, url: str | None = None
) -> Feed:
    """Subscribe to channels of the spot market.

    Nothing is sent to keep the connection: heartbeats do, in recordings of two minutes, and the answers to pings of
    ours would be messages that other clients of Kraken do not get.

    Parameters
    ----------
    pairs : sequence of str
        Such as `BTC/USD`. Lower case is raised, mixed case is left as it is, for `AAPLx/USD` is written so; `XBT` and
        `BTC`, `XDG` and `DOGE` are replaced by the name that the version has for them.
    api : {"v2", "v1"}
        Version of the interface.
    channels : sequence of str, optional
        `book`, `trade`, `ticker`, `ohlc` and, on version 1, `spread`; a book's depth or a candle's minutes follow a
        dash, as in `book-1000` and `ohlc-5`, as version 1 calls its own channels.
    url : str, optional
        Another server of this interface, such as `wss://beta-ws.kraken.com/v2`.

    Raises
    ------
    ConfigError
        If a pair is not of Kraken's form, a channel is unknown, or the address is none.
    """
    check_choice("version", api, tuple(_URLS))
    pairs = check_symbols("Kraken pair", pairs, _PAIR, "BTC/USD", partial(_rename, names=_OTHER_NAMES[api]))
    channels = check_channels(f"channel of Kraken's {api}", channels, _KNOWN[api], "book, book-100, trade or ticker")
    url = _URLS[api] if url is None else url
    check_url(url)
    ask = _ask_v2 if api == "v2" else _ask_v1
    return Feed(
        name=name_feed("kraken", api, symbols=pairs),
        declared_exchange="kraken",
        url=url,
        requests=tuple(ask(number, channel, pairs) for number, channel in enumerate(channels, start=1)),
        requests_per_s=REQUESTS_PER_S,
        silent_after_s=SILENT_AFTER_S,
        connect_every_s=CONNECT_EVERY_S,
    )


def _rename(pair: str, names: Mapping[str, str]) -> str:
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
