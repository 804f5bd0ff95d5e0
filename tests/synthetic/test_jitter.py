import math
from dataclasses import replace

import numpy as np
import pytest

from synthetic.generate import generate_session
from synthetic.jitter import JITTER_MEDIANS_S, JITTER_SIGMA, add_jitter
from synthetic.profiles import profile, profiles
from udfs.errors import ConfigError
from udfs.schema import MISSING, SESSION_COLUMNS, MsgType, Session

START_NS = 1_700_000_000_000_000_000
LEVELS = pytest.mark.parametrize("median_s", JITTER_MEDIANS_S)


def draw(name: str, seed: int = 0, *, n_messages: int = 600) -> Session:
    return generate_session(
        profile(name),
        rng=np.random.default_rng(seed),
        start_ns=START_NS,
        connection_id="conn-0001-00ff",
        n_messages=n_messages,
    )


def jittered(session: Session, median_s: float, seed: int = 0, sigma: float = JITTER_SIGMA) -> Session:
    return add_jitter(session, rng=np.random.default_rng(seed), median_s=median_s, sigma=sigma)


def at(times_us: list[int], request_ids: list[int] | None = None) -> Session:
    """Build data frames at some times; those with a request id are requests."""
    n = len(times_us)
    column = np.full(n, MISSING)
    return Session(
        connection_id="c",
        declared_exchange=None,
        recv_ts_ns=np.array(times_us, dtype=np.int64) * 1000,
        exchange_ts_ns=column,
        msg_type=np.full(n, int(MsgType.NEW)),
        seq=np.arange(n),
        request_id=column if request_ids is None else np.array(request_ids),
        payload_bytes=np.full(n, 100),
    )


def naive(session: Session, median_s: float, seed: int) -> list[tuple[int, ...]]:
    """Send each message over the line by itself, one after the other."""
    rows = list(zip(*(getattr(session, name).tolist() for name in SESSION_COLUMNS), strict=True))
    column = {name: position for position, name in enumerate(SESSION_COLUMNS)}
    time = column["recv_ts_ns"]
    is_sent = [r[column["msg_type"]] == MsgType.NEW and r[column["request_id"]] != MISSING for r in rows]
    noise = iter(np.random.default_rng(seed).standard_normal(is_sent.count(False)).tolist())
    before: int | None = None
    last = 0
    moved = []
    for row, sent in zip(rows, is_sent, strict=True):
        arrival = row[time]
        if not sent:
            arrival += round(median_s * math.exp(JITTER_SIGMA * next(noise)) * 1e9)
            if before is not None:
                arrival = max(arrival, last + min(row[time] - before, 5000))
            before, last = row[time], arrival
        moved.append((*row[:time], arrival, *row[time + 1 :]))
    return sorted(moved, key=lambda row: row[time])


@LEVELS
@pytest.mark.parametrize("name", [p.name for p in profiles()])
def test_each_message_arrives_when_a_naive_line_brings_it(name: str, median_s: float) -> None:
    session = draw(name, 3)
    result = jittered(session, median_s, 5)
    rows = list(zip(*(getattr(result, column).tolist() for column in SESSION_COLUMNS), strict=True))
    expected = naive(session, median_s, 5)
    time = SESSION_COLUMNS.index("recv_ts_ns")
    assert [r[:time] + r[time + 1 :] for r in rows] == [e[:time] + e[time + 1 :] for e in expected]
    # NumPy's and the standard library's exponentials may differ in the last bit.
    assert all(abs(r[time] - e[time]) <= 1 for r, e in zip(rows, expected, strict=True))
    assert (result.connection_id, result.declared_exchange) == (session.connection_id, session.declared_exchange)


def test_a_late_message_holds_up_those_behind_it() -> None:
    # Without spread every message takes 1 ms longer, and the gaps stay.
    assert jittered(at([0, 2, 50, 3000]), 0.001, sigma=0.0).recv_ts_ns.tolist() == [
        1_000_000,
        1_002_000,
        1_050_000,
        4_000_000,
    ]
    # Far apart against their delays, none waits for another; in one instant, all wait for the slowest before them.
    apart = jittered(at([0, 10**9, 2 * 10**9]), 0.001, 1)
    delays = [apart.recv_ts_ns[k] - k * 10**12 for k in range(3)]
    together = jittered(at([0, 0, 0]), 0.001, 1)
    assert together.recv_ts_ns.tolist() == [delays[0], max(delays[:2]), max(delays)]


@LEVELS
def test_received_messages_keep_their_order_and_none_is_early(median_s: float) -> None:
    for behaviour in profiles():
        session = draw(behaviour.name, 1)
        # Numbered from outside, so that each can be found again.
        session = replace(session, seq=np.arange(len(session)))
        result = jittered(session, median_s)
        is_sent = (result.msg_type == MsgType.NEW) & (result.request_id != MISSING)
        assert (np.diff(result.recv_ts_ns) >= 0).all()
        assert (np.diff(result.seq[~is_sent]) > 0).all()
        assert (np.diff(result.seq[is_sent]) > 0).all()
        added_ns = result.recv_ts_ns - session.recv_ts_ns[result.seq]
        assert (added_ns[~is_sent] > 0).all()
        assert (added_ns[is_sent] == 0).all()


def test_a_request_overtakes_what_is_late() -> None:
    result = jittered(at([0, 10, 20], [MISSING, 7, MISSING]), 0.001, sigma=0.0)
    assert result.seq.tolist() == [1, 0, 2]
    assert result.recv_ts_ns.tolist() == [10_000, 1_000_000, 1_005_000 + 5_000 + 10_000]


def test_delays_have_the_median_and_the_spread_asked_for() -> None:
    # A minute apart, messages do not wait for each other. A median of 4000 log-normals of sigma 1 is off by 2%.
    session = at([60_000_000 * k for k in range(4000)])
    added_ns = jittered(session, 0.005).recv_ts_ns - session.recv_ts_ns
    assert np.median(added_ns) == pytest.approx(5e6, rel=0.08)
    assert np.std(np.log(added_ns)) == pytest.approx(1.0, rel=0.06)


def test_the_generator_decides() -> None:
    session = draw("kraken-v2-market")
    assert (jittered(session, 0.001, 1).recv_ts_ns == jittered(session, 0.001, 1).recv_ts_ns).all()
    assert (jittered(session, 0.001, 1).recv_ts_ns != jittered(session, 0.001, 2).recv_ts_ns).any()


def test_the_session_given_stays_as_it_was() -> None:
    session = draw("binance-orders")
    before = session.recv_ts_ns.tolist()
    jittered(session, 0.005)
    assert session.recv_ts_ns.tolist() == before


def test_no_messages_are_no_trouble() -> None:
    assert len(jittered(at([]), 0.001)) == 0


@pytest.mark.parametrize(("median_s", "sigma"), [(0.0, 1.0), (-1.0, 1.0), (0.001, -0.1)])
def test_a_network_that_cannot_be_is_refused(median_s: float, sigma: float) -> None:
    with pytest.raises(ConfigError, match="Expected a positive median_s"):
        jittered(at([0]), median_s, sigma=sigma)
