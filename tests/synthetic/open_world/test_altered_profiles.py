"""Known venues with some traits altered: none is labelled unknown that is still the known one."""

from dataclasses import replace

import numpy as np

from synthetic.behaviour import MarketProfile, SeqRule
from synthetic.open_world.altered_profiles import draw_altered_profile
from synthetic.open_world.resemblance import resembles_a_known_venue
from synthetic.profiles import profile


def market(name: str) -> MarketProfile:
    found = profile(name)
    assert isinstance(found, MarketProfile)
    return replace(found, mixes=found.mixes[:1])


def with_channels(behaviour: MarketProfile, **traits: object) -> MarketProfile:
    changed = tuple(replace(channel, **traits) for channel in behaviour.mixes[0].channels)  # type: ignore[arg-type]
    return replace(behaviour, mixes=(replace(behaviour.mixes[0], channels=changed),))


def test_every_exchange_is_altered_and_in_every_trait() -> None:
    drawn = [draw_altered_profile(np.random.default_rng(seed)) for seed in range(300)]
    assert {p.exchange for p in drawn} == {"binance", "coinbase", "kraken"}
    channels = [c for p in drawn for c in p.mixes[0].channels]
    assert {c.exchange_time_ns for c in channels} >= {None, 1, 100, 1_000, 1_000_000, 1_000_000_000}
    assert {c.seq for c in channels} == set(SeqRule)
    assert 0.05 < np.mean([c.time_lag_ms > 1 for c in channels]) < 0.6
    assert 0.5 < np.mean([not resembles_a_known_venue(p) for p in drawn]) < 1


def test_sizes_alone_make_no_other_venue() -> None:
    assert resembles_a_known_venue(with_channels(market("kraken-v2-market"), payload_bytes=999))


def test_a_lag_of_times_that_are_not_sent_makes_no_other_venue() -> None:
    assert resembles_a_known_venue(with_channels(market("kraken-v1-market"), time_lag_ms=50.0))
    assert not resembles_a_known_venue(with_channels(market("kraken-v2-market"), time_lag_ms=50.0))


def test_hidden_changes_of_a_feed_without_numbers_make_no_other_venue() -> None:
    assert resembles_a_known_venue(replace(market("kraken-v2-market"), hidden_updates=9.0))
    assert not resembles_a_known_venue(replace(market("binance-spot-market"), hidden_updates=0.0))


def test_another_resolution_of_time_makes_another_venue() -> None:
    assert not resembles_a_known_venue(with_channels(market("kraken-v2-market"), exchange_time_ns=1_000_000))
