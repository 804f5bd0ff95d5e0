"""How Binance behaves, and how that is known: its order entry, and which interfaces a session may have.

"Recorded" means measured over the order logs of supervik/crypto-exchanges-latencies-test. What neither a page nor a
recording says is marked "assumed".
"""

from __future__ import annotations

from typing import Final

from synthetic.behaviour import AckShape, Opening, OrderProfile, Profile, Reports, SeqRule
from synthetic.profiles.binance_futures import COINM, USDM
from synthetic.profiles.binance_spot import PING, SBE, SPOT
from synthetic.profiles.binance_streams import MS

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
    periodics=(PING,),  # "WebSocket API", General API information: a ping every 20 seconds
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
    exchange_time_ns=MS,
)

PROFILES: Final[tuple[Profile, ...]] = (SPOT, USDM, _ORDERS, COINM, SBE)
TURNS: Final[tuple[Profile, ...]] = (SPOT, USDM, _ORDERS, SPOT, USDM, _ORDERS, COINM, SPOT, USDM, _ORDERS, SBE)
"""Who comes how often: COIN-margined futures and SBE are what few clients use (assumed)."""
