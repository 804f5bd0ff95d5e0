"""Binance's public market data streams, spot and USD-M futures: where they are and what Binance wants of clients.

`ingest/VENUES.md` repeats these numbers, each with the page that documents it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from ingest.adapters.adapter import Adapter, Api, Subscription
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


_CHANNELS: Final = ("trade", "bookTicker", "depth@100ms")
"""Those of the recordings that the model is trained on, as far as one path serves them."""

_SPOT_CHANNEL: Final = re.compile(
    rf"aggTrade|trade|bookTicker|depth(5|10|20)?(@100ms)?|{_KLINE}|kline_1s|miniTicker|ticker(_1h|_4h|_1d)?|avgPrice"
)
_USDM_CHANNELS: Final = {
    USDM_PUBLIC: re.compile(r"trade|bookTicker|depth(@(0|100|500)ms)?|depth(5|10|20)(@(100|500)ms)?|rpiDepth@500ms"),
    USDM_MARKET: re.compile(rf"aggTrade|markPrice(@1s)?|{_KLINE}|miniTicker|ticker|forceOrder"),
}
"""By the path that serves them."""


def _to_feed(asked: Subscription) -> Feed:
    """Subscribe to combined streams, named in the address: nothing is sent, and nothing is acknowledged.

    A channel is what follows the `@` in the name of a stream. Another server is given as scheme and host, such as
    `wss://data-stream.binance.vision`.
    """
    is_spot = asked.api == "spot"
    path = "" if is_spot else _usdm_path(asked.channels)
    return Feed(
        name=asked.feed_name,
        declared_exchange=asked.venue,
        symbols=asked.symbols,
        url=_url(_base(asked.url) + path, asked.symbols, asked.channels),
        requests_per_s=SPOT_REQUESTS_PER_S if is_spot else USDM_REQUESTS_PER_S,
        ping_every_s=OWN_PING_S,
        silent_after_s=PINGS_MISSED * (SPOT_VENUE_PING_S if is_spot else USDM_VENUE_PING_S),
        connect_every_s=CONNECT_EVERY_S,
        longest_session_s=LONGEST_SESSION_S,
    )


def _usdm_path(channels: Sequence[str]) -> str:
    """Find the path that serves all channels."""
    served_by = {path: [name for name in channels if known.fullmatch(name)] for path, known in _USDM_CHANNELS.items()}
    for path, names in served_by.items():
        if len(names) == len(channels):
            return path
    found = " and ".join(f"{', '.join(names)} ({path})" for path, names in served_by.items())
    raise ConfigError(
        f"Expected channels that one path of Binance's futures address serves, found {found}: "
        "run one feed for each path"
    )


def _base(url: str) -> str:
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


BINANCE: Final = Adapter(
    name="binance",
    title="Binance",
    summary="the spot market, or USD-M futures",
    symbol="btcusdt",
    apis=(
        Api(
            name="spot",
            url=SPOT_URL,
            symbol=_SYMBOL,
            spell=str.lower,
            channels=_CHANNELS,
            channel=_SPOT_CHANNEL,
        ),
        Api(
            name="usdm",
            url=USDM_URL,
            symbol=_SYMBOL,
            spell=str.lower,
            channels=_CHANNELS,
            channel=re.compile("|".join(known.pattern for known in _USDM_CHANNELS.values())),
        ),
    ),
    to_feed=_to_feed,
)
