"""The sizes of a session's frames: an interface gains fields and loses them, and no page states a size."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from synthetic.behaviour import MarketProfile, OrderProfile, Profile
from synthetic.environment import log_uniform

_FACTORS: Final = (0.9, 1.2)
"""Recorded: the trade of Binance's spot feed has 200 bytes in BINANCE__2021-04-05 and 168 in spot__btcusdt_20240808,
the ticker of Coinbase 332 in COINBASE__2021-04-17 and 404 in COINBASE__2025-11-13."""


def vary_sizes(rng: np.random.Generator, profile: Profile) -> Profile:
    """Draw the sizes that one session's data frames and answers have; those that the clock sends stay."""
    if isinstance(profile, MarketProfile):
        names = sorted({channel.name for mix in profile.mixes for channel in mix.channels})
        factors = {name: log_uniform(rng, *_FACTORS) for name in names}
        mixes = tuple(
            replace(
                mix,
                channels=tuple(
                    replace(c, payload_bytes=round(c.payload_bytes * factors[c.name])) for c in mix.channels
                ),
            )
            for mix in profile.mixes
        )
        return replace(profile, mixes=mixes)
    return _vary_orders(rng, profile)


def _vary_orders(rng: np.random.Generator, profile: OrderProfile) -> OrderProfile:
    requests, acks, nacks, reports = (log_uniform(rng, *_FACTORS) for _ in range(4))
    return replace(
        profile,
        request_bytes=round(profile.request_bytes * requests),
        ack_bytes=round(profile.ack_bytes * acks),
        nack_bytes=round(profile.nack_bytes * nacks),
        reports=tuple(replace(r, payload_bytes=round(r.payload_bytes * reports)) for r in profile.reports),
    )
