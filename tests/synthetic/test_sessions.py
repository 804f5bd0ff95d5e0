import re
from collections import Counter

import numpy as np
import pytest

from synthetic.profiles import turns
from synthetic.sessions import LabelledSession, synthetic_sessions
from udfs.errors import ConfigError
from udfs.schema import EXCHANGES, SESSION_COLUMNS

START_NS = 1_700_000_000_000_000_000


def draw(per_exchange: int, seed: int = 1, exchanges: tuple[str, ...] = EXCHANGES) -> list[LabelledSession]:
    return synthetic_sessions(
        exchanges=exchanges, per_exchange=per_exchange, seed=seed, start_ns=START_NS, n_messages=60
    )


def columns(labelled: LabelledSession) -> bytes:
    return b"".join(getattr(labelled.session, name).tobytes() for name in SESSION_COLUMNS)


def test_exchanges_and_profiles_take_turns_and_are_declared() -> None:
    drawn = draw(6)
    assert Counter(d.exchange for d in drawn) == {exchange: 6 for exchange in EXCHANGES}
    assert Counter(d.profile for d in drawn) == {p.name: 2 for exchange in EXCHANGES for p in turns(exchange)[:3]}
    assert all(d.session.declared_exchange == d.exchange == d.profile.split("-")[0] for d in drawn)
    assert all(d.anomalies == () for d in drawn)


def test_the_seed_decides_everything() -> None:
    first, again, other = draw(3, seed=5), draw(3, seed=5), draw(3, seed=6)
    assert [columns(d) for d in first] == [columns(d) for d in again]
    assert [d.session.connection_id for d in first] == [d.session.connection_id for d in again]
    assert [columns(d) for d in first] != [columns(d) for d in other]


def test_a_session_does_not_depend_on_what_else_is_drawn() -> None:
    alone = [d for d in draw(2, exchanges=("kraken",))]
    among = [d for d in draw(5) if d.exchange == "kraken"]
    assert [columns(d) for d in alone] == [columns(d) for d in among[:2]]


def test_connection_ids_are_distinct_and_tell_nothing() -> None:
    drawn = draw(30)
    ids = [d.session.connection_id for d in drawn]
    assert len(set(ids)) == 90
    assert all(re.fullmatch(r"conn-\d{4}-[0-9a-f]{4}", i) for i in ids)
    numbers = [int(i[5:9]) for i in ids]
    assert sorted(numbers) == list(range(90))
    means = [np.mean([n for n, d in zip(numbers, drawn, strict=True) if d.exchange == e]) for e in EXCHANGES]
    # The mean of 30 of 90 numbers has a standard deviation of 3.9.
    assert all(abs(m - 44.5) < 12 for m in means)


def test_an_exchange_without_behaviour_is_refused() -> None:
    with pytest.raises(ConfigError, match="can be drawn, found 'gdax': choose among binance, coinbase, kraken"):
        draw(1, exchanges=("gdax",))
