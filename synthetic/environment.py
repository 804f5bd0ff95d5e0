"""What says nothing of the venue: the host's distance and clock, the market's rate and mood, drawn alike for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

MARKET_RATES_HZ: Final = (1.2, 320.0)
"""Recorded for the three exchanges: 1.2 to 319 messages a second."""

QUIET_RATES_HZ: Final = (0.1, 1.2)
QUIET_SHARE: Final = 0.05
"""Sessions of quiet symbols, down to a message in ten seconds. Recorded, spot__nexousdt_20240723:
three streams of one symbol bring 1.5 messages a second, its trades alone 0.15; the share is assumed."""

ORDER_RATES_HZ: Final = (1.2, 40.0)
"""Enough for all: 5 orders a second (ORDERS of `rateLimits` in the examples of Binance's "WebSocket API"; Coinbase's
"FIX Rate Limits" and Kraken's "Spot Trading Limits" allow more over all pairs), as many cancellations, and of each the
request, its answer and two reports."""


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """One session's surroundings.

    Attributes
    ----------
    target_rate_hz : float
        Messages a second to aim at, heartbeats included.
    drift_sigma, drift_s : float
        Standard deviation of the log rate, and the time in which it forgets its past.
    cluster_size : float
        Mean number of events that one cause brings.
    instant_share : float
        Share of a cause's further events that come in the same instant; the others follow within `echo_s`.
    echo_s : float
        Mean delay of those others.
    distance_s : float
        Time from the venue to the host, and half of what a request takes at least.
    jitter_s, jitter_sigma : float
        Median and log-normal sigma of what the network adds to each frame.
    read_s : float
        Mean time the receiver needs for a frame, hence the least gap within a burst.
    clock_error_s : float
        How far the host's clock is ahead of the venue's.
    clock_step_ns : int
        Resolution of the host's clock.
    size_spread_bytes : float
        Standard deviation of the sizes of frames of one kind and symbol: how many digits the market's numbers have.
    """

    target_rate_hz: float
    drift_sigma: float
    drift_s: float
    cluster_size: float
    instant_share: float
    echo_s: float
    distance_s: float
    jitter_s: float
    jitter_sigma: float
    read_s: float
    clock_error_s: float
    clock_step_ns: int
    size_spread_bytes: float


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform between those of `low` and `high`."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def draw_market_rates(rng: np.random.Generator) -> tuple[float, float]:
    """Draw which range a market-data session's rate is from."""
    return QUIET_RATES_HZ if rng.random() < QUIET_SHARE else MARKET_RATES_HZ


def draw_circumstances(rng: np.random.Generator, rates_hz: tuple[float, float]) -> Circumstances:
    """Draw a session's surroundings; no profile goes in, so none can be read out of them.

    The ranges enclose what was recorded for the three exchanges and for order entry: standard deviations of the
    logarithm of the messages in a second of 0.29 to 1.15, runs of messages less than 1 ms apart of 1.1 to 2.5 in the
    mean, gaps within them of 1 to 100 us, distances of 33 to 221 ms, clocks up to 1.5 s wrong, sizes of one kind and
    symbol that vary by 0.2 (spot__btcusdt_20240808) to 4 bytes (COINBASE__2021-04-17).

    Parameters
    ----------
    rates_hz : tuple of float
        Least and greatest rate: of `draw_market_rates` or `ORDER_RATES_HZ`.
    """
    return Circumstances(
        target_rate_hz=log_uniform(rng, *rates_hz),
        drift_sigma=rng.uniform(0.15, 0.9),
        drift_s=log_uniform(rng, 1.0, 60.0),
        cluster_size=log_uniform(rng, 1.2, 8.0),
        instant_share=rng.uniform(0.3, 0.9),
        echo_s=log_uniform(rng, 0.001, 0.3),
        distance_s=log_uniform(rng, 0.002, 0.22),
        jitter_s=log_uniform(rng, 0.00002, 0.003),
        jitter_sigma=rng.uniform(0.4, 1.2),
        read_s=log_uniform(rng, 0.000001, 0.0001),
        clock_error_s=rng.uniform(-0.1, 1.5),
        clock_step_ns=int(rng.choice([1, 100, 1000])),
        size_spread_bytes=log_uniform(rng, 0.2, 4.0),
    )
