"""How Binance behaves, and how that is known.

"Recorded" means measured over public recordings of the venue: market data over the captures whose name follows, order
entry over the order logs of supervik/crypto-exchanges-latencies-test. What neither a page nor a recording says is
marked "assumed".
"""

from __future__ import annotations

from typing import Final

from synthetic.behaviour import (
    AckShape,
    Channel,
    MarketProfile,
    Opening,
    OrderProfile,
    Periodic,
    Profile,
    Reports,
    SeqRule,
    TickPattern,
    Ticks,
    Trigger,
)
from udfs.schema import MsgType

_MS: Final = 1_000_000
_US: Final = 1_000

_SPOT: Final = MarketProfile(
    name="binance-spot-market",
    exchange="binance",
    mixes=(
        (
            Channel(
                name="depth",
                trigger=Trigger.BOOK,
                probability=0.95,  # recorded: in nine files of nine; connections of one stream are documented as well
                # "WebSocket Streams for Binance", Diff. Depth Stream: 1000ms or 100ms; the recordings use the latter.
                # Recorded, spot__btcusdt_20240808: gaps of a symbol 98.6 to 101.6 ms (5th to 95th percentile); the
                # phase moves on by 2 to 2.5 ms in 50 ticks. Recorded, BINANCE__2021-04-04: all three symbols come
                # within 0.2 ms.
                ticks=Ticks(
                    pattern=TickPattern.GRID, period_ms=(100.0, 100.0, 100.0, 1000.0), excess_ms=0.045, jitter_ms=0.7
                ),
                # The same page: U and u of an event follow u of the one before (recorded: U - u is 1 at each decile).
                seq=SeqRule.SYMBOL,
                payload_bytes=190,  # recorded, BINANCE__2021-04-05: 161 to 346 bytes (10th to 90th percentile)
                level_bytes=26,  # recorded: one more ["28165.40000000","0.00000000"] with its comma
                exchange_time_ns=_MS,  # the same page: E is in milliseconds unless asked otherwise
            ),
            Channel(
                name="bookTicker",
                trigger=Trigger.BEST,
                probability=0.85,  # recorded: in eight files of nine
                # The same page, Individual Symbol Book Ticker Streams: real-time; u is the book's update id, no E.
                seq=SeqRule.SYMBOL,
                payload_bytes=145,  # recorded: 139 to 148 bytes
                exchange_time_ns=None,
            ),
            Channel(
                name="trade",
                trigger=Trigger.TRADE,
                probability=0.95,  # recorded: in nine files of nine
                # The same page, Trade Streams: real-time; the trade id counts trades, not changes of the book.
                seq=SeqRule.NONE,
                payload_bytes=198,  # recorded: 167 to 202 bytes
                exchange_time_ns=_MS,
            ),
        ),
    ),
    periodics=(
        Periodic(
            name="ping",
            # "WebSocket Streams for Binance", General WSS information: a ping frame every 20 seconds, answered by a
            # pong as soon as possible. Half of the recorders do not see control frames (assumed; no capture has any).
            period_s=20.0,
            jitter_ms=5.0,
            probability=0.5,
            answered=True,
            payload_bytes=13,  # the same page: the pong repeats the ping's payload; a time in ms (assumed)
            exchange_time_ns=None,
        ),
    ),
    opening=Opening(
        # Recorded, all nine files: streams named in the address, nothing answered. "Live Subscribing/Unsubscribing":
        # a SUBSCRIBE frame is answered with its id and "result": null. How many clients do so is assumed.
        greeting=False,
        subscribe_probability=0.4,
        ack_per_symbol=False,
        ack_has_request_id=True,
        snapshot_bytes=0,  # "How to manage a local order book correctly": the snapshot comes by REST
    ),
    hidden_updates=2.0,  # recorded, spot__btcusdt_20240808: 63% of the steps of u are jumps; 7 to 93 ids an event
)

_USDM: Final = MarketProfile(
    name="binance-usdm-market",
    exchange="binance",
    mixes=(
        (
            Channel(
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
                exchange_time_ns=_MS,
                time_lag_ms=0.2,  # recorded: up to 2% of the times go back
            ),
            Channel(
                name="bookTicker",
                trigger=Trigger.BEST,
                probability=0.85,  # recorded: in eight files of nine
                seq=SeqRule.VENUE,  # recorded: its u lies between those of the depth events
                payload_bytes=179,  # recorded: 171 to 181 bytes
                exchange_time_ns=_MS,  # "Individual Symbol Book Ticker Streams" (futures): E and T, unlike spot
            ),
            Channel(
                name="aggTrade",
                trigger=Trigger.TRADE,
                probability=0.95,  # recorded: in nine files of nine
                # "Aggregate Trade Streams" (futures): 100 ms. Recorded, BINANCE_FUTURES__2021-04-05: in bursts without
                # a phase (resultant length 0.07 at 100 ms), as the undocumented @trade of the others: as they happen.
                seq=SeqRule.NONE,
                payload_bytes=168,  # recorded: 160 to 177 bytes
                exchange_time_ns=_MS,
            ),
        ),
    ),
    periodics=(
        Periodic(
            name="ping",
            # "Websocket Market Streams" (USDS-margined futures): a ping frame every 3 minutes.
            period_s=180.0,
            jitter_ms=5.0,
            probability=0.5,
            answered=True,
            payload_bytes=13,
            exchange_time_ns=None,
        ),
        Periodic(
            name="markPrice",
            # "Mark Price Stream": every 3 s or 1 s. Recorded, usdm__btcusdt_20230404: once a second at the whole
            # second (resultant length 0.99), gaps 968 to 1035 ms.
            msg_type=MsgType.NEW,
            period_s=1.0,
            jitter_ms=8.0,
            probability=0.25,
            per_symbol=True,
            utc_aligned=True,
            payload_bytes=194,
            exchange_time_ns=_MS,
        ),
    ),
    opening=_SPOT.opening,
    # Recorded: nine ids in ten are 3 to 9 or more after the one before in usdm__btcusdt_20230404 and
    # BINANCE_FUTURES__2021-04-05, whatever the market does.
    hidden_updates=40.0,
)

_ORDERS: Final = OrderProfile(
    name="binance-orders",
    exchange="binance",
    ack=AckShape(
        # Recorded from Tokyo, London and Canada: distances of 33, 221 and 163 ms, median service 13 to 38 ms, that is
        # 0.07 to 1.15 of the distance; ratios to the median 0.64-0.97 (p10), 1.29-2.35 (p90), 2.8-4.7 (p99).
        service_median=(0.07, 0.9),
        service_sigma=(0.50, 0.65),
        slow_share=(0.07, 0.14),
        slow_factor=(2.0, 2.6),
        slow_sigma=0.30,
    ),
    reports=(
        Reports(
            # "WebSocket API", User Data Stream requests: userDataStream.subscribe brings the events to the same
            # connection. "User Data Streams", Order Update: an executionReport when an order is accepted, canceled or
            # traded; Account Update: outboundAccountPosition any time a balance has changed, which orders do by what
            # they lock and cancellations by what they free. No sequence. How many clients subscribe is assumed.
            name="user data stream",
            probability=0.5,
            placed=2,
            cancelled=2,
            traded=2,
            completed=0,
            seq=SeqRule.NONE,
            payload_bytes=430,  # estimated from the fields of the page's examples, the mean of both
        ),
    ),
    periodics=(_SPOT.periodics[0],),  # "WebSocket API", General API information: a ping every 20 seconds
    opening=Opening(
        # session.logon is a request with an id like any other ("Session management").
        greeting=False,
        subscribe_probability=0.8,
        ack_per_symbol=False,
        ack_has_request_id=True,
        snapshot_bytes=0,
    ),
    counter_ids=False,  # "Request format": an id is a UUID in the examples; integers are allowed
    request_bytes=390,  # estimated from the fields of the page's example
    ack_bytes=620,  # estimated from the fields of the page's example
    nack_bytes=330,  # estimated from the fields of the page's example
    exchange_time_ns=_MS,
)

PROFILES: Final[tuple[Profile, ...]] = (_SPOT, _USDM, _ORDERS)
