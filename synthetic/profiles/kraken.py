"""How Kraken behaves, and how that is known.

"Recorded" means measured over public recordings of the venue: market data over the captures whose name follows, order
entry over the order logs of supervik/crypto-exchanges-latencies-test. What neither a page nor a recording says is
marked "assumed".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from synthetic.behaviour import (
    AckShape,
    Channel,
    MarketProfile,
    Mix,
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
from synthetic.profiles.mixes import SELDOM, alone, clock_alone
from udfs.schema import MsgType

_US: Final = 1_000


def _heartbeat(payload_bytes: int) -> Periodic:
    return Periodic(
        name="heartbeat",
        # "Heartbeat" (v1 and v2): about once a second in the absence of other traffic. Recorded: once a second with
        # any traffic, 95 in 95.5 s beside 124 data frames a second (KRAKEN__2021-04-05__ad8b9a2031), 50 in 50.7 s
        # beside 40 (kraken_btcusd_sample), 60 in 60.2 s beside 5. Gaps 990 to 1012 ms (5th to 95th percentile).
        period_s=1.0005,  # recorded: medians of the gaps 1000.2 to 1001.0 ms
        jitter_ms=4.0,
        payload_bytes=payload_bytes,
        exchange_time_ns=None,  # the pages: no other data in the payload
    )


_V1_BOOK: Final = Channel(
    name="book",
    trigger=Trigger.BOOK,
    probability=0.8,
    # Recorded, KRAKEN__2021-04-05__ad8b9a2031: no phase at 50 ms, 100 ms or 1 s, but changes of an instant
    # share a frame: 5% of the gaps are below 0.7 ms, 10% below 1 ms, 25% below 2.5 ms of 8 ms in the mean.
    ticks=Ticks(pattern=TickPattern.PAUSE, period_ms=(2.0,)),
    seq=SeqRule.NONE,  # "Book" (v1): checksum c, no sequence
    payload_bytes=104,  # recorded: 99 to 154 bytes
    level_bytes=45,  # recorded: one more ["58729.40000","0.45000000","1617666423.606671"]
    exchange_time_ns=None,  # recorded: a time for each level, none for the message
)
_V1_TRADE: Final = Channel(
    name="trade",
    trigger=Trigger.TRADE,
    probability=0.6,
    # Recorded, KRAKEN__2021-04-05__7cc531f65c: five trades of 5 ms in one frame.
    ticks=Ticks(pattern=TickPattern.PAUSE, period_ms=(2.0,)),
    seq=SeqRule.NONE,
    payload_bytes=100,  # recorded: 165 bytes in the mean, with one trade or several
    level_bytes=62,  # recorded: one more ["58721.20000","0.02798644","1617666461.465618","s","m",""]
    exchange_time_ns=None,
)
_V1_TICKER: Final = Channel(
    name="ticker",
    trigger=Trigger.TRADE,
    probability=0.4,
    seq=SeqRule.NONE,
    payload_bytes=318,  # recorded: 294 to 339 bytes
    exchange_time_ns=None,  # recorded: no time
)
_V1_SPREAD: Final = Channel(
    name="spread",
    # "Spread" (v1): the best prices and their volumes; with each change (assumed).
    trigger=Trigger.BEST,
    ticks=Ticks(pattern=TickPattern.PAUSE, period_ms=(2.0,)),  # assumed to be like the book's
    seq=SeqRule.NONE,
    payload_bytes=96,  # estimated from the page's example
    exchange_time_ns=None,  # the example: a time among the prices, none for the message
)
_V1_OHLC: Final = replace(
    _V1_TICKER,
    name="ohlc",
    # "OHLC" (v1): updates to the running candle; with each trade (assumed).
    payload_bytes=145,  # estimated from the page's example
)

_V1: Final = MarketProfile(
    name="kraken-v1-market",
    exchange="kraken",
    mixes=(
        # How often each is subscribed to is assumed.
        Mix(name="book + trade + ticker", weight=6.0, channels=(_V1_BOOK, _V1_TRADE, _V1_TICKER)),
        Mix(
            name="ohlc + spread + trade",
            weight=0.7,
            channels=(_V1_OHLC, _V1_SPREAD, _V1_TRADE),
            snapshot_bytes=145,
        ),
        # Recorded: KRAKEN__2021-04-05__ad8b9a2031, 7cc531f65c and 1136b5496b have one channel each. Tickers begin with
        # one frame a pair, trades with none.
        alone(_V1_BOOK, weight=0.8),
        alone(_V1_TRADE, weight=0.5, snapshot_bytes=0),
        alone(_V1_TICKER, weight=0.5, snapshot_bytes=318),
        alone(_V1_SPREAD, weight=0.5, snapshot_bytes=96),
        alone(_V1_OHLC, weight=0.3, snapshot_bytes=145),
    ),
    periodics=(_heartbeat(21),),
    opening=Opening(
        # Recorded: systemStatus first, one subscriptionStatus for each pair, then book snapshots; reqid is optional.
        greeting=True,
        subscribe_probability=1.0,
        ack_per_symbol=True,
        ack_has_request_id=False,
        snapshot_bytes=20_000,  # assumed between depth 10 (900 bytes recorded on v2) and 1000
    ),
    hidden_updates=0.0,
    frame_spacing_us=300.0,  # recorded, KRAKEN__2021-04-05__ad8b9a2031: 0.4% of the gaps below 0.3 ms
)

_V2_BOOK: Final = Channel(
    name="book",
    trigger=Trigger.BOOK,
    probability=0.85,
    # Recorded, kraken_btcusd_sample: no phase at 50 ms, 52% of the gaps below 50 us: sent as it happens.
    seq=SeqRule.NONE,  # "Book" (v2): checksum, no sequence
    payload_bytes=184,  # recorded: 181 to 217 bytes
    exchange_time_ns=_US,
)
_V2_TRADE: Final = Channel(
    name="trade",
    trigger=Trigger.TRADE,
    probability=0.6,
    seq=SeqRule.NONE,  # "Trades" (v2): trade_id only
    payload_bytes=190,  # estimated from the fields of the page's example
    exchange_time_ns=_US,
)
_V2_TICKER: Final = Channel(
    name="ticker",
    trigger=Trigger.BEST,
    probability=0.3,
    # "Ticker" (v2): event_trigger bbo or trades.
    seq=SeqRule.NONE,
    payload_bytes=270,  # estimated from the fields of the page's example
    exchange_time_ns=_US,
)
_V2_LEVEL3: Final = Channel(
    name="level3",
    # "Orders (Level 3)" (v2): every visible order added, modified or deleted; a checksum, no sequence.
    trigger=Trigger.BOOK,
    seq=SeqRule.NONE,
    payload_bytes=252,  # estimated from the fields of the page's example
    exchange_time_ns=None,  # the example: a time for each order, none for the message
)
_V2_OHLC: Final = Channel(
    name="ohlc",
    # "Candles (OHLC)" (v2): an update message is streamed on a trade event.
    trigger=Trigger.TRADE,
    seq=SeqRule.NONE,
    payload_bytes=322,  # estimated from the fields of the page's example
    exchange_time_ns=1,  # the example: nanoseconds
)
_INSTRUMENT: Final = Periodic(
    name="instrument",
    # "Instruments" (v2): reference data, again when it changes; twice a minute is assumed.
    msg_type=MsgType.NEW,
    period_s=30.0,
    jitter_ms=10_000.0,
    payload_bytes=200,  # estimated from the page's example of an update
    exchange_time_ns=None,  # the example has no time
)

_V2: Final = MarketProfile(
    name="kraken-v2-market",
    exchange="kraken",
    mixes=(
        # How often each is subscribed to is assumed.
        Mix(name="book + trade + ticker", weight=6.0, channels=(_V2_BOOK, _V2_TRADE, _V2_TICKER)),
        Mix(
            name="ticker + trade + ohlc",
            weight=0.7,
            channels=(_V2_TICKER, _V2_TRADE, _V2_OHLC),
            snapshot_bytes=270,
        ),
        alone(_V2_BOOK, weight=0.8),  # recorded, both files
        alone(_V2_TRADE, weight=0.5, snapshot_bytes=5_000),  # "Trades" (v2): the last 50 trades
        alone(_V2_TICKER, weight=0.5, snapshot_bytes=270),
        # "Orders (Level 3)", Subscription limits: 200 symbols a connection; depth 10, 100 or 1000. The size is assumed.
        alone(_V2_LEVEL3, weight=0.6, most_symbols=200, snapshot_bytes=15_000),
        alone(_V2_OHLC, weight=0.1, snapshot_bytes=20_000),  # assumed: the candles so far, 100 of them
        # Assumed: 600 pairs and as many assets, at the sizes of the page's example.
        replace(clock_alone(_INSTRUMENT, weight=SELDOM, snapshot_bytes=350_000), most_symbols=1),
    ),
    periodics=(_heartbeat(23),),
    opening=Opening(
        # Recorded: a status frame first, then one answer a symbol with "success": true, then snapshots of 850 bytes at
        # depth 10 and 1,900 at 25. "Book" (v2): req_id is repeated if the client gave one.
        greeting=True,
        subscribe_probability=1.0,
        ack_per_symbol=True,
        ack_has_request_id=True,
        snapshot_bytes=1_400,
    ),
    hidden_updates=0.0,
)


def _executions(*, probability: float, placed: int) -> Reports:
    return Reports(
        name="executions",
        probability=probability,
        placed=placed,
        cancelled=1,
        traded=1,
        completed=1,
        seq=SeqRule.CONNECTION,
        payload_bytes=420,  # estimated from the fields of the page's example
    )


_ORDERS: Final = OrderProfile(
    name="kraken-orders",
    exchange="kraken",
    ack=AckShape(
        # Assumed, as no public log of this venue was found: the shape of the KuCoin log recorded in the same way (p10,
        # p90 and p99 to the median 0.80-0.95, 1.05-1.87, 4.0-5.2), widened so that it overlaps with the others.
        service_median=(0.07, 0.8),
        service_sigma=(0.35, 0.65),
        slow_share=(0.02, 0.10),
        slow_factor=(1.8, 3.5),
        slow_sigma=0.35,
    ),
    # "Executions" (v2): a frame for each change of an order's status, with the channel's own sequence, which counts its
    # messages; in the examples pending_new, new and trade of one order are frames 8, 9 and 10, and the trade leaves
    # the order partially_filled although it is the whole of it, so that filled comes as a frame of its own. With
    # order_status false there are only new, filled, canceled and expired beside the trades. The channel is a
    # subscription of its own: that two clients in ten have only the short form and two none is assumed.
    reports=(
        _executions(probability=0.6, placed=2),
        _executions(probability=0.2, placed=1),
    ),
    periodics=(_heartbeat(23),),
    opening=Opening(
        greeting=True,
        subscribe_probability=1.0,
        ack_per_symbol=False,
        ack_has_request_id=True,
        snapshot_bytes=0,
    ),
    counter_ids=True,  # "Add Order" (v2): req_id is an integer chosen by the client
    request_bytes=260,  # estimated from the fields of the page's example
    ack_bytes=170,  # estimated from the fields of the page's example
    nack_bytes=150,  # estimated from the fields of the page's example
    exchange_time_ns=_US,
)

PROFILES: Final[tuple[Profile, ...]] = (_V1, _V2, _ORDERS)
