"""Binance's public market data streams, spot and USD-M futures: where they are and what Binance wants of clients.

`ingest/VENUES.md` repeats these numbers, each with the page that documents it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from ingest.adapters.checks import check_channels, check_choice, check_symbols, check_url, name_feed
from ingest.live.feed import Feed
from udfs.errors import ConfigError

SPOT_URL: Final = "wss://stream.binance.com:9443"
USDM_URL: Final = "wss://fstream.binance.com"

USDM_PUBLIC: Final = "/public"
"""Serves book tickers and depth, and `trade`, which Binance does not document for futures."""

USDM_MARKET: Final = "/market"
"""Serves all other market data. A stream that is asked for at the other path stays silent, without an error."""

MOST_STREAMS: Final = 1024
"""Of one connection."""

LONGEST_URL: Final = 8004
"""Characters; measured by users in 2019, documented nowhere. A longer address is refused before the handshake."""

LONGEST_SESSION_S: Final = 86_400.0
"""A connection is valid for 24 hours."""

CONNECT_EVERY_S: Final = 1.0
"""300 attempts in 5 minutes from one address. Documented for spot only, but used for futures too."""

SPOT_REQUESTS_PER_S: Final = 5.0
"""Frames that a client may send, its pings and pongs included; more of them end the connection."""

USDM_REQUESTS_PER_S: Final = 10.0
"""The same for futures."""

SPOT_VENUE_PING_S: Final = 20.0
"""The venue pings as often, and hangs up on clients that have not answered for a minute."""

USDM_VENUE_PING_S: Final = 180.0
"""The same for futures, with ten minutes' patience."""

PINGS_MISSED: Final = 3
"""No data is promised, for a quiet symbol has none; only the venue's pings are. So many of them may be late (ours)."""

OWN_PING_S: Final = 20.0
"""A dead line is noticed by a pong that does not come, sooner than by the venue's pings that do not (ours)."""

_KLINE: Final = "kline_(1m|3m|5m|15m|30m|1h|2h|4h|6h|8h|12h|1d|3d|1w|1M)"
_SYMBOL: Final = re.compile(r"[^\W_]{2,40}(_[0-9]{6})?")
"""Letters of any script, as the venue lists such symbols, and the delivery date of a future."""


@dataclass(frozen=True, kw_only=True)
class _Market:
    """What differs between the markets.

    Attributes
    ----------
    paths : mapping of str to re.Pattern
        The channels that each path of the address serves.
    channels : tuple of str
        Those of the recordings that the model is trained on, as far as one path serves them.
    """

    url: str
    paths: Mapping[str, re.Pattern[str]]
    channels: tuple[str, ...]
    requests_per_s: float
    venue_ping_s: float


_MARKETS: Final[Mapping[str, _Market]] = MappingProxyType(
    {
        "spot": _Market(
            url=SPOT_URL,
            paths={
                "": re.compile(
                    rf"aggTrade|trade|bookTicker|depth(5|10|20)?(@100ms)?|{_KLINE}|kline_1s|miniTicker"
                    r"|ticker(_1h|_4h|_1d)?|avgPrice"
                )
            },
            channels=("trade", "bookTicker", "depth@100ms"),
            requests_per_s=SPOT_REQUESTS_PER_S,
            venue_ping_s=SPOT_VENUE_PING_S,
        ),
        "usdm": _Market(
            url=USDM_URL,
            paths={
                USDM_PUBLIC: re.compile(
                    r"trade|bookTicker|depth(@(0|100|500)ms)?|depth(5|10|20)(@(100|500)ms)?|rpiDepth@500ms"
                ),
                USDM_MARKET: re.compile(rf"aggTrade|markPrice(@1s)?|{_KLINE}|miniTicker|ticker|forceOrder"),
            },
            channels=("trade", "bookTicker", "depth@100ms"),
            requests_per_s=USDM_REQUESTS_PER_S,
            venue_ping_s=USDM_VENUE_PING_S,
        ),
    }
)


def binance_feed(
    symbols: Sequence[str], *, market: str = "spot", channels: Sequence[str] | None = None, url: str | None = None
) -> Feed:
    """Subscribe to combined streams, named in the address: nothing is sent, and nothing is acknowledged.

    Parameters
    ----------
    symbols : sequence of str
        Such as `btcusdt`, in any case.
    market : {"spot", "usdm"}
        Spot, or USD-M futures.
    channels : sequence of str, optional
        What follows the `@` in the names of streams, such as `aggTrade` or `depth@100ms`. Without it `trade`,
        `bookTicker` and `depth@100ms`.
    url : str, optional
        Scheme and host of another server of this interface, such as `wss://data-stream.binance.vision`.

    Raises
    ------
    ConfigError
        If a symbol or channel is not of Binance's form, futures channels of both paths are mixed, the streams are more
        than one connection bears, or the address is none.
    """
    check_choice("market", market, tuple(_MARKETS))
    rules = _MARKETS[market]
    symbols = check_symbols("Binance symbol", symbols, _SYMBOL, "btcusdt", str.lower)
    path, channels = _path(market, rules, rules.channels if channels is None else channels)
    return Feed(
        name=name_feed("binance", market, symbols=symbols),
        declared_exchange="binance",
        url=_url(_base(rules.url if url is None else url) + path, symbols, channels),
        requests_per_s=rules.requests_per_s,
        ping_every_s=OWN_PING_S,
        silent_after_s=PINGS_MISSED * rules.venue_ping_s,
        connect_every_s=CONNECT_EVERY_S,
        longest_session_s=LONGEST_SESSION_S,
    )


def _path(market: str, rules: _Market, channels: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Find the path that serves all channels."""
    either = re.compile("|".join(known.pattern for known in rules.paths.values()))
    channels = check_channels(f"channel of Binance's {market} market", channels, either, "bookTicker or depth@100ms")
    served_by = {path: [name for name in channels if known.fullmatch(name)] for path, known in rules.paths.items()}
    for path, names in served_by.items():
        if len(names) == len(channels):
            return path, channels
    found = " and ".join(f"{', '.join(names)} ({path})" for path, names in served_by.items())
    raise ConfigError(
        f"Expected channels that one path of Binance's futures address serves, found {found}: "
        "run one feed for each path"
    )


def _base(url: str) -> str:
    check_url(url)
    if "?" in url:
        raise ConfigError(
            f"Expected Binance's address without a query, found {url!r}: leave out ? and what follows it, "
            "for the streams are added here"
        )
    return url.rstrip("/")


def _url(base: str, symbols: Sequence[str], channels: Sequence[str]) -> str:
    streams = [f"{symbol}@{channel}" for symbol in symbols for channel in channels]
    url = f"{base}/stream?streams={quote('/'.join(streams), safe='@/')}"
    if len(streams) > MOST_STREAMS or len(url) > LONGEST_URL:
        raise ConfigError(
            f"Expected at most {MOST_STREAMS} streams and an address of at most {LONGEST_URL} characters for one "
            f"connection to Binance, found {len(streams)} and {len(url)}: divide the symbols among several feeds"
        )
    return url
