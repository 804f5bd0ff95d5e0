"""How Coinbase's Exchange feed behaves, and how that is known.

"Recorded" means measured over public recordings of the venue, the captures whose name follows. What neither a page nor
a recording says is marked "assumed".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from synthetic.behaviour import Channel, MarketProfile, Mix, Opening, Periodic, SeqRule, TickPattern, Ticks, Trigger
from synthetic.profiles.mixes import SELDOM, alone, clock_alone
from udfs.schema import MsgType

_US: Final = 1_000

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


_LEVEL2_BATCH: Final = _level2(
    # "Exchange WebSocket Channels", Level2 Batch Channel: batches every 0.05 seconds. That products share the grid is
    # assumed.
    "level2_batch",
    Ticks(pattern=TickPattern.GRID, period_ms=(50.0,), excess_ms=0.02, jitter_ms=0.7),
)
# Recorded, COINBASE__2021-04-17: no phase at 50 ms (resultant length 0.02): level2 is not batched.
_LEVEL2: Final = _level2("level2", None)
_FULL: Final = Channel(
    name="full",
    trigger=Trigger.BOOK,
    # "Exchange WebSocket Channels", Full Channel: received and open, match and done, done.
    # "Exchange WebSocket Overview", Sequence Numbers: increasing integers for each product, with each new message being
    # exactly one greater than the one before.
    seq=SeqRule.SYMBOL,
    complete=True,
    payload_bytes=260,  # estimated from the fields of the page's example
    exchange_time_ns=_US,
)
_LEVEL3: Final = replace(
    _FULL,
    name="level3",
    # The same page, Level3 Channel: the full channel's life of orders as a list of words, without keys: what reads
    # frames here finds neither number nor time in them, nor what they are.
    msg_type=MsgType.OTHER,
    seq=SeqRule.NONE,
    payload_bytes=118,  # estimated from the list's words: type, product, sequence, order's id, price, size, time
    exchange_time_ns=None,
)
_TICKER_BATCH: Final = replace(
    _TRADES[0],
    name="ticker_batch",
    # The same page, Ticker Batch Channel: every 5 seconds if there is a change; the grid is assumed.
    ticks=Ticks(pattern=TickPattern.GRID, period_ms=(5000.0,), jitter_ms=3.0),
    payload_bytes=404,  # as the ticker's, COINBASE__2025-11-13
)
_HEARTBEAT: Final = Periodic(
    name="heartbeat",
    # "Exchange WebSocket Channels", Heartbeat: once a second for each product, with its sequence. The first example of
    # "Exchange WebSocket Overview" subscribes to it, the recorded client does not: that three in ten do not, and that
    # each product has a phase of its own, is assumed.
    period_s=1.0,
    jitter_ms=3.0,
    probability=0.7,
    per_symbol=True,
    seq=SeqRule.SYMBOL,
    payload_bytes=130,  # estimated from the fields of the page's example
    exchange_time_ns=_US,
)
_STATUS: Final = Periodic(
    name="status",
    # The same page, Status Channel: all products and currencies on a preset interval; five seconds and 250 kB are
    # assumed.
    msg_type=MsgType.OTHER,
    period_s=5.0,
    jitter_ms=50.0,
    payload_bytes=250_000,
    exchange_time_ns=None,  # the page's example has no time
)
_AUCTION: Final = Periodic(
    name="auction",
    # The same page, Auction Channel: while a product is in auction mode; once a second is assumed.
    msg_type=MsgType.NEW,
    period_s=1.0,
    jitter_ms=3.0,
    per_symbol=True,
    seq=SeqRule.SYMBOL,
    payload_bytes=330,  # estimated from the fields of the page's example
    exchange_time_ns=_US,
)

FEED: Final = MarketProfile(
    name="coinbase-feed-market",
    exchange="coinbase",
    mixes=(
        # How often each is subscribed to is assumed; so is that tickers come without a first frame of their own, as in
        # COINBASE__2025-11-13.
        Mix(
            name="level2_batch + ticker + matches",
            weight=3.0,
            channels=(_LEVEL2_BATCH, *_TRADES),
            periodics=(_HEARTBEAT,),
        ),
        Mix(name="level2 + ticker + matches", weight=3.0, channels=(_LEVEL2, *_TRADES), periodics=(_HEARTBEAT,)),
        Mix(name="full + heartbeat", weight=2.0, channels=(_FULL,), periodics=(_HEARTBEAT,), snapshot_bytes=0),
        Mix(
            name="ticker + heartbeat",
            weight=1.5,
            channels=(replace(_TRADES[0], payload_bytes=404, probability=1.0),),
            periodics=(_HEARTBEAT,),
            snapshot_bytes=0,
        ),
        # Recorded, COINBASE__2025-11-13: the ticker alone.
        alone(replace(_TRADES[0], payload_bytes=404), weight=1.0, snapshot_bytes=0),
        alone(_TRADES[1], weight=0.5, snapshot_bytes=0),
        alone(_LEVEL2_BATCH, weight=0.2),
        alone(_LEVEL2, weight=SELDOM),
        alone(_FULL, weight=0.5, snapshot_bytes=0),
        alone(_LEVEL3, weight=SELDOM, snapshot_bytes=0),
        alone(_TICKER_BATCH, weight=0.1, snapshot_bytes=0),
        clock_alone(_HEARTBEAT, weight=0.1, snapshot_bytes=0),
        clock_alone(_STATUS, weight=SELDOM, snapshot_bytes=0),
        clock_alone(_AUCTION, weight=SELDOM, snapshot_bytes=0),
    ),
    periodics=(),
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
