"""How Binance's futures behave, USDS-margined and COIN-margined, and how that is known.

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
    Periodic,
    SeqRule,
    TickPattern,
    Ticks,
    Trigger,
)
from synthetic.profiles.binance_spot import OPENING
from synthetic.profiles.binance_streams import (
    MS,
    clocked,
    enveloped,
    market_wide,
    raw_alone,
    raw_clock_alone,
    statistics,
)
from synthetic.profiles.mixes import SELDOM

_MOST_SYMBOLS: Final = 341
"""A connection has at most 1024 streams ("Websocket Market Streams"), a mix up to three a symbol."""

_DEPTH: Final = Channel(
    name="depth",
    trigger=Trigger.BOOK,
    probability=0.95,  # recorded: in nine files of nine; connections of one stream are documented as well
    # "Diff. Book Depth Streams" (USDS-margined futures): 250, 500 or 100 ms. Recorded: medians of 18.8 ms
    # (usdm__btcusdt_20230404) and 53 ms (20240718, 5th to 95th percentile 50.5 to 58) for depth@0ms, 106 ms
    # for depth@100ms (BINANCE_FUTURES__2021-04-05), in phase with nothing (resultant length below 0.05).
    ticks=Ticks(
        pattern=TickPattern.SUCCESSION,
        period_ms=(19.0, 53.0, 53.0, 103.0, 103.0, 253.0, 503.0),
        jitter_ms=2.5,
    ),
    seq=SeqRule.VENUE,  # recorded: 16,000 to 22,000 ids a second, one count over all symbols
    payload_bytes=230,  # recorded: 211 to 951 bytes
    level_bytes=19,  # recorded: one more ["28018.90","0.000"] with its comma
    exchange_time_ns=MS,
    time_lag_ms=0.2,  # recorded: up to 2% of the times go back
)

_BOOK_TICKER: Final = Channel(
    name="bookTicker",
    trigger=Trigger.BEST,
    probability=0.85,  # recorded: in eight files of nine
    seq=SeqRule.VENUE,  # recorded: its u lies between those of the depth events
    payload_bytes=179,  # recorded: 171 to 181 bytes
    exchange_time_ns=MS,  # "Individual Symbol Book Ticker Streams" (futures): E and T, unlike spot
)

_AGG_TRADE: Final = Channel(
    name="aggTrade",
    trigger=Trigger.TRADE,
    probability=0.95,  # recorded: in nine files of nine
    # "Aggregate Trade Streams" (futures): 100 ms. Recorded, BINANCE_FUTURES__2021-04-05: in bursts without
    # a phase (resultant length 0.07 at 100 ms), as the undocumented @trade of the others: as they happen.
    seq=SeqRule.NONE,
    payload_bytes=168,  # recorded: 160 to 177 bytes
    exchange_time_ns=MS,
)

_PARTIAL_DEPTH: Final = replace(
    _DEPTH,
    name="partial depth",
    # "Partial Book Depth Streams" (futures): 5, 10 or 20 levels every 250, 500 or 100 ms; U, u and pu as in the diff.
    # depth stream, whose succession it is taken to share (assumed).
    ticks=Ticks(pattern=TickPattern.SUCCESSION, period_ms=(103.0, 103.0, 253.0, 503.0), jitter_ms=2.5),
    payload_bytes=enveloped(536, "depth10@100ms"),  # estimated from the fields of the page's example, with 10 levels
    level_bytes=0,
)
# "RPI Diff. Book Depth Streams": 500 ms.
_RPI_DEPTH: Final = replace(
    _DEPTH, name="rpiDepth", ticks=Ticks(pattern=TickPattern.SUCCESSION, period_ms=(503.0,), jitter_ms=2.5)
)
# "Kline/Candlestick Streams" (futures): every 250 milliseconds if there is a change; that it rests as spot's is
# recorded to do is assumed, here and for the other candles.
_KLINE: Final = statistics("kline", 250.0, raw_bytes=295, pattern=TickPattern.COOLDOWN, stream="kline_1m")
_CONTINUOUS_KLINE: Final = statistics(
    "continuousKline", 250.0, raw_bytes=305, pattern=TickPattern.COOLDOWN, stream="perpetual@continuousKline_1m"
)
# "Individual Symbol Mini Ticker Stream": 2s; "Individual Symbol Ticker Streams": 2000ms.
_MINI_TICKER: Final = statistics("miniTicker", 2000.0, raw_bytes=151)
_TICKER: Final = statistics("ticker", 2000.0, raw_bytes=276)
# "Liquidation Order Streams": the largest of a symbol's liquidations within 1000ms, nothing without one.
_FORCE_ORDER: Final = statistics("forceOrder", 1000.0, raw_bytes=179)
_MARK_PRICE: Final = replace(clocked("markPrice", 1.0, raw_bytes=153, stream="markPrice@1s"), payload_bytes=194)
# "Composite Index Symbol Information Streams": every second; "Multi-Assets Mode Asset Index": 1s. Sizes estimated from
# the fields of the pages' examples, the composite with thirty components.
_COMPOSITE_INDEX: Final = clocked("compositeIndex", 1.0, raw_bytes=2500)
_ASSET_INDEX: Final = clocked("assetIndex", 1.0, raw_bytes=190)

_PING: Final = Periodic(
    name="ping",
    # "Websocket Market Streams" (USDS-margined futures): a ping frame every 3 minutes.
    period_s=180.0,
    jitter_ms=5.0,
    probability=0.5,
    answered=True,
    payload_bytes=13,
    exchange_time_ns=None,
)

USDM: Final = MarketProfile(
    name="binance-usdm-market",
    exchange="binance",
    mixes=(
        Mix(
            name="depth + bookTicker + aggTrade",
            weight=5.0,
            channels=(_DEPTH, _BOOK_TICKER, _AGG_TRADE),
            # "Mark Price Stream": every 3 s or 1 s. Recorded in one file of four.
            periodics=(replace(_MARK_PRICE, probability=0.25),),
        ),
        # "Important WebSocket Change Notice": since 2026 an address serves depth and bookTicker (/public) or the others
        # (/market). Every weight is assumed.
        Mix(name="depth + bookTicker", weight=1.0, channels=(_DEPTH, _BOOK_TICKER)),
        Mix(
            name="aggTrade + kline + markPrice",
            weight=0.8,
            channels=(_AGG_TRADE, replace(_KLINE, probability=0.6)),
            periodics=(replace(_MARK_PRICE, probability=0.8),),
        ),
        raw_alone(_DEPTH, "depth@100ms", weight=0.6),
        raw_alone(_PARTIAL_DEPTH, "depth10@100ms", weight=0.5),
        raw_alone(_BOOK_TICKER, "bookTicker", weight=0.6),
        raw_alone(_AGG_TRADE, "aggTrade", weight=SELDOM),
        raw_alone(_RPI_DEPTH, "rpiDepth@500ms", weight=0.1),
        raw_alone(_KLINE, "kline_1m", weight=SELDOM),
        raw_alone(_CONTINUOUS_KLINE, "perpetual@continuousKline_1m", weight=SELDOM),
        raw_alone(_MINI_TICKER, "miniTicker", weight=SELDOM),
        raw_alone(_TICKER, "ticker", weight=SELDOM),
        raw_alone(_FORCE_ORDER, "forceOrder", weight=SELDOM),
        raw_clock_alone(_MARK_PRICE, "markPrice@1s", weight=SELDOM),
        raw_clock_alone(_COMPOSITE_INDEX, "compositeIndex", weight=SELDOM),
        raw_clock_alone(_ASSET_INDEX, "assetIndex", weight=SELDOM),
        # "All Market Mini Tickers Stream" and "All Market Tickers Streams": 1000ms.
        market_wide("!miniTicker@arr", 1000.0, entry_bytes=151, weight=SELDOM),
        market_wide("!ticker@arr", 1000.0, entry_bytes=276, weight=SELDOM),
    ),
    periodics=(_PING,),
    opening=OPENING,
    # Recorded: nine ids in ten are 3 to 9 or more after the one before in usdm__btcusdt_20230404 and
    # BINANCE_FUTURES__2021-04-05, whatever the market does.
    hidden_updates=40.0,
    most_symbols=_MOST_SYMBOLS,
)

# COIN-margined: no recording has it. Its pages are those of the USDS-margined futures but for the numbers named here,
# so each stream is taken to behave as the other's (assumed), and sizes are estimated from the fields of the examples,
# with BTCUSD_PERP for a symbol, whose name has 11 letters instead of 7.
_NAME_BYTES: Final = 4
_COIN_DEPTH: Final = replace(
    _DEPTH,
    # "Diff. Book Depth Streams" (COIN-margined): 250, 500 or 100 ms; U, u and pu, of which U lies apart from pu: the
    # count runs on with others' changes.
    ticks=Ticks(pattern=TickPattern.SUCCESSION, period_ms=(103.0, 103.0, 253.0, 503.0), jitter_ms=2.5),
    payload_bytes=enveloped(171, "depth@100ms") + _NAME_BYTES,
    level_bytes=16,
)
_COIN_PARTIAL_DEPTH: Final = replace(
    _PARTIAL_DEPTH,
    payload_bytes=enveloped(474, "depth10@100ms") + _NAME_BYTES,  # "Partial Book Depth Streams"
)
_COIN_BOOK_TICKER: Final = replace(_BOOK_TICKER, payload_bytes=enveloped(148, "bookTicker") + _NAME_BYTES)
_COIN_AGG_TRADE: Final = replace(_AGG_TRADE, payload_bytes=enveloped(143, "aggTrade") + _NAME_BYTES)
_COIN_KLINE: Final = replace(_KLINE, payload_bytes=enveloped(276, "kline_1m") + _NAME_BYTES)  # 250 ms
# "Continuous Contract", "Index" and "Mark Price Kline/Candlestick Streams": 250ms. The index changes without a trade:
# with the market's best price (assumed).
_COIN_INDEX_KLINE: Final = replace(_COIN_KLINE, name="indexPriceKline", trigger=Trigger.BEST)
_COIN_MARK_KLINE: Final = replace(_COIN_KLINE, name="markPriceKline", trigger=Trigger.BEST)
_COIN_CONTINUOUS_KLINE: Final = replace(_COIN_KLINE, name="continuousKline")
# "Individual Symbol Mini Ticker Stream" and "Individual Symbol Ticker Streams" (COIN-margined): 500ms.
_COIN_MINI_TICKER: Final = statistics("miniTicker", 500.0, raw_bytes=165 + _NAME_BYTES)
_COIN_TICKER: Final = statistics("ticker", 500.0, raw_bytes=286 + _NAME_BYTES)
# "Mark Price Stream" and "Index Price Stream" (COIN-margined): every 3 s or 1 s, E at a whole second.
_COIN_MARK_PRICE: Final = clocked("markPrice", 1.0, raw_bytes=157 + _NAME_BYTES, stream="markPrice@1s")
_COIN_INDEX_PRICE: Final = clocked("indexPrice", 1.0, raw_bytes=75, stream="indexPrice@1s")

COINM: Final = MarketProfile(
    name="binance-coinm-market",
    exchange="binance",
    mixes=(
        Mix(
            name="depth + bookTicker + aggTrade",
            weight=5.0,
            channels=(_COIN_DEPTH, _COIN_BOOK_TICKER, _COIN_AGG_TRADE),
            periodics=(replace(_COIN_MARK_PRICE, probability=0.25),),
        ),
        raw_alone(_COIN_DEPTH, "depth@100ms", weight=0.6),
        raw_alone(_COIN_PARTIAL_DEPTH, "depth10@100ms", weight=0.5),
        raw_alone(_COIN_BOOK_TICKER, "bookTicker", weight=0.6),
        raw_alone(_COIN_AGG_TRADE, "aggTrade", weight=SELDOM),
        raw_alone(_COIN_KLINE, "kline_1m", weight=SELDOM),
        raw_alone(_COIN_CONTINUOUS_KLINE, "kline_1m", weight=SELDOM),
        raw_alone(_COIN_INDEX_KLINE, "kline_1m", weight=SELDOM),
        raw_alone(_COIN_MARK_KLINE, "kline_1m", weight=SELDOM),
        raw_alone(_COIN_MINI_TICKER, "miniTicker", weight=SELDOM),
        raw_alone(_COIN_TICKER, "ticker", weight=SELDOM),
        raw_alone(_FORCE_ORDER, "forceOrder", weight=SELDOM),
        raw_clock_alone(_COIN_MARK_PRICE, "markPrice@1s", weight=SELDOM),
        raw_clock_alone(_COIN_INDEX_PRICE, "indexPrice@1s", weight=SELDOM),
        # "All Market Mini Tickers Stream" and "All Market Tickers Streams" (COIN-margined): 1000ms.
        market_wide("!miniTicker@arr", 1000.0, entry_bytes=165, weight=SELDOM),
        market_wide("!ticker@arr", 1000.0, entry_bytes=286, weight=SELDOM),
    ),
    periodics=(_PING,),
    opening=OPENING,
    hidden_updates=USDM.hidden_updates,
    most_symbols=_MOST_SYMBOLS,
    venue_ids_hz=5_000.0,  # assumed: fewer symbols than the USDS-margined futures' 16,000 to 22,000 ids a second
)
