"""Batching ticks: when what happened leaves the venue."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthetic.behaviour import TickPattern, Ticks
from udfs.schema import Float64Array, Int64Array

LONGEST_BATCH: Final = 2
"""A batch that waits for a pause leaves after so many periods at the latest (assumed: no page says it may wait on)."""


def tick_times(
    rng: np.random.Generator,
    ticks: Ticks,
    period_s: float,
    *,
    times_s: Float64Array,
    symbols: Int64Array,
    n_symbols: int,
) -> Float64Array:
    """Find the tick with which each event leaves.

    Parameters
    ----------
    times_s : (n,) float64
        Events in order of time.
    symbols : (n,) int64
        The symbol of each.

    Returns
    -------
    (n,) float64
        The first tick that is not before the event: of the common grid, of the symbol's own succession, the last event
        before its symbol pauses or the batch has lasted too long, or the next event that may leave at all.
    """
    if len(times_s) == 0:
        return times_s
    if ticks.pattern is TickPattern.GRID:
        return next_of(_draw_grid(rng, ticks, period_s, times_s), times_s)
    if ticks.pattern is TickPattern.PAUSE:
        return _before_pause(period_s, times_s, symbols)
    sent_s = np.empty_like(times_s)
    for symbol in range(n_symbols):
        mine = np.flatnonzero(symbols == symbol)
        if len(mine) == 0:
            continue
        if ticks.pattern is TickPattern.COOLDOWN:
            places_s = _after_cooldown(rng, period_s, times_s[mine])
        else:
            places_s = _draw_succession(rng, ticks, period_s, times_s[mine])
        sent_s[mine] = next_of(places_s, times_s[mine])
    return sent_s


def last_of_batch(sent_s: Float64Array, symbols: Int64Array) -> tuple[NDArray[np.int64], Float64Array]:
    """Find the last event of each batch, that is of each symbol and tick, and how many events the batch has."""
    order = np.lexsort((symbols, sent_s))
    ends = (np.diff(sent_s[order]) != 0) | (np.diff(symbols[order]) != 0)
    lasts = np.flatnonzero(np.concatenate((ends, [True]))) if len(order) > 0 else np.empty(0, dtype=np.int64)
    return order[lasts], np.diff(lasts, prepend=-1).astype(np.float64)


def next_of(places_s: Float64Array, times_s: Float64Array) -> Float64Array:
    """Find the first of some ordered places that is not before each time."""
    return places_s[np.searchsorted(places_s, times_s)]


def _draw_grid(rng: np.random.Generator, ticks: Ticks, period_s: float, times_s: Float64Array) -> Float64Array:
    """Draw ticks that keep to a grid: the jitter of one does not move the next."""
    n = int((times_s[-1] - times_s[0]) / period_s) + 4
    grid_s = times_s[0] + (rng.random() - 1.0 + np.arange(n)) * period_s
    jittered = grid_s + ticks.jitter_ms / 1e3 * rng.standard_normal(n)
    return _past_end(np.maximum.accumulate(jittered), times_s)


def _draw_succession(rng: np.random.Generator, ticks: Ticks, period_s: float, times_s: Float64Array) -> Float64Array:
    """Draw ticks that each follow the last one: their jitter adds up, so there is no phase."""
    n = int((times_s[-1] - times_s[0]) / period_s * 1.1) + 10
    gaps_s = np.maximum(period_s + ticks.jitter_ms / 1e3 * rng.standard_normal(n), period_s / 5)
    return _past_end(times_s[0] - rng.random() * period_s + np.cumsum(gaps_s), times_s)


def _after_cooldown(rng: np.random.Generator, period_s: float, times_s: Float64Array) -> Float64Array:
    """Find one symbol's events that leave: each is the first that a period has passed before."""
    leaving, rests_until_s = [], times_s[0] + rng.random() * period_s
    while (place := int(np.searchsorted(times_s, rests_until_s))) < len(times_s):
        leaving.append(place)
        rests_until_s = times_s[place] + period_s
    return _past_end(times_s[leaving] if leaving else times_s[-1:], times_s)


def _before_pause(period_s: float, times_s: Float64Array, symbols: Int64Array) -> Float64Array:
    order = np.argsort(symbols, kind="stable")
    terms = times_s[order] // (LONGEST_BATCH * period_s)
    ends = (np.diff(times_s[order]) >= period_s) | (np.diff(terms) != 0) | (np.diff(symbols[order]) != 0)
    lasts = np.flatnonzero(np.concatenate((ends, [True])))
    sent_s = np.empty_like(times_s)
    sent_s[order] = np.repeat(times_s[order][lasts], np.diff(lasts, prepend=-1))
    return sent_s


def _past_end(places_s: Float64Array, times_s: Float64Array) -> Float64Array:
    """Make sure that the last event has a tick."""
    return np.concatenate((places_s, [max(places_s[-1], times_s[-1])]))
