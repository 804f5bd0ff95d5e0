"""How Binance's spot streams behave, in JSON and in SBE, and how that is known.

"Recorded" means measured over public recordings of the venue, the captures whose name follows. What neither a page nor
a recording says is marked "assumed". Recorders use combined streams; sizes are those of combined streams.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from synthetic.behaviour import (
    Channel,
    MarketProfile,
    Mix,
    Opening,
    Periodic,
    SeqRule,
    TickPattern,
    Ticks,
    Trigger,
)
from synthetic.profiles.binance_streams import (
    MS,
    clocked,
    enveloped,
    market_wide,
    raw_alone,
    raw_clock_alone,
    statistics,
    without_envelope,
)
from synthetic.profiles.mixes import SELDOM, alone

_US: Final = 1_000
_MOST_SYMBOLS: Final = 341
"""A connection has at most 1024 streams ("WebSocket Limits"), a mix up to three a symbol."""

_DEPTH: Final = Channel(
    name="depth",
    trigger=Trigger.BOOK,
    probability=0.95,  # recorded: in nine files of nine; connections of one stream are documented as well
    # "WebSocket Streams for Binance", Diff. Depth Stream: 1000ms or 100ms; the recordings use the latter.
    # Recorded, spot__btcusdt_20240808: gaps of a symbol 98.6 to 101.6 ms (5th to 95th percentile); the
    # phase moves on by 2 to 2.5 ms in 50 ticks. Recorded, BINANCE__2021-04-04: all three symbols come
    # within 0.2 ms.
    ticks=Ticks(pattern=TickPattern.GRID, period_ms=(100.0, 100.0, 100.0, 1000.0), excess_ms=0.045, jitter_ms=0.7),
    # The same page: U and u of an event follow u of the one before (recorded: U - u is 1 at each decile).
    seq=SeqRule.SYMBOL,
    payload_bytes=190,  # recorded, BINANCE__2021-04-05: 161 to 346 bytes (10th to 90th percentile)
    level_bytes=26,  # recorded: one more ["28165.40000000","0.00000000"] with its comma
    exchange_time_ns=MS,  # the same page: E is in milliseconds unless asked otherwise
)

_BOOK_TICKER: Final = Channel(
    name="bookTicker",
    trigger=Trigger.BEST,
    probability=0.85,  # recorded: in eight files of nine
    # The same page, Individual Symbol Book Ticker Streams: real-time; u is the book's update id, no E.
    seq=SeqRule.SYMBOL,
    payload_bytes=145,  # recorded: 139 to 148 bytes
    exchange_time_ns=None,
)

_TRADE: Final = Channel(
    name="trade",
    trigger=Trigger.TRADE,
    probability=0.95,  # recorded: in nine files of nine
    # The same page, Trade Streams: real-time; the trade id counts trades, not changes of the book.
    seq=SeqRule.NONE,
    payload_bytes=198,  # recorded: 167 to 202 bytes
    exchange_time_ns=MS,
)

_AGG_TRADE: Final = replace(
    _TRADE,
    name="aggTrade",
    # The same page, Aggregate Trade Streams: real-time, one for each taker order.
    payload_bytes=200,  # recorded, BINANCE__2021-04-05: 187 to 203 bytes
)

_PARTIAL_DEPTH: Final = Channel(
    name="partial depth",
    trigger=Trigger.BOOK,
    # The same page, Partial Book Depth Streams: 5, 10 or 20 levels every 1000ms or 100ms; the grid is taken to be that
    # of the diff. depth stream, nothing is sent without a change (assumed).
    ticks=Ticks(pattern=TickPattern.GRID, period_ms=(100.0, 100.0, 100.0, 1000.0), excess_ms=0.045, jitter_ms=0.7),
    seq=SeqRule.SYMBOL,  # the same page: lastUpdateId
    payload_bytes=enveloped(687, "depth10@100ms"),  # estimated from the fields of the page's example, with 10 levels
    exchange_time_ns=None,  # the same page: no time
)

_KLINE: Final = replace(
    # The same page, Kline/Candlestick Streams: 1000ms for 1s, 2000ms for the others. Recorded, BINANCE__2021-04-04
    # (1m): a symbol's gaps are 2000 to 3650 ms, none shorter: two seconds' rest, then the next trade.
    statistics("kline", 2000.0, 2000.0, 1000.0, raw_bytes=325, pattern=TickPattern.COOLDOWN, stream="kline_1m"),
    payload_bytes=362,  # recorded, BINANCE__2021-04-04: 343 to 366 bytes
)

# The same page: Individual Symbol Mini Ticker, Ticker and Rolling Window Statistics Streams, each 1000ms. Sizes are
# estimated from the fields of the page's examples, with eight decimals.
_MINI_TICKER: Final = statistics("miniTicker", 1000.0, raw_bytes=167)
_TICKER: Final = statistics("ticker", 1000.0, raw_bytes=393)
_WINDOW_TICKER: Final = statistics("ticker_1h", 1000.0, raw_bytes=285)
# The same page, Average Price: 1000ms, and the example's E is a whole second.
_AVG_PRICE: Final = clocked("avgPrice", 1.0, raw_bytes=96)
# The same page, Reference Price Streams: 1000ms; t is the engine's time, in the example in mid-second.
_REFERENCE_PRICE: Final = replace(clocked("referencePrice", 1.0, raw_bytes=72), utc_aligned=False)

PING: Final = Periodic(
    name="ping",
    # "WebSocket Streams for Binance", General WSS information: a ping frame every 20 seconds, answered by a
    # pong as soon as possible. Half of the recorders do not see control frames (assumed; no capture has any).
    period_s=20.0,
    jitter_ms=5.0,
    probability=0.5,
    answered=True,
    payload_bytes=13,  # the same page: the pong repeats the ping's payload; a time in ms (assumed)
    exchange_time_ns=None,
)

OPENING: Final = Opening(
    # Recorded, all nine files: streams named in the address, nothing answered. "Live Subscribing/Unsubscribing":
    # a SUBSCRIBE frame is answered with its id and "result": null. How many clients do so is assumed.
    greeting=False,
    subscribe_probability=0.4,
    ack_per_symbol=False,
    ack_has_request_id=True,
    snapshot_bytes=0,  # "How to manage a local order book correctly": the snapshot comes by REST
)

SPOT: Final = MarketProfile(
    name="binance-spot-market",
    exchange="binance",
    mixes=(
        # Recorded, all nine files: combined streams. That one client in six has raw ones ("Live Subscribing", SUBSCRIBE
        # on /ws), and every weight below, is assumed.
        Mix(name="depth + bookTicker + trade", weight=5.0, channels=(_DEPTH, _BOOK_TICKER, _TRADE)),
        Mix(
            name="depth + bookTicker + trade, raw",
            weight=1.0,
            channels=(
                without_envelope(_DEPTH, "depth@100ms"),
                without_envelope(_BOOK_TICKER, "bookTicker"),
                without_envelope(_TRADE, "trade"),
            ),
        ),
        # Recorded, BINANCE__2021-04-05 and BINANCE__2021-04-04.
        Mix(name="depth + bookTicker + aggTrade", weight=1.5, channels=(_DEPTH, _BOOK_TICKER, _AGG_TRADE)),
        Mix(name="depth + aggTrade + kline", weight=0.8, channels=(_DEPTH, _AGG_TRADE, _KLINE)),
        Mix(name="partial depth + trade", weight=0.8, channels=(_PARTIAL_DEPTH, _TRADE)),
        Mix(name="aggTrade + kline + miniTicker", weight=SELDOM, channels=(_AGG_TRADE, _KLINE, _MINI_TICKER)),
        raw_alone(_DEPTH, "depth@100ms", weight=0.6),
        raw_alone(_PARTIAL_DEPTH, "depth10@100ms", weight=1.0),
        raw_alone(_BOOK_TICKER, "bookTicker", weight=0.6),
        raw_alone(_TRADE, "trade", weight=SELDOM),
        raw_alone(_AGG_TRADE, "aggTrade", weight=SELDOM),
        raw_alone(_KLINE, "kline_1m", weight=SELDOM),
        raw_alone(_MINI_TICKER, "miniTicker", weight=SELDOM),
        raw_alone(_TICKER, "ticker", weight=SELDOM),
        raw_alone(_WINDOW_TICKER, "ticker_1h", weight=SELDOM),
        raw_clock_alone(_AVG_PRICE, "avgPrice", weight=SELDOM),
        raw_clock_alone(_REFERENCE_PRICE, "referencePrice", weight=SELDOM),
        # The same page, All Market Mini Tickers and All Market Rolling Window Statistics Streams: 1000ms.
        market_wide("!miniTicker@arr", 1000.0, entry_bytes=167, weight=SELDOM),
        market_wide("!ticker_1h@arr", 1000.0, entry_bytes=285, weight=SELDOM),
    ),
    periodics=(PING,),
    opening=OPENING,
    hidden_updates=2.0,  # recorded, spot__btcusdt_20240808: 63% of the steps of u are jumps; 7 to 93 ids an event
    most_symbols=_MOST_SYMBOLS,
)

_SBE_DEPTH: Final = replace(
    _DEPTH,
    name="depth (SBE)",
    # "SBE Market Data Streams", Diff. Depth Streams: 50ms; the grid is taken to be like that of JSON (assumed).
    ticks=Ticks(pattern=TickPattern.GRID, period_ms=(50.0,), excess_ms=0.02, jitter_ms=0.7),
    # The same page: binary frames of SBE. Sizes are estimated from the messages' fields: 8 bytes of header, 8 for each
    # time, id, price and quantity, the symbol behind its length.
    payload_bytes=66,
    level_bytes=16,
    exchange_time_ns=_US,  # the same page: all times in microseconds
)
_SBE_PARTIAL_DEPTH: Final = replace(
    _SBE_DEPTH,
    name="depth20 (SBE)",  # the same page, Partial Book Depth Streams: top 20 levels, 50ms
    payload_bytes=682,
    level_bytes=0,
)
_SBE_BEST_BID_ASK: Final = replace(
    _BOOK_TICKER,
    name="bestBidAsk (SBE)",  # the same page, Best Bid/Ask Streams: real time, with eventTime; culling is left out
    payload_bytes=66,
    exchange_time_ns=_US,
)
_SBE_TRADE: Final = replace(_TRADE, name="trade (SBE)", payload_bytes=65, exchange_time_ns=_US)

SBE: Final = MarketProfile(
    # As a client that decodes SBE publishes it: the live feeds here read JSON only.
    name="binance-sbe-market",
    exchange="binance",
    mixes=(
        Mix(
            name="depth + bestBidAsk + trade (SBE)",
            weight=3.0,
            channels=(_SBE_DEPTH, _SBE_BEST_BID_ASK, _SBE_TRADE),
        ),
        alone(_SBE_DEPTH, weight=1.0),
        alone(_SBE_PARTIAL_DEPTH, weight=1.0),
        alone(_SBE_BEST_BID_ASK, weight=1.0),
        alone(_SBE_TRADE, weight=SELDOM),
    ),
    periodics=(PING,),  # "SBE Market Data Streams", General Information: every 20 seconds
    opening=OPENING,  # the same page: requests and answers stay JSON
    hidden_updates=SPOT.hidden_updates,
    most_symbols=_MOST_SYMBOLS,
)
