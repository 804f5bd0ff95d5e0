"""Coinbase's public market data, by the Exchange feed and by Advanced Trade: where it is and what Coinbase wants.

`ingest/VENUES.md` repeats these numbers, each with the page that documents it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import orjson

from ingest.adapters.checks import check_channels, check_choice, check_symbols, check_url, name_feed
from ingest.live.feed import Feed
from udfs.errors import ConfigError

EXCHANGE_URL: Final = "wss://ws-feed.exchange.coinbase.com"
ADVANCED_URL: Final = "wss://advanced-trade-ws.coinbase.com"

REQUESTS_PER_S: Final = 8.0
"""Of one address, for both interfaces."""

CONNECT_EVERY_S: Final = 0.125
"""8 connections a second and address."""

HEARTBEAT_S: Final = 1.0
"""Between two heartbeats: of a product on the Exchange feed, of the connection on Advanced Trade."""

HEARTBEATS_MISSED: Final = 5
"""So many may be late (ours; the page of another venue with the same heartbeat proposes it)."""

QUIET_S: Final = 90.0
"""Most channels of Advanced Trade close after 60 to 90 s without an update, if there are no heartbeats."""

OWN_PING_S: Final = 20.0
"""Without heartbeats nothing is promised, so a dead line is noticed by a pong that does not come (ours)."""


@dataclass(frozen=True, kw_only=True)
class _Api:
    """What differs between the interfaces; `closed` channels want credentials."""

    url: str
    product: re.Pattern[str]
    heartbeat: str
    channels: tuple[str, ...]
    other_channels: tuple[str, ...]
    closed: tuple[str, ...]


_APIS: Final[Mapping[str, _Api]] = MappingProxyType(
    {
        "exchange": _Api(
            url=EXCHANGE_URL,
            product=re.compile(r"[A-Z0-9]+-[A-Z0-9]+"),
            heartbeat="heartbeat",
            channels=("level2_batch", "matches", "ticker", "heartbeat"),
            other_channels=("ticker_batch",),
            closed=("level2", "level3", "full", "user", "rfq_matches"),
        ),
        "advanced": _Api(
            url=ADVANCED_URL,
            product=re.compile(r"[A-Z0-9]+(-[A-Z0-9]+){1,2}"),  # BTC-USD, and futures such as BIT-31DEC26-CDE
            heartbeat="heartbeats",
            channels=("level2", "market_trades", "ticker", "heartbeats"),
            other_channels=("ticker_batch", "candles"),
            closed=("user", "futures_balance_summary"),
        ),
    }
)


def coinbase_feed(
    products: Sequence[str], *, api: str = "exchange", channels: Sequence[str] | None = None, url: str | None = None
) -> Feed:
    """Subscribe to channels that are open to all.

    Parameters
    ----------
    products : sequence of str
        Such as `BTC-USD`, in any case.
    api : {"exchange", "advanced"}
        The Exchange feed, or Advanced Trade.
    channels : sequence of str, optional
        Without it the book, the trades, the ticker and the heartbeats. A feed without heartbeats has no contract to be
        watched by, so it is pinged.
    url : str, optional
        Another server of this interface, such as `wss://ws-feed-public.sandbox.exchange.coinbase.com`.

    Raises
    ------
    ConfigError
        If a product is not of Coinbase's form, a channel is unknown or wants credentials, or the address is none.
    """
    check_choice("interface", api, tuple(_APIS))
    rules = _APIS[api]
    products = check_symbols("Coinbase product", products, rules.product, "BTC-USD", str.upper)
    channels = _check_channels(api, rules, rules.channels if channels is None else channels)
    url = rules.url if url is None else url
    check_url(url)
    beats = rules.heartbeat in channels
    return Feed(
        name=name_feed("coinbase", api, symbols=products),
        declared_exchange="coinbase",
        url=url,
        requests=_exchange(products, channels) if api == "exchange" else _advanced(products, channels),
        requests_per_s=REQUESTS_PER_S,
        ping_every_s=None if beats else OWN_PING_S,
        silent_after_s=HEARTBEATS_MISSED * HEARTBEAT_S if beats else QUIET_S,
        connect_every_s=CONNECT_EVERY_S,
    )


def _check_channels(api: str, rules: _Api, channels: Sequence[str]) -> tuple[str, ...]:
    for channel in channels:
        if channel in rules.closed:
            raise ConfigError(
                f"Expected a channel of Coinbase that is open to all, such as {rules.channels[0]}, found "
                f"{channel!r}, which wants credentials: choose another channel"
            )
    known = re.compile("|".join((*rules.channels, *rules.other_channels)))
    return check_channels(f"channel of Coinbase's {api} interface", channels, known, " or ".join(rules.channels))


def _exchange(products: Sequence[str], channels: Sequence[str]) -> tuple[str, ...]:
    """Ask for everything at once, as the recorded client does."""
    return (_frame({"type": "subscribe", "product_ids": products, "channels": channels}),)


def _advanced(products: Sequence[str], channels: Sequence[str]) -> tuple[str, ...]:
    """Ask for each channel by itself, as the interface wants it; the heartbeats are of no product."""
    return tuple(
        _frame({"type": "subscribe", "channel": channel})
        if channel == _APIS["advanced"].heartbeat
        else _frame({"type": "subscribe", "product_ids": products, "channel": channel})
        for channel in channels
    )


def _frame(body: object) -> str:
    return orjson.dumps(body).decode()
