"""How Coinbase's Advanced Trade feed behaves, and how that is known.

"Recorded" means measured over public recordings of the venue, the captures whose name follows. What neither a page nor
a recording says is marked "assumed".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from synthetic.behaviour import Channel, MarketProfile, Mix, Opening, Periodic, SeqRule, TickPattern, Ticks, Trigger
from synthetic.profiles.mixes import alone, clock_alone
from udfs.schema import MsgType

_US: Final = 1_000

_HEARTBEATS: Final = Periodic(
    name="heartbeats",
    # "Advanced Trade WebSocket Channels", Heartbeats: every second, one for the connection.
    period_s=1.0,
    jitter_ms=3.0,
    probability=0.9,  # the page tells every client to subscribe; one in ten does not (assumed)
    seq=SeqRule.CONNECTION,
    payload_bytes=230,  # estimated from the fields of the page's example
    exchange_time_ns=_US,
)

_TRADES: Final = (
    Channel(
        name="ticker",
        trigger=Trigger.TRADE,
        probability=0.6,
        # "Advanced Trade WebSocket Channels", Ticker: every time a match happens.
        seq=SeqRule.CONNECTION,
        payload_bytes=470,  # estimated from the fields of the page's example
        exchange_time_ns=_US,
    ),
    Channel(
        name="market_trades",
        trigger=Trigger.TRADE,
        probability=0.6,
        # "Market trades" (Advanced Trade API reference): collected over the last 250 ms and sent together. Whether
        # products share the grid is assumed.
        ticks=Ticks(pattern=TickPattern.GRID, period_ms=(250.0,), excess_ms=0.05, jitter_ms=2.0),
        seq=SeqRule.CONNECTION,
        payload_bytes=330,  # estimated from the fields of the page's example
        level_bytes=150,
        exchange_time_ns=_US,
    ),
)


def _level2(ticks: Ticks) -> Channel:
    return Channel(
        name="level2",
        trigger=Trigger.BOOK,
        probability=0.85,
        ticks=ticks,
        seq=SeqRule.CONNECTION,
        payload_bytes=310,  # estimated from the fields of "Advanced Trade WebSocket Channels", Level2
        level_bytes=118,  # estimated: one more change with side, event_time, price and quantity
        exchange_time_ns=_US,
    )


# The same page promises all updates and shows several in one frame, but no pattern: half of the sessions have the
# exchange feed's 50 ms, half share a frame only among changes of an instant (assumed).
_BATCHED: Final = _level2(Ticks(pattern=TickPattern.GRID, period_ms=(50.0,), excess_ms=0.02, jitter_ms=0.7))
_STRAIGHT: Final = _level2(Ticks(pattern=TickPattern.PAUSE, period_ms=(1.0,)))
_CANDLES: Final = replace(
    _TRADES[0],
    name="candles",
    # The same page, Candles: updates every second; only after a trade, and on one grid (assumed).
    ticks=Ticks(pattern=TickPattern.GRID, period_ms=(1000.0,), jitter_ms=3.0),
    payload_bytes=276,  # estimated from the fields of the page's example
)
_TICKER_BATCH: Final = replace(
    _TRADES[0],
    name="ticker_batch",
    # The same page, Ticker Batch: every 5 seconds if there is a change, without best bid and ask; the grid is assumed.
    ticks=Ticks(pattern=TickPattern.GRID, period_ms=(5000.0,), jitter_ms=3.0),
    payload_bytes=370,  # estimated from the fields of the page's example
)
_STATUS: Final = Periodic(
    name="status",
    # The same page, Status: on a preset interval, and nothing for 60 to 90 s where nothing changes: one in 30 s is
    # assumed.
    msg_type=MsgType.OTHER,
    period_s=30.0,
    jitter_ms=2_000.0,
    seq=SeqRule.CONNECTION,
    payload_bytes=520,  # estimated from the fields of the page's example
    exchange_time_ns=_US,
)

ADVANCED: Final = MarketProfile(
    name="coinbase-advanced-market",
    exchange="coinbase",
    mixes=(
        # How often each is subscribed to is assumed. Channels that are seldom sent close without heartbeats ("Use
        # heartbeats to keep all subscriptions open"), so that nobody has them alone.
        Mix(
            name="level2 + ticker + market_trades, batched",
            weight=3.0,
            channels=(_BATCHED, *_TRADES),
            periodics=(_HEARTBEATS,),
        ),
        Mix(
            name="level2 + ticker + market_trades, straight",
            weight=3.0,
            channels=(_STRAIGHT, *_TRADES),
            periodics=(_HEARTBEATS,),
        ),
        alone(_BATCHED, weight=0.5),
        replace(alone(_STRAIGHT, weight=0.5), name="level2, straight"),
        alone(_TRADES[0], weight=0.5, snapshot_bytes=470),
        alone(_TRADES[1], weight=0.5, snapshot_bytes=15_000),  # assumed: a hundred trades
        Mix(
            name="candles + heartbeats",
            weight=0.3,
            channels=(_CANDLES,),
            periodics=(_HEARTBEATS,),
            snapshot_bytes=35_000,  # assumed: 350 candles
        ),
        Mix(
            name="ticker_batch + heartbeats",
            weight=0.25,
            channels=(_TICKER_BATCH,),
            periodics=(_HEARTBEATS,),
            snapshot_bytes=370,
        ),
        Mix(
            name="status + heartbeats",
            weight=0.15,
            periodics=(_STATUS, replace(_HEARTBEATS, probability=1.0)),
            snapshot_bytes=520,
        ),
        clock_alone(_HEARTBEATS, weight=0.25, snapshot_bytes=0),
    ),
    periodics=(),
    opening=Opening(
        # "Advanced Trade WebSocket Overview": each subscribe is answered by a message of the subscriptions channel.
        greeting=False,
        subscribe_probability=1.0,
        ack_per_symbol=False,
        ack_has_request_id=False,
        snapshot_bytes=60_000,  # assumed: the snapshot has the whole book at 118 bytes a level
        seq=SeqRule.CONNECTION,  # "Sequence Numbers": sequence_num is one more in every message of the connection
    ),
    hidden_updates=0.0,
)
