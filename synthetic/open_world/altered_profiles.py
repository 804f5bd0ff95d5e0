"""Venues that copy a known one's interface and differ in a few traits: what a model has to tell from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from synthetic.behaviour import Channel, MarketProfile, SeqRule, TickPattern
from synthetic.environment import log_uniform
from synthetic.market_plan import draw_mix
from synthetic.profiles import profiles

TIME_STEPS_NS: Final = (None, 1, 100, 1_000, 1_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000_000)
"""Resolutions of a venue's time, the common ones more often."""

SEQ_RULES: Final = (SeqRule.SYMBOL, SeqRule.SYMBOL, SeqRule.SYMBOL, SeqRule.VENUE, SeqRule.CONNECTION, SeqRule.CLOCK)

_SIZE_FACTORS: Final = (0.4, 2.5)


def draw_altered_profile(rng: np.random.Generator) -> MarketProfile:
    """Draw a known venue's market data with other sizes, and one to three of its traits changed."""
    known = [p for p in profiles() if isinstance(p, MarketProfile)]
    profile = known[int(rng.integers(len(known)))]
    mix = draw_mix(rng, profile)
    profile = replace(
        profile,
        mixes=(replace(mix, channels=tuple(_resized(rng, channel) for channel in mix.channels), periodics=()),),
        periodics=profile.periodics + mix.periodics,
    )
    for alter in rng.permutation(np.array(_ALTERATIONS, dtype=object))[: int(rng.integers(1, 4))]:
        profile = alter(rng, profile)
    return profile


def _resized(rng: np.random.Generator, channel: Channel) -> Channel:
    return replace(channel, payload_bytes=round(channel.payload_bytes * log_uniform(rng, *_SIZE_FACTORS)))


def _with_channels(profile: MarketProfile, change: Callable[[Channel], Channel]) -> MarketProfile:
    mixes = tuple(replace(mix, channels=tuple(change(c) for c in mix.channels)) for mix in profile.mixes)
    return replace(profile, mixes=mixes)


def _alter_time(rng: np.random.Generator, profile: MarketProfile) -> MarketProfile:
    step_ns = TIME_STEPS_NS[int(rng.integers(len(TIME_STEPS_NS)))]
    return _with_channels(profile, lambda channel: replace(channel, exchange_time_ns=step_ns))


def _alter_lag(rng: np.random.Generator, profile: MarketProfile) -> MarketProfile:
    lag_ms = log_uniform(rng, 1.0, 1000.0)
    return _with_channels(profile, lambda channel: replace(channel, time_lag_ms=lag_ms))


def _alter_rule(rng: np.random.Generator, profile: MarketProfile) -> MarketProfile:
    rule = SEQ_RULES[int(rng.integers(len(SEQ_RULES)))] if rng.random() < 0.8 else SeqRule.NONE
    return _with_channels(profile, lambda channel: replace(channel, seq=rule, complete=False))


def _alter_gaps(rng: np.random.Generator, profile: MarketProfile) -> MarketProfile:
    hidden = 0.0 if profile.hidden_updates > 0 else log_uniform(rng, 1.0, 200.0)
    return replace(profile, hidden_updates=hidden, hidden_by_trade=0)


def _alter_ticks(rng: np.random.Generator, profile: MarketProfile) -> MarketProfile:
    factor = float(rng.choice([0.1, 0.2, 0.5, 2.0, 2.5, 5.0]))

    def change(channel: Channel) -> Channel:
        ticks = channel.ticks
        if ticks is None or ticks.pattern is TickPattern.PAUSE:  # of which a window hardly shows the period
            return channel
        return replace(channel, ticks=replace(ticks, period_ms=tuple(factor * p for p in ticks.period_ms)))

    return _with_channels(profile, change)


def _alter_heartbeats(rng: np.random.Generator, profile: MarketProfile) -> MarketProfile:
    period_s = float(rng.choice([0.25, 0.5, 2.0, 5.0]))  # so often that most windows show it
    beats = tuple(replace(p, period_s=period_s, probability=1.0) for p in profile.periodics)
    return replace(profile, periodics=beats)


_ALTERATIONS: Final = (_alter_time, _alter_lag, _alter_rule, _alter_gaps, _alter_ticks, _alter_heartbeats)
