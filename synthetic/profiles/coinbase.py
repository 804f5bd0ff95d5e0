"""How Coinbase behaves, and how that is known: its order entry, and which interfaces a session may have.

"Recorded" means measured over the order logs of supervik/crypto-exchanges-latencies-test. What neither a page nor a
recording says is marked "assumed".
"""

from __future__ import annotations

from typing import Final

from synthetic.behaviour import AckShape, IdleHeartbeat, Opening, OrderProfile, Profile, Reports, SeqRule
from synthetic.profiles.coinbase_advanced import ADVANCED
from synthetic.profiles.coinbase_feed import FEED

_MS: Final = 1_000_000

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

PROFILES: Final[tuple[Profile, ...]] = (FEED, ADVANCED, _ORDERS)
