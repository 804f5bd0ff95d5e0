"""Coinbase's public market data, by the Exchange feed and by Advanced Trade: where it is and what Coinbase wants.

`ingest/VENUES.md` repeats these numbers, each with the page that documents it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import orjson

from ingest.adapters.adapter import Adapter, Api, Subscription
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


_HEARTBEATS: Final = {"exchange": "heartbeat", "advanced": "heartbeats"}
"""By interface, the channel of the heartbeats."""

_CLOSED: Final = {
    "exchange": ("level2", "level3", "full", "user", "rfq_matches"),
    "advanced": ("user", "futures_balance_summary"),
}
"""By interface, the channels that want credentials."""


def _to_feed(asked: Subscription) -> Feed:
    """Subscribe to channels that are open to all.

    A feed without heartbeats has no contract to be watched by, so it is pinged.
    """
    _refuse_closed(asked)
    beats = _HEARTBEATS[asked.api] in asked.channels
    ask = _ask_exchange if asked.api == "exchange" else _ask_advanced
    return Feed(
        name=asked.feed_name,
        declared_exchange=asked.venue,
        symbols=tuple(map(_name_in_data, asked.symbols)) if asked.api == "advanced" else asked.symbols,
        url=asked.url,
        requests=ask(asked.symbols, asked.channels),
        requests_per_s=REQUESTS_PER_S,
        ping_every_s=None if beats else OWN_PING_S,
        silent_after_s=HEARTBEATS_MISSED * HEARTBEAT_S if beats else QUIET_S,
        connect_every_s=CONNECT_EVERY_S,
    )


def _refuse_closed(asked: Subscription) -> None:
    for channel in asked.channels:
        if channel in _CLOSED[asked.api]:
            raise ConfigError(
                f"Expected a channel of Coinbase that is open to all, found {channel!r}, which wants credentials: "
                "choose another channel"
            )


def _ask_exchange(products: Sequence[str], channels: Sequence[str]) -> tuple[str, ...]:
    """Ask for everything at once, as the recorded client does."""
    return (_frame({"type": "subscribe", "product_ids": products, "channels": channels}),)


def _ask_advanced(products: Sequence[str], channels: Sequence[str]) -> tuple[str, ...]:
    """Ask for each channel by itself, as the interface wants it; the heartbeats are of no product."""
    return tuple(
        _frame({"type": "subscribe", "channel": channel})
        if channel == _HEARTBEATS["advanced"]
        else _frame({"type": "subscribe", "product_ids": products, "channel": channel})
        for channel in channels
    )


def _name_in_data(product: str) -> str:
    """Name a product as its data do: `-USDC` products are served as their `-USD` ones."""
    return product.removesuffix("C") if product.endswith("-USDC") else product


def _frame(body: object) -> str:
    return orjson.dumps(body).decode()


def _any_of(*channels: str) -> re.Pattern[str]:
    return re.compile("|".join(channels))


_EXCHANGE_CHANNELS: Final = ("level2_batch", "matches", "ticker", "heartbeat")
_ADVANCED_CHANNELS: Final = ("level2", "market_trades", "ticker", "heartbeats")

COINBASE: Final = Adapter(
    name="coinbase",
    title="Coinbase",
    summary="the Exchange feed, or Advanced Trade",
    symbol="BTC-USD",
    apis=(
        Api(
            name="exchange",
            url=EXCHANGE_URL,
            symbol=re.compile(r"[A-Z0-9]+-[A-Z0-9]+"),
            spell=str.upper,
            channels=_EXCHANGE_CHANNELS,
            channel=_any_of(*_EXCHANGE_CHANNELS, "ticker_batch", *_CLOSED["exchange"]),
        ),
        Api(
            name="advanced",
            url=ADVANCED_URL,
            symbol=re.compile(r"[A-Z0-9]+(-[A-Z0-9]+){1,2}"),  # BTC-USD, and futures such as BIT-31DEC26-CDE
            spell=str.upper,
            channels=_ADVANCED_CHANNELS,
            channel=_any_of(*_ADVANCED_CHANNELS, "ticker_batch", "candles", *_CLOSED["advanced"]),
        ),
    ),
    to_feed=_to_feed,
)
