"""When things happen: a doubly stochastic, clustered point process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthetic.environment import Circumstances
from udfs.schema import Float64Array

_GRID_S: Final = 0.25
_INSTANT_S: Final = 0.00003


@dataclass(frozen=True, kw_only=True, eq=False)
class Activity:
    """Events in order of time.

    Attributes
    ----------
    times_s : (n,) float64
        Seconds since the session's start.
    clusters : (n,) int64
        Which cause each event belongs to.
    n_clusters : int
        How many causes there are.
    """

    times_s: Float64Array
    clusters: NDArray[np.int64]
    n_clusters: int


def draw_activity(
    rng: np.random.Generator, circumstances: Circumstances, *, rate_hz: float, duration_s: float
) -> Activity:
    """Draw the events of a market or a trader.

    Causes are a Poisson process whose log intensity drifts (Ornstein-Uhlenbeck); each brings a geometric number of
    events, in the same instant or as an echo: a Hawkes process of one generation, which needs no loop.

    Parameters
    ----------
    rate_hz : float
        Mean events a second.

    Returns
    -------
    Activity
        Events before `duration_s`; there may be none.
    """
    causes_s = _draw_causes(rng, circumstances, rate_hz / circumstances.cluster_size, duration_s)
    sizes = rng.geometric(1.0 / circumstances.cluster_size, len(causes_s))
    clusters = np.repeat(np.arange(len(causes_s)), sizes)
    firsts = np.cumsum(sizes) - sizes
    instant = rng.random(len(clusters)) < circumstances.instant_share
    delays = rng.standard_exponential(len(clusters)) * np.where(instant, _INSTANT_S, circumstances.echo_s)
    delays[firsts] = 0.0
    times_s = causes_s[clusters] + delays
    order = np.argsort(times_s, kind="stable")
    order = order[times_s[order] < duration_s]
    return Activity(times_s=times_s[order], clusters=clusters[order], n_clusters=len(causes_s))


def _draw_causes(
    rng: np.random.Generator, circumstances: Circumstances, rate_hz: float, duration_s: float
) -> Float64Array:
    """Map a Poisson process of unit rate through the inverse of the cumulative intensity."""
    n_steps = int(np.ceil(duration_s / _GRID_S)) + 1
    log_rate = circumstances.drift_sigma * _drift(rng, n_steps, circumstances.drift_s / _GRID_S)
    # The mean of a log-normal is 1 when its log has the mean -sigma^2 / 2.
    rates_hz = rate_hz * np.exp(log_rate - circumstances.drift_sigma**2 / 2)
    cumulative = np.concatenate(([0.0], np.cumsum(rates_hz) * _GRID_S))
    n_causes = rng.poisson(cumulative[-1])
    places = np.sort(rng.random(n_causes)) * cumulative[-1]
    return np.interp(places, cumulative, np.arange(n_steps + 1) * _GRID_S)


def _drift(rng: np.random.Generator, n_steps: int, memory_steps: float) -> Float64Array:
    """Draw an Ornstein-Uhlenbeck path of unit variance by its spectrum; the half kept has no period."""
    n = 2 * n_steps
    alpha = np.exp(-1.0 / memory_steps)
    frequencies = 2 * np.pi * np.fft.rfftfreq(n)
    gain = np.sqrt(1 - alpha**2) / np.abs(1 - alpha * np.exp(-1j * frequencies))
    path: Float64Array = np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * gain, n)[:n_steps]
    return path
