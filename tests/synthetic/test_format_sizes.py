"""A session's sizes differ from another's, but not those that the clock sends."""

import numpy as np
import pytest

from synthetic.behaviour import MarketProfile, Profile
from synthetic.format_sizes import vary_sizes
from synthetic.profiles import profiles


def sizes(behaviour: Profile) -> list[int]:
    if isinstance(behaviour, MarketProfile):
        return [channel.payload_bytes for mix in behaviour.mixes for channel in mix.channels]
    reports = [report.payload_bytes for report in behaviour.reports]
    return [behaviour.request_bytes, behaviour.ack_bytes, behaviour.nack_bytes, *reports]


@pytest.mark.parametrize("behaviour", profiles(), ids=lambda behaviour: behaviour.name)
def test_sizes_vary_within_bounds_and_nothing_else_does(behaviour: Profile) -> None:
    drawn = [vary_sizes(np.random.default_rng(seed), behaviour) for seed in range(50)]
    ratios = np.array([sizes(other) for other in drawn]) / np.array(sizes(behaviour))
    assert 0.89 < ratios.min() < 0.93
    assert 1.15 < ratios.max() < 1.21
    assert all(other.periodics == behaviour.periodics and other.opening == behaviour.opening for other in drawn)


def test_a_channel_has_one_size_in_every_mix() -> None:
    behaviour = next(p for p in profiles() if p.name == "coinbase-advanced-market")
    assert isinstance(behaviour, MarketProfile)
    drawn = vary_sizes(np.random.default_rng(1), behaviour)
    assert isinstance(drawn, MarketProfile)
    first, second = ({c.name: c.payload_bytes for c in mix.channels} for mix in drawn.mixes[:2])
    assert first == second
