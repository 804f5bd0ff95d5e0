"""Market-data sessions: what the market does, and what the venue's channels make of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthetic.activity import Activity, draw_activity
from synthetic.behaviour import Channel, MarketProfile, SeqRule, Trigger
from synthetic.environment import Circumstances, log_uniform
from synthetic.frames import Frames, join, make_frames
from synthetic.market_plan import NEW_ORDER_SHARE, MarketPlan
from synthetic.opening import draw_opening, draw_periodics, opening_s
from synthetic.ticks import last_of_batch, tick_times
from udfs.schema import MISSING, Float64Array, Int64Array

_NS_PER_MS: Final = 1_000_000
_ONE_STAMP_S: Final = 0.001
"""What one order trades in so short a time has one time of the venue (recorded, COINBASE__2025-11-13: 55% of the
ticker's times repeat the one before, to the microsecond)."""


def _draw_life_frames(rng: np.random.Generator, is_trade: NDArray[np.bool_]) -> Int64Array:
    """Draw how many frames of an order's life an event makes: match and done, received and open, or done alone."""
    return np.where(is_trade | (rng.random(len(is_trade)) < NEW_ORDER_SHARE), 2, 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Events:
    times_s: Float64Array
    stamps_s: Float64Array
    symbols: NDArray[np.int64]
    ids: Int64Array
    steps: Int64Array
    first_ids: Int64Array
    is_trade: NDArray[np.bool_]
    is_best: NDArray[np.bool_]

    def of(self, trigger: Trigger) -> NDArray[np.int64]:
        if trigger is Trigger.BOOK:
            return np.arange(len(self.times_s))
        return np.flatnonzero(self.is_trade if trigger is Trigger.TRADE else self.is_best)

    def symbol_seq(self, times_s: Float64Array, symbol: int) -> Int64Array:
        """Look up a symbol's counter at some times."""
        mine = self.symbols == symbol
        known = np.concatenate((self.first_ids[symbol : symbol + 1], self.ids[mine]))
        seq: Int64Array = known[np.searchsorted(self.times_s[mine], times_s)]
        return seq


def draw_market_frames(
    rng: np.random.Generator,
    profile: MarketProfile,
    plan: MarketPlan,
    circumstances: Circumstances,
    *,
    duration_s: float,
    start_ns: int,
) -> Frames:
    """Draw every frame of a session of `duration_s`, before delivery."""
    first_s = opening_s(circumstances.distance_s)
    activity = draw_activity(rng, circumstances, rate_hz=plan.event_rate_hz, duration_s=duration_s)
    events = _draw_events(rng, profile, plan, activity, first_s=first_s)
    n_symbols = len(plan.symbol_weights)
    parts = draw_opening(rng, plan.opening, n_symbols=n_symbols, distance_s=circumstances.distance_s)
    parts += draw_periodics(
        rng,
        plan.periodics,
        n_symbols=n_symbols,
        symbol_seq=events.symbol_seq,
        first_s=first_s,
        duration_s=first_s + duration_s,
        start_ns=start_ns,
    )
    parts += [
        _channel_frames(rng, channel, period_s, events, plan, circumstances, start_ns=start_ns)
        for channel, period_s in plan.channels
    ]
    return join(parts)


def _draw_events(
    rng: np.random.Generator, profile: MarketProfile, plan: MarketPlan, activity: Activity, *, first_s: float
) -> _Events:
    n, n_symbols = len(activity.times_s), len(plan.symbol_weights)
    symbols = rng.choice(n_symbols, size=activity.n_clusters, p=plan.symbol_weights)[activity.clusters]
    # A cause is of one kind: an order that sweeps the book trades and moves the best price with each of its events.
    is_trade = (rng.random(activity.n_clusters) < plan.trade_share)[activity.clusters]
    is_quote = (rng.random(activity.n_clusters) < plan.best_share)[activity.clusters]
    times_s = first_s + activity.times_s
    first_ids = np.array([log_uniform(rng, *profile.first_ids) for _ in range(n_symbols)]).astype(np.int64)
    if any(channel.complete for channel, _ in plan.channels):
        steps = _draw_life_frames(rng, is_trade)
    else:
        steps = rng.geometric(1.0 / (1.0 + plan.hidden_updates), n) + profile.hidden_by_trade * is_trade
    if any(channel.seq is SeqRule.VENUE for channel, _ in plan.channels):
        ids = first_ids[0] + (times_s * profile.venue_ids_hz).astype(np.int64) + np.cumsum(steps)
    else:
        ids = _count_by_symbol(steps, symbols, first_ids)
    return _Events(
        times_s=times_s,
        stamps_s=_stamps(times_s, activity, is_trade),
        symbols=symbols,
        ids=ids,
        steps=steps,
        first_ids=first_ids,
        is_trade=is_trade,
        is_best=is_trade | is_quote,
    )


def _count_by_symbol(steps: Int64Array, symbols: NDArray[np.int64], first_ids: Int64Array) -> Int64Array:
    """Add up the steps of each symbol from its first id."""
    order = np.argsort(symbols, kind="stable")
    sums = np.cumsum(steps[order])
    counts = np.bincount(symbols, minlength=len(first_ids))
    before = np.concatenate(([0], sums))[np.cumsum(counts) - counts]
    ids: Int64Array = np.empty_like(sums)
    ids[order] = sums + np.repeat(first_ids - before, counts)
    return ids


def _channel_frames(
    rng: np.random.Generator,
    channel: Channel,
    period_s: float | None,
    events: _Events,
    plan: MarketPlan,
    circumstances: Circumstances,
    *,
    start_ns: int,
) -> Frames:
    chosen = events.of(channel.trigger)
    sizes = np.ones(len(chosen))
    times_s, stamps_s = events.times_s[chosen], events.stamps_s[chosen]
    if channel.ticks is not None and period_s is not None:
        sent_s = tick_times(
            rng,
            channel.ticks,
            period_s,
            times_s=times_s,
            symbols=events.symbols[chosen],
            n_symbols=len(plan.symbol_weights),
        )
        lasts, sizes = last_of_batch(sent_s, events.symbols[chosen])
        chosen, times_s, stamps_s = chosen[lasts], sent_s[lasts], sent_s[lasts]
    behind = np.zeros(len(chosen), dtype=np.int64)
    if channel.complete:
        counts = events.steps[chosen]
        behind = np.repeat(np.cumsum(counts), counts) - np.arange(counts.sum()) - 1
        chosen, times_s, sizes = np.repeat(chosen, counts), np.repeat(times_s, counts), np.repeat(sizes, counts)
        stamps_s = np.repeat(stamps_s, counts)
    return make_frames(
        rng,
        times_s,
        msg_type=channel.msg_type,
        payload_bytes=channel.payload_bytes
        + np.array(plan.symbol_bytes)[events.symbols[chosen]]
        + channel.level_bytes * (sizes - 1),
        spread_bytes=circumstances.size_spread_bytes * np.sqrt(sizes),
        counted=channel.seq is SeqRule.CONNECTION,
        seq=_data_seq(channel.seq, events.ids[chosen] - behind, times_s, start_ns=start_ns),
        event_times_s=stamps_s - channel.time_lag_ms / 1e3 * rng.standard_exponential(len(chosen)),
        event_step_ns=channel.exchange_time_ns,
    )


def _stamps(times_s: Float64Array, activity: Activity, is_trade: NDArray[np.bool_]) -> Float64Array:
    """Give what one order trades at once the time of its first trade."""
    firsts_s = np.full(activity.n_clusters, np.inf)
    np.minimum.at(firsts_s, activity.clusters, times_s)
    of_cluster_s = firsts_s[activity.clusters]
    return np.where(is_trade & (times_s - of_cluster_s < _ONE_STAMP_S), of_cluster_s, times_s)


def _data_seq(rule: SeqRule, ids: Int64Array, times_s: Float64Array, *, start_ns: int) -> int | Int64Array:
    if rule is SeqRule.CLOCK:
        times_ms: Int64Array = start_ns // _NS_PER_MS + (times_s * 1e3).astype(np.int64)
        return times_ms
    return ids if rule in (SeqRule.SYMBOL, SeqRule.VENUE) else MISSING
