"""What the streams of Binance's interfaces have in common: the envelope, and statistics that change with trades."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from synthetic.behaviour import Channel, Mix, Periodic, TickPattern, Ticks, Trigger
from synthetic.profiles.mixes import alone
from udfs.schema import MsgType

MS: Final = 1_000_000

_MOST_STREAMS: Final = 1024
"""Of a connection ("WebSocket Limits"; "Websocket Market Streams" of the futures)."""


def enveloped(raw_bytes: int, stream: str) -> int:
    """Add what a combined stream's frame has around the payload.

    "General WSS information": {"stream":"<streamName>","data":<rawPayload>}; of BTCUSDT, whose name has 7 letters.

    >>> enveloped(107, "bookTicker")
    146
    """
    return raw_bytes + len('{"stream":"btcusdt@","data":}') + len(stream)


def raw_alone(channel: Channel, stream: str, *, weight: float, most_symbols: int = _MOST_STREAMS) -> Mix:
    """Subscribe to a channel as a raw stream (/ws/<streamName>), whose frames have no envelope."""
    return alone(without_envelope(channel, stream), weight=weight, most_symbols=most_symbols)


def without_envelope(channel: Channel, stream: str) -> Channel:
    """Make a combined stream's channel a raw one."""
    return replace(channel, payload_bytes=channel.payload_bytes - enveloped(0, stream))


def statistics(
    name: str, *period_ms: float, raw_bytes: int, pattern: TickPattern = TickPattern.GRID, stream: str | None = None
) -> Channel:
    """Describe statistics that are sent at most so often, and only after a trade.

    No page says what the update speed counts from: one grid for all symbols is assumed where nothing was recorded.
    """
    return Channel(
        name=name,
        trigger=Trigger.TRADE,
        ticks=Ticks(pattern=pattern, period_ms=period_ms, jitter_ms=2.0),  # assumed, between spot's depth and futures'
        payload_bytes=enveloped(raw_bytes, stream or name),
        exchange_time_ns=MS,
    )


def market_wide(name: str, period_ms: float, *, entry_bytes: int, weight: float) -> Mix:
    """Subscribe to a stream of the whole market: an array of what has changed, an entry for each symbol."""
    channel = Channel(
        name=name,
        trigger=Trigger.TRADE,
        ticks=Ticks(pattern=TickPattern.GRID, period_ms=(period_ms,), jitter_ms=2.0),
        payload_bytes=entry_bytes + 2,
        level_bytes=entry_bytes + 1,
        exchange_time_ns=MS,
    )
    return alone(channel, weight=weight, most_symbols=1)


def clocked(name: str, period_s: float, *, raw_bytes: int, stream: str | None = None) -> Periodic:
    """Describe a price that is sent at whole seconds whatever happens.

    Recorded of markPrice, usdm__btcusdt_20230404: once a second at the whole second (resultant length 0.99), gaps 968
    to 1035 ms, E up to 12 ms after it. The others' examples have an E at a whole second too.
    """
    return Periodic(
        name=name,
        msg_type=MsgType.NEW,
        period_s=period_s,
        jitter_ms=8.0,
        per_symbol=True,
        utc_aligned=True,
        payload_bytes=enveloped(raw_bytes, stream or name),
        exchange_time_ns=MS,
    )


def raw_clock_alone(periodic: Periodic, stream: str, *, weight: float) -> Mix:
    """Subscribe to a price that the clock sends, as a raw stream."""
    raw = replace(periodic, payload_bytes=periodic.payload_bytes - enveloped(0, stream), probability=1.0)
    return Mix(name=periodic.name, weight=weight, periodics=(raw,), most_symbols=_MOST_STREAMS)
