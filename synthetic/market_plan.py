"""What a market-data session subscribes to, and how lively its market is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from synthetic.behaviour import Channel, MarketProfile, Mix, Opening, Periodic, TickPattern, Trigger
from synthetic.environment import Circumstances, log_uniform
from synthetic.ticks import LONGEST_BATCH

_MAX_SYMBOLS: Final = 20
"""Of sessions whose symbols each have messages of their own."""

_WIDE_SHARE: Final = 0.12
_WIDE_SYMBOLS: Final = 100
"""Sessions with many symbols, quiet ones too. Recorded: ten symbols bring 1.2 messages a second, heartbeats included
(KRAKEN__2021-04-05__1136b5496b), or 95 (BINANCE__2021-04-05); a hundred, and how many sessions are so, is assumed."""

_MAX_EVENTS_EACH: Final = 30.0
_BUSY_TICKS: Final = 0.6
_HITS_A_TICK: Final = (0.7, 30.0)
"""Changes for each tick of a session that its ticks bound. Recorded: a symbol's depth event of 100 ms has two
(spot__nexousdt_20240723) to 17 (spot__btcusdt_20240808) in the median."""

_ONE_SYMBOL_SHARE: Final = 0.3
NEW_ORDER_SHARE: Final = 0.5
"""Of the events that are not trades: what is not cancelled is placed, so that the book neither empties nor fills."""


@dataclass(frozen=True, kw_only=True)
class MarketPlan:
    """What a session has chosen before its first frame.

    Attributes
    ----------
    channels : tuple of (Channel, float or None)
        Each with its tick period in seconds, None if it does not batch.
    periodics : tuple of Periodic
        Those of the profile and of the mix that the session has.
    opening : Opening
        The profile's with the mix's snapshots.
    symbol_weights : tuple of float
        Share of the events that each symbol has.
    symbol_bytes : tuple of int
        What each symbol's name and prices add to the size of a frame.
    hidden_updates : float
        As the profile has it, on this market.
    trade_share, best_share : float
        Share of the causes that are trades, and of the others that change the best price.
    event_rate_hz : float
        Events a second that make the target's number of messages.
    """

    channels: tuple[tuple[Channel, float | None], ...]
    periodics: tuple[Periodic, ...]
    opening: Opening
    symbol_weights: tuple[float, ...]
    symbol_bytes: tuple[int, ...]
    hidden_updates: float
    trade_share: float
    best_share: float
    event_rate_hz: float


def draw_market_plan(rng: np.random.Generator, profile: MarketProfile, circumstances: Circumstances) -> MarketPlan:
    """Draw a session's subscriptions, and solve for the events that give it the rate it aims at."""
    mix = draw_mix(rng, profile)
    channels = _draw_channels(rng, mix)
    periodics = tuple(p for p in profile.periodics + mix.periodics if rng.random() < p.probability)
    if not channels and not periodics:
        periodics = mix.periodics
    n_symbols = _draw_n_symbols(rng, channels, periodics, circumstances.target_rate_hz)
    limits = (profile.most_symbols, mix.most_symbols)
    n_symbols = min([n_symbols, *(limit for limit in limits if limit is not None)])
    weights = np.arange(1, n_symbols + 1) ** -rng.uniform(0.3, 1.3)
    clock_rate_hz = sum((n_symbols if p.per_symbol else 1) * (1 + p.answered) / p.period_s for p in periodics)
    snapshot_bytes = profile.opening.snapshot_bytes if mix.snapshot_bytes is None else mix.snapshot_bytes
    plan = MarketPlan(
        channels=channels,
        periodics=periodics,
        opening=replace(profile.opening, snapshot_bytes=snapshot_bytes),
        symbol_weights=tuple(weights / weights.sum()),
        # Recorded, BINANCE__2021-04-05: bookTicker of one symbol has 137 bytes, of another 148.
        symbol_bytes=tuple(rng.integers(-5, 6, n_symbols).tolist()),
        # Recorded on Binance: of the steps of u, 33% are jumps where a symbol is quiet (BINANCE__2021-04-05), 63% where
        # it is not (spot__btcusdt_20240808).
        hidden_updates=profile.hidden_updates * log_uniform(rng, 0.2, 3.0),
        trade_share=_draw_trade_share(rng, channels),
        # Recorded on Binance: the last change in a depth event is one of the best price in 0.05 to 0.25 of them.
        best_share=log_uniform(rng, 0.04, 0.4),
        event_rate_hz=0.0,
    )
    wanted_hz = max(circumstances.target_rate_hz - clock_rate_hz, 0.1 * circumstances.target_rate_hz)
    if _is_bound_by_ticks(channels):
        busy_share = 1 - np.exp(-log_uniform(rng, *_HITS_A_TICK))
        wanted_hz = min(wanted_hz, n_symbols * _ticks_each_hz(channels) * float(busy_share))
    return _with_event_rate(plan, circumstances, wanted_hz)


def draw_mix(rng: np.random.Generator, profile: MarketProfile) -> Mix:
    """Draw one of a profile's mixes by their weights."""
    weights = np.array([mix.weight for mix in profile.mixes])
    return profile.mixes[int(rng.choice(len(weights), p=weights / weights.sum()))]


def _is_bound_by_ticks(channels: tuple[tuple[Channel, float | None], ...]) -> bool:
    """Say whether a livelier market brings no more frames; trades beside ticks, the fewest events, count for none."""
    straight = [channel for channel, period_s in channels if period_s is None]
    return 0 < _ticks_each_hz(channels) and all(c.trigger is Trigger.TRADE for c in straight)


def _ticks_each_hz(channels: tuple[tuple[Channel, float | None], ...]) -> float:
    """Count the ticks of a symbol in a second; those of a PAUSE come as often as the market wants."""
    return sum(
        1 / period_s
        for channel, period_s in channels
        if channel.ticks is not None and period_s is not None and channel.ticks.pattern is not TickPattern.PAUSE
    )


def _draw_trade_share(rng: np.random.Generator, channels: tuple[tuple[Channel, float | None], ...]) -> float:
    # Recorded trades for each change of the book: 0.001 (KRAKEN__2021-04-05) and 0.006 (COINBASE__2021-04-17), for
    # each change of the best price 0.14 to 0.39 (Binance).
    trade_share = log_uniform(rng, 0.003, 0.35)
    sees_book = any(channel.trigger is not Trigger.TRADE for channel, _ in channels)
    # What a session does not see need not be drawn.
    return trade_share if sees_book else 1.0


def _draw_n_symbols(
    rng: np.random.Generator,
    channels: tuple[tuple[Channel, float | None], ...],
    periodics: tuple[Periodic, ...],
    target_rate_hz: float,
) -> int:
    """Draw a number of symbols; a subscriber who wants more than the ticks of a few can bring takes more of them."""
    clocks_each_hz = sum(1 / p.period_s for p in periodics if p.per_symbol)
    if rng.random() < _ONE_SYMBOL_SHARE:
        return 1
    if not channels and clocks_each_hz > 0:
        return max(1, min(_WIDE_SYMBOLS, round(target_rate_hz / clocks_each_hz)))
    if rng.random() < _WIDE_SHARE:
        n_symbols = int(log_uniform(rng, 1.0, _WIDE_SYMBOLS + 1))
    else:
        n_symbols = int(log_uniform(rng, 1.0, max(1.0, min(_MAX_SYMBOLS, target_rate_hz / 2)) + 1))
    if clocks_each_hz > 0:
        # What the clock sends for each symbol leaves room for the market.
        n_symbols = min(n_symbols, max(1, int(target_rate_hz / 2 / clocks_each_hz)))
    if _is_bound_by_ticks(channels):
        n_symbols = max(n_symbols, int(np.ceil(target_rate_hz / (_BUSY_TICKS * _ticks_each_hz(channels)))))
    return n_symbols


def _draw_channels(rng: np.random.Generator, mix: Mix) -> tuple[tuple[Channel, float | None], ...]:
    chosen = [channel for channel in mix.channels if rng.random() < channel.probability] or list(mix.channels[:1])
    return tuple(
        (c, None if c.ticks is None else float(rng.choice(c.ticks.period_ms) + c.ticks.excess_ms) / 1e3) for c in chosen
    )


def _with_event_rate(plan: MarketPlan, circumstances: Circumstances, wanted_hz: float) -> MarketPlan:
    if not plan.channels:  # the clock's frames may carry the counter that the market moves
        return replace(plan, event_rate_hz=wanted_hz)
    low, high = 0.01, _MAX_EVENTS_EACH * wanted_hz
    for _ in range(40):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if _message_rate_hz(plan, circumstances, middle) < wanted_hz else (low, middle)
    return replace(plan, event_rate_hz=high)


def _message_rate_hz(plan: MarketPlan, circumstances: Circumstances, event_rate_hz: float) -> float:
    """Estimate the messages a second: a tick's frame needs at least one cause, or an echo in a tick of its own."""
    total = 0.0
    for channel, period_s in plan.channels:
        share = _share(plan, channel.trigger)
        if period_s is None:
            total += event_rate_hz * share * (_mean_life_frames(plan.trade_share) if channel.complete else 1.0)
            continue
        size = circumstances.cluster_size
        echoes = (size - 1) * (1 - circumstances.instant_share) * min(1.0, circumstances.echo_s / period_s)
        hits_hz = event_rate_hz / size * share * (1 + echoes)
        batch_rate_hz = _BATCH_RATES_HZ.get(channel.ticks.pattern, _tick_rate_hz) if channel.ticks else _tick_rate_hz
        total += sum(batch_rate_hz(hits_hz * w, period_s) for w in plan.symbol_weights)
    return total


def _tick_rate_hz(hits_hz: float, period_s: float) -> float:
    """Count the ticks that have something to send."""
    return float(1 - np.exp(-hits_hz * period_s)) / period_s


def _pause_rate_hz(hits_hz: float, period_s: float) -> float:
    """Count batches: each begins with a hit, and has a busy period's mean length unless it is cut."""
    length_s = min(np.expm1(min(hits_hz * period_s, 10.0)) / hits_hz, LONGEST_BATCH * period_s)
    return float(1 / (1 / hits_hz + length_s))


def _cooldown_rate_hz(hits_hz: float, period_s: float) -> float:
    """Count batches: each waits for a period, and then for a hit."""
    return 1 / (period_s + 1 / hits_hz)


_BATCH_RATES_HZ: Final = {TickPattern.PAUSE: _pause_rate_hz, TickPattern.COOLDOWN: _cooldown_rate_hz}


def _mean_life_frames(trade_share: float) -> float:
    return 2.0 - (1 - trade_share) * (1 - NEW_ORDER_SHARE)


def _share(plan: MarketPlan, trigger: Trigger) -> float:
    trade, best = plan.trade_share, plan.best_share
    return {Trigger.BOOK: 1.0, Trigger.TRADE: trade, Trigger.BEST: trade + (1 - trade) * best}[trigger]
