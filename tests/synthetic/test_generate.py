import time
from collections import Counter

import numpy as np
import pytest

from synthetic.behaviour import Profile
from synthetic.generate import generate_session
from synthetic.profiles import profile, profiles, turns
from udfs.errors import ConfigError
from udfs.schema import EXCHANGES, MISSING, SESSION_COLUMNS, MsgType, Session

START_NS = 1_700_000_000_123_456_789
ALL = pytest.mark.parametrize("behaviour", profiles(), ids=lambda p: p.name)


def draw(
    behaviour: Profile, seed: int = 0, *, n_messages: int | None = 500, duration_s: float | None = None
) -> Session:
    return generate_session(
        behaviour,
        rng=np.random.default_rng(seed),
        start_ns=START_NS,
        connection_id="conn-0001-00ff",
        n_messages=None if duration_s else n_messages,
        duration_s=duration_s,
    )


def to_bytes(session: Session) -> bytes:
    return b"".join(getattr(session, name).tobytes() for name in SESSION_COLUMNS)


def test_each_interface_has_a_profile() -> None:
    assert Counter(p.exchange for p in profiles()) == {"binance": 5, "coinbase": 3, "kraken": 3}
    assert len({p.name for p in profiles()}) == 11
    assert all(p.name.startswith(p.exchange) for p in profiles())


def test_an_exchanges_sessions_take_turns_through_all_of_its_profiles() -> None:
    for exchange in EXCHANGES:
        own = turns(exchange)
        assert {p.name for p in own} == {p.name for p in profiles() if p.exchange == exchange}
        assert [p.name.split("-")[-1] for p in own[:3]] == ["market", "market", "orders"]


def test_an_unknown_profile_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match="profile, found 'bitmex': choose one of .*kraken-orders$"):
        profile("bitmex")


@ALL
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(behaviour: Profile) -> None:
    assert to_bytes(draw(behaviour, 3)) == to_bytes(draw(behaviour, 3))
    assert to_bytes(draw(behaviour, 3)) != to_bytes(draw(behaviour, 4))


@ALL
def test_a_session_is_well_formed(behaviour: Profile) -> None:
    for seed in range(20):
        session = draw(behaviour, seed)
        assert len(session) == 500
        assert (np.diff(session.recv_ts_ns) >= 0).all()
        assert session.recv_ts_ns[0] >= START_NS
        assert (session.payload_bytes >= 2).all()
        assert (session.payload_bytes < 2**31).all()
        assert set(np.unique(session.msg_type)) <= {int(t) for t in MsgType}
        present = session.exchange_ts_ns != MISSING
        # The clock error is at most 1.5 s, distance and the slowest answers add less than 10 s.
        assert (abs(session.exchange_ts_ns[present] - session.recv_ts_ns[present]) < 12e9).all()


def test_id_and_declaration_are_the_callers() -> None:
    session = draw(profile("binance-orders"))
    assert session.connection_id == "conn-0001-00ff"
    assert session.declared_exchange is None


def test_what_is_drawn_beyond_the_length_is_not_kept_in_memory() -> None:
    """One of 150 unknown venues was drawn 289 times as long as it was kept, and training kept it all."""
    session = draw(profile("binance-orders"))
    assert [getattr(session, name).base for name in SESSION_COLUMNS] == [None] * len(SESSION_COLUMNS)


@ALL
def test_a_duration_is_kept(behaviour: Profile) -> None:
    for seed in range(5):
        session = draw(behaviour, seed, duration_s=40.0)
        life_s = (int(session.recv_ts_ns[-1]) - START_NS) / 1e9
        assert 20 < life_s < 60


@pytest.mark.parametrize(
    ("duration_s", "n_messages"), [(None, None), (1.0, 10), (0.0, None), (-1.0, None), (None, 0), (None, -5)]
)
def test_exactly_one_positive_length_is_wanted(duration_s: float | None, n_messages: int | None) -> None:
    with pytest.raises(ConfigError, match="give exactly one"):
        generate_session(
            profile("kraken-orders"),
            rng=np.random.default_rng(0),
            start_ns=0,
            connection_id="c",
            duration_s=duration_s,
            n_messages=n_messages,
        )


def test_generation_is_fast() -> None:
    # A tenth of the 200,000 messages a second that generation reaches, of the processor's time: others may have it too.
    started_s = time.thread_time()
    n = sum(len(draw(behaviour, n_messages=20_000)) for behaviour in profiles())
    assert n / (time.thread_time() - started_s) > 20_000
