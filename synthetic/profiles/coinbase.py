"""How Coinbase behaves, and how that is known.

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
    IdleHeartbeat,
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

_US: Final = 1_000
_MS: Final = 1_000_000

_TRADES: Final = (
    Channel(
        name="ticker",
        trigger=Trigger.TRADE,
        probability=0.9,  # recorded, and in the first example of "Exchange WebSocket Overview"; the share is assumed
        # "Exchange WebSocket Channels", Ticker: on every match; carries the product's sequence. The page says that
        # cascades are batched; recorded, COINBASE__2021-04-17: one for each match, cascades included.
        seq=SeqRule.SYMBOL,
        payload_bytes=332,  # recorded, COINBASE__2021-04-17: 328 to 353 bytes
        exchange_time_ns=_US,
    ),
    Channel(
        name="matches",
        trigger=Trigger.TRADE,
        probability=0.7,  # recorded; the share is assumed
        # The same page, Matches. Recorded: the last match and the ticker of one trade have one sequence.
        seq=SeqRule.SYMBOL,
        payload_bytes=274,  # recorded: 271 to 277 bytes
        exchange_time_ns=_US,
    ),
)


def _level2(name: str, ticks: Ticks | None) -> Channel:
    return Channel(
        name=name,
        trigger=Trigger.BOOK,
        probability=0.9,
        ticks=ticks,
        seq=SeqRule.NONE,  # recorded: l2update carries product, changes and time only
        payload_bytes=120,  # recorded: 115 to 127 bytes with one change
        level_bytes=32 if ticks else 0,  # recorded: one more ["sell","0.00001306","660.5"] with its comma
        exchange_time_ns=_US,
        time_lag_ms=0.02,  # recorded: 2% of the times go back
    )


_FEED: Final = MarketProfile(
    name="coinbase-feed-market",
    exchange="coinbase",
    mixes=(
        # "Exchange WebSocket Channels", Level2 Batch Channel: batches every 0.05 seconds. Whether products share the
        # grid is assumed.
        (
            _level2("level2_batch", Ticks(pattern=TickPattern.GRID, period_ms=(50.0,), excess_ms=0.02, jitter_ms=0.7)),
            *_TRADES,
        ),
        # Recorded, COINBASE__2021-04-17: no phase at 50 ms (resultant length 0.02): level2 is not batched.
        (_level2("level2", None), *_TRADES),
        (
            Channel(
                name="full",
                trigger=Trigger.BOOK,
                # "Exchange WebSocket Channels", Full Channel: received and open, match and done, done.
                # "Exchange WebSocket Overview", Sequence Numbers: increasing integers for each product, with each new
                # message being exactly one greater than the one before.
                seq=SeqRule.SYMBOL,
                complete=True,
                payload_bytes=260,  # estimated from the fields of the page's example
                exchange_time_ns=_US,
            ),
        ),
        # Recorded, COINBASE__2025-11-13: the ticker alone.
        (replace(_TRADES[0], payload_bytes=404, probability=1.0),),
    ),
    periodics=(
        Periodic(
            name="heartbeat",
            # "Exchange WebSocket Channels", Heartbeat: once a second for each product, with its sequence. The first
            # example of "Exchange WebSocket Overview" subscribes to it, the recorded client does not: that three in ten
            # do not, and that each product has a phase of its own, is assumed.
            period_s=1.0,
            jitter_ms=3.0,
            probability=0.7,
            per_symbol=True,
            seq=SeqRule.SYMBOL,
            payload_bytes=130,  # estimated from the fields of the page's example
            exchange_time_ns=_US,
        ),
    ),
    opening=Opening(
        # Recorded: subscribe frames are answered by one "subscriptions" frame each, without an id; then snapshots.
        greeting=False,
        subscribe_probability=1.0,
        ack_per_symbol=False,
        ack_has_request_id=False,
        snapshot_bytes=18_000,  # recorded: 18,148 bytes in the mean
    ),
    hidden_updates=1.0,  # assumed: of the events of the full channel, every second one changes the aggregated book
    # "Exchange WebSocket Channels", Full Channel: a match, then done for the order that is filled. Recorded,
    # COINBASE__2021-04-17: the matches of an instant have sequences two apart.
    hidden_by_trade=1,
)

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

_ADVANCED_TRADES: Final = (
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


def _advanced_level2(ticks: Ticks) -> Channel:
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


_ADVANCED: Final = MarketProfile(
    name="coinbase-advanced-market",
    exchange="coinbase",
    mixes=(
        # The page promises all updates and shows several in one frame, but no pattern: half of the sessions have the
        # exchange feed's 50 ms, half share a frame only among changes of an instant (assumed).
        (
            _advanced_level2(Ticks(pattern=TickPattern.GRID, period_ms=(50.0,), excess_ms=0.02, jitter_ms=0.7)),
            *_ADVANCED_TRADES,
        ),
        (_advanced_level2(Ticks(pattern=TickPattern.PAUSE, period_ms=(1.0,))), *_ADVANCED_TRADES),
    ),
    periodics=(_HEARTBEATS,),
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

_ORDERS: Final = OrderProfile(
    name="coinbase-orders",
    exchange="coinbase",
    # "Exchange FIX Order Entry Messages 5.0". Orders by REST have no connection of their own, and Advanced Trade's user
    # channel is to a reader of behaviour what its market data is: frames and beats numbered by one counter.
    ack=AckShape(
        # Assumed, as no public log of this venue was found: the narrow shape of the Gate.io log recorded in the same
        # way (p10, p90 and p99 to the median 0.95, 1.06-1.13, 4.5-5.3), widened so that it overlaps with the others.
        service_median=(0.07, 0.5),
        service_sigma=(0.30, 0.60),
        slow_share=(0.02, 0.08),
        slow_factor=(1.8, 3.5),
        slow_sigma=0.35,
    ),
    reports=(
        Reports(
            # ExecutionReport (35=8) of the page: New and Canceled are the answers to NewOrderSingle and
            # OrderCancelRequest, Rejected and OrderCancelReject (35=9) the refusals. A further report comes for each
            # trade (ExecType F); the one that completes an order differs in OrdStatus only.
            name="ExecutionReport",
            probability=1.0,
            placed=0,
            cancelled=0,
            traded=1,
            completed=0,
            seq=SeqRule.CONNECTION,
            payload_bytes=420,  # estimated from the required tags
        ),
    ),
    periodics=(),
    idle_heartbeat=IdleHeartbeat(
        # The page, Logon: HeartBtInt is at most 30 s, and 10 s if not given. Heartbeat (35=0): from both sides; by the
        # specification that the page names as its baseline, a side beats when it has sent nothing for HeartBtInt.
        period_s=(10.0, 30.0),
        payload_bytes=105,  # estimated: header and trailer
    ),
    opening=Opening(
        # The page, Logon: the first message in both directions; MsgSeqNum is 1 on both.
        greeting=False,
        subscribe_probability=1.0,
        most_requests=1,
        ack_per_symbol=False,
        ack_has_request_id=False,
        snapshot_bytes=0,
        seq=SeqRule.CONNECTION,
    ),
    seq=SeqRule.CONNECTION,  # the page, Standard Header: MsgSeqNum in every message, sent or received
    counter_ids=False,  # the page: ClOrdID is a UUID
    request_bytes=290,  # estimated from the required tags
    ack_bytes=400,  # estimated from the required tags
    nack_bytes=330,  # estimated from the required tags
    exchange_time_ns=_MS,  # the page, Standard Header: SendingTime in milliseconds
)

PROFILES: Final[tuple[Profile, ...]] = (_FEED, _ADVANCED, _ORDERS)
