import math
from dataclasses import replace

import numpy as np
import pytest

from synthetic.behaviour import MarketProfile, Profile
from synthetic.generate import generate_session
from synthetic.profiles import profile, profiles
from synthetic.sessions import synthetic_sessions
from udfs.errors import ConfigError
from udfs.schema import SESSION_COLUMNS, MsgType, Session

START_NS = 1_700_000_000_000_000_000
FACTORS = pytest.mark.parametrize("rate_factor", [0.5, 2.0])


def draw(behaviour: Profile, seed: int, rate_factor: float, *, duration_s: float = 60.0) -> Session:
    return generate_session(
        behaviour,
        rng=np.random.default_rng(seed),
        start_ns=START_NS,
        connection_id="conn-0001-00ff",
        duration_s=duration_s,
        rate_factor=rate_factor,
    )


def to_bytes(session: Session) -> bytes:
    return b"".join(getattr(session, name).tobytes() for name in SESSION_COLUMNS)


def resultant_length(session: Session, period_s: float) -> float:
    """Length of the mean of the unit vectors that the receive times make on a clock of that period."""
    x = y = 0.0
    for recv_ts_ns in session.recv_ts_ns.tolist():
        angle = 2 * math.pi * ((recv_ts_ns - START_NS) / 1e9) / period_s
        x, y = x + math.cos(angle), y + math.sin(angle)
    return math.hypot(x, y) / len(session)


def depth_only() -> MarketProfile:
    spot = profile("binance-spot-market")
    assert isinstance(spot, MarketProfile)
    mix = spot.mixes[0]
    depth = mix.channels[0]
    assert depth.ticks is not None
    ticks = replace(depth.ticks, period_ms=(100.0,), excess_ms=0.0)
    opening = replace(spot.opening, subscribe_probability=0.0)
    return replace(spot, mixes=(replace(mix, channels=(replace(depth, ticks=ticks),)),), periodics=(), opening=opening)


def test_a_factor_of_one_changes_nothing() -> None:
    for behaviour in profiles():
        plain = generate_session(
            behaviour, rng=np.random.default_rng(3), start_ns=START_NS, connection_id="c", n_messages=200
        )
        factored = generate_session(
            behaviour,
            rng=np.random.default_rng(3),
            start_ns=START_NS,
            connection_id="c",
            n_messages=200,
            rate_factor=1.0,
        )
        assert to_bytes(plain) == to_bytes(factored)


@FACTORS
@pytest.mark.parametrize("behaviour", profiles(), ids=lambda p: p.name)
def test_messages_a_second_are_so_many_times_as_many(behaviour: Profile, rate_factor: float) -> None:
    ratios = [len(draw(behaviour, seed, rate_factor)) / max(1, len(draw(behaviour, seed, 1.0))) for seed in range(40)]
    # Drifting markets make one session's count vary by up to its half; the mean of 40 logarithms by about a tenth. One
    # symbol's ticks and the clock's frames stay as they are: with three sessions of ten so, it is 0.7 of the logarithm.
    mean = sum(math.log(r) for r in ratios) / len(ratios)
    assert 0.55 < mean / math.log(rate_factor) < 1.15


@FACTORS
def test_ticks_stay_where_they_are(rate_factor: float) -> None:
    for seed in range(8):
        session = draw(depth_only(), seed, rate_factor)
        assert resultant_length(session, 0.1) > 0.8
        # Were times divided instead, this would be the period.
        if rate_factor < 1:
            assert resultant_length(session, 0.1 / rate_factor) < 0.5


@FACTORS
def test_heartbeats_keep_their_period(rate_factor: float) -> None:
    for seed in range(8):
        session = draw(profile("kraken-v2-market"), seed, rate_factor)
        beats_ns = session.recv_ts_ns[session.msg_type == MsgType.HEARTBEAT]
        assert len(beats_ns) in range(58, 62)
        assert np.median(np.diff(beats_ns)) == pytest.approx(1.0005e9, rel=0.01)


def test_many_sessions_take_the_factor() -> None:
    lengths = {
        factor: sum(
            len(d.session)
            for d in synthetic_sessions(per_exchange=6, seed=2, start_ns=START_NS, duration_s=20.0, rate_factor=factor)
        )
        for factor in (0.5, 1.0, 2.0)
    }
    assert 1.5 * lengths[0.5] < lengths[1.0]
    assert 1.5 * lengths[1.0] < lengths[2.0]


@pytest.mark.parametrize("rate_factor", [0.0, -1.0])
def test_a_market_does_not_stand_still(rate_factor: float) -> None:
    with pytest.raises(ConfigError, match="Expected a positive rate_factor"):
        draw(profile("kraken-orders"), 0, rate_factor)
