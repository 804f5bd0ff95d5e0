"""Give a running job something to show: run this file, as `python dashboard_traffic.py alarming --minutes 15`.

Publishes synthetic connections in real time to the local stack of FINGERPRINT_HOME, where the job runs already (as
after `fingerprint demo --keep-running`). `busy`: connections that are what they declare. `alarming`: some that lie,
unknown venues, some that turn into another exchange, stall, lose, repeat, stop or speed up, and records that are no
messages.
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from confluent_kafka import Producer

from ingest.kafka.session_publisher import publish
from jobs.config import TOPIC
from stack.control import status
from synthetic.anomalies import drop, duplicate, stall, switch
from synthetic.open_world.unknown_venues import unknown_venue_sessions
from synthetic.sessions import LabelledSession, synthetic_sessions
from udfs.schema import SESSION_COLUMNS, Session

RUBBISH = (b"no json", b"[]", b'{"recv_ts_ns": 1, "msg_type": "NEW"}', b"\xff\xfe", b'{"connection_id": "c"}')
RUBBISH_PAUSE_S = 4.0


def honest(seed: int, start_ns: int, duration_s: float, per_exchange: int) -> list[LabelledSession]:
    """Draw connections that are what they declare, under ids that no other run has."""
    drawn = synthetic_sessions(per_exchange=per_exchange, seed=seed, start_ns=start_ns, duration_s=duration_s)
    run = f"{start_ns // 10**9 % 16**4:04x}"
    return [
        replace(one, session=replace(one.session, connection_id=f"{one.session.connection_id[:9]}-{seed}{run}"))
        for one in drawn
    ]


def busy(start_ns: int, duration_s: float) -> list[Session]:
    """Draw ordinary traffic; two of the connections declare nothing."""
    sessions = [one.session for one in honest(21, start_ns, duration_s, 4)]
    return [*sessions[:-2], *(replace(session, declared_exchange=None) for session in sessions[-2:])]


def alarming(start_ns: int, duration_s: float) -> list[Session]:
    """Draw ordinary traffic and everything that can be wrong with a connection."""
    drawn = honest(22, start_ns, duration_s, 5)
    others = honest(23, start_ns, duration_s / 2, 2)
    rng = np.random.default_rng(24)
    lies = {"binance": "kraken", "coinbase": "binance", "kraken": "coinbase"}
    unknown_venues = [
        one.session for one in unknown_venue_sessions(n=4, seed=25, start_ns=start_ns, duration_s=duration_s)
    ]
    faults: list[Callable[[Session], Session]] = [
        lambda one: drop(one, first=len(one) // 3, last=len(one) - 2, share=0.01, rng=rng).sessions[0],
        lambda one: duplicate(one, first=len(one) // 2, last=len(one) - 2, share=0.01, rng=rng).sessions[0],
        lambda one: stall(one, first=len(one) // 2, duration_s=45).sessions[0],
        lambda one: first_messages(one, len(one) * 2 // 3),
    ]
    lying = [
        replace(one.session, declared_exchange=lies[one.exchange]) if number in (2, 7) else one.session
        for number, one in enumerate(drawn)
    ]
    for number, fault in zip((0, 3, 5, 9), faults, strict=True):
        lying[number] = fault(lying[number])
    turned = drawn[13]
    other = next(one for one in others if one.exchange != turned.exchange)
    half = len(turned.session) // 2
    (lying[13],) = switch(turned.session, other.session, at=half, exchange=other.exchange).sessions
    posing = replace(unknown_venues[0], declared_exchange="kraken")
    # Twice as fast from a third of the time on, until the end.
    longer = honest(26, start_ns, duration_s * 5 / 3, 1)[1].session
    return [*lying, posing, *unknown_venues[1:], faster(longer, at=len(longer) // 5, factor=2.0)]


def first_messages(session: Session, n: int) -> Session:
    """Let a session end after `n` messages."""
    return replace(session, **{name: getattr(session, name)[:n] for name in SESSION_COLUMNS})


def faster(session: Session, *, at: int, factor: float) -> Session:
    """Speed a session up from message `at` on."""
    times = session.recv_ts_ns.copy()
    times[at:] = times[at] + ((times[at:] - times[at]) / factor).astype(np.int64)
    return replace(session, recv_ts_ns=times)


def rubbish(kafka: str, stop: threading.Event) -> None:
    """Send an invalid record every few seconds, some kinds more often than others."""
    producer, number = Producer({"bootstrap.servers": kafka}), 0
    while not stop.wait(RUBBISH_PAUSE_S):
        producer.produce(TOPIC, key=b"c", value=RUBBISH[number**2 % len(RUBBISH)])
        producer.flush(10)
        number += 1


def main() -> None:
    """Publish until the time is up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("state", choices=("busy", "alarming"))
    parser.add_argument("--minutes", type=float, default=15)
    chosen = parser.parse_args()
    kafka = status(Path(os.environ.get("FINGERPRINT_HOME", ".local"))).kafka
    draw = busy if chosen.state == "busy" else alarming
    drawn_ns = time.time_ns()
    drawn = draw(drawn_ns, 60 * chosen.minutes)
    # What took time to draw is received from now on.
    late_ns = time.time_ns() - drawn_ns
    sessions = [replace(session, recv_ts_ns=session.recv_ts_ns + late_ns) for session in drawn]
    stop = threading.Event()
    threading.Timer(60 * chosen.minutes, stop.set).start()
    if chosen.state == "alarming":
        threading.Thread(target=rubbish, args=(kafka, stop), daemon=True).start()
    publish(sessions, bootstrap_servers=kafka, topic=TOPIC, speed=1.0, stop=stop)


if __name__ == "__main__":
    main()
