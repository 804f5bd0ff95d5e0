"""Market-data sessions: what the market does, and what the venue's channels make of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthetic.activity import Activity, draw_activity
from synthetic.behaviour import Channel, MarketProfile, Periodic, SeqRule, TickPattern, Trigger
from synthetic.environment import Circumstances, log_uniform
from synthetic.frames import Frames, join, make_frames
from synthetic.opening import draw_opening, draw_periodics, opening_s
from synthetic.ticks import LONGEST_BATCH, last_of_batch, tick_times
from udfs.schema import MISSING, Float64Array, Int64Array, MsgType

_MAX_SYMBOLS: Final = 20
_MAX_EVENTS_EACH: Final = 30.0
_NS_PER_MS: Final = 1_000_000
_BUSY_TICKS: Final = 0.6
_ONE_STAMP_S: Final = 0.001
"""What one order trades in so short a time has one time of the venue (recorded, COINBASE__2025-11-13: 55% of the
ticker's times repeat the one before, to the microsecond)."""

_ONE_SYMBOL_SHARE: Final = 0.3
_NEW_ORDER_SHARE: Final = 0.5
"""Of the events that are not trades: what is not cancelled is placed, so that the book neither empties nor fills."""


@dataclass(frozen=True, kw_only=True)
class MarketPlan:
    """What a session has chosen before its first frame.

    Attributes
    ----------
    channels : tuple of (Channel, float or None)
        Each with its tick period in seconds, None if it does not batch.
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
    symbol_weights: tuple[float, ...]
    symbol_bytes: tuple[int, ...]
    hidden_updates: float
    trade_share: float
    best_share: float
    event_rate_hz: float


def draw_market_plan(rng: np.random.Generator, profile: MarketProfile, circumstances: Circumstances) -> MarketPlan:
    """Draw a session's subscriptions, and solve for the events that give it the rate it aims at."""
    channels = _draw_channels(rng, profile)
    n_symbols = _draw_n_symbols(rng, channels, circumstances.target_rate_hz)
    if profile.most_symbols is not None:
        n_symbols = min(n_symbols, profile.most_symbols)
    weights = np.arange(1, n_symbols + 1) ** -rng.uniform(0.3, 1.3)
    periodics = tuple(p for p in profile.periodics if rng.random() < p.probability)
    clock_rate_hz = sum((n_symbols if p.per_symbol else 1) * (1 + p.answered) / p.period_s for p in periodics)
    plan = MarketPlan(
        channels=channels,
        periodics=periodics,
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
    return _with_event_rate(plan, circumstances, wanted_hz)


def _draw_trade_share(rng: np.random.Generator, channels: tuple[tuple[Channel, float | None], ...]) -> float:
    # Recorded trades for each change of the book: 0.001 (KRAKEN__2021-04-05) and 0.006 (COINBASE__2021-04-17), for
    # each change of the best price 0.14 to 0.39 (Binance).
    trade_share = log_uniform(rng, 0.003, 0.35)
    sees_book = any(channel.trigger is not Trigger.TRADE for channel, _ in channels)
    # What a session does not see need not be drawn.
    return trade_share if sees_book else 1.0


def _draw_n_symbols(
    rng: np.random.Generator, channels: tuple[tuple[Channel, float | None], ...], target_rate_hz: float
) -> int:
    """Draw a number of symbols; a subscriber who wants more than the ticks of a few can bring takes more of them."""
    most = max(1.0, min(_MAX_SYMBOLS, target_rate_hz / 2))
    n_symbols = 1 if rng.random() < _ONE_SYMBOL_SHARE else int(log_uniform(rng, 1.0, most + 1))
    frames_each_hz = sum(1 / period_s for _, period_s in channels if period_s is not None)
    # Trades do not make up for ticks: they are the fewest of a market's events.
    if frames_each_hz > 0 and all(c.trigger is Trigger.TRADE for c, period_s in channels if period_s is None):
        n_symbols = max(n_symbols, int(np.ceil(target_rate_hz / (_BUSY_TICKS * frames_each_hz))))
    return n_symbols


def _draw_channels(rng: np.random.Generator, profile: MarketProfile) -> tuple[tuple[Channel, float | None], ...]:
    mix = profile.mixes[int(rng.integers(len(profile.mixes)))]
    chosen = [channel for channel in mix if rng.random() < channel.probability] or [mix[0]]
    return tuple(
        (c, None if c.ticks is None else float(rng.choice(c.ticks.period_ms) + c.ticks.excess_ms) / 1e3) for c in chosen
    )


def _with_event_rate(plan: MarketPlan, circumstances: Circumstances, wanted_hz: float) -> MarketPlan:
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
        pauses = channel.ticks is not None and channel.ticks.pattern is TickPattern.PAUSE
        batch_rate_hz = _pause_rate_hz if pauses else _tick_rate_hz
        total += sum(batch_rate_hz(hits_hz * w, period_s) for w in plan.symbol_weights)
    return total


def _tick_rate_hz(hits_hz: float, period_s: float) -> float:
    """Count the ticks that have something to send."""
    return float(1 - np.exp(-hits_hz * period_s)) / period_s


def _pause_rate_hz(hits_hz: float, period_s: float) -> float:
    """Count batches: each begins with a hit, and has a busy period's mean length unless it is cut."""
    length_s = min(np.expm1(min(hits_hz * period_s, 10.0)) / hits_hz, LONGEST_BATCH * period_s)
    return float(1 / (1 / hits_hz + length_s))


def _draw_life_frames(rng: np.random.Generator, is_trade: NDArray[np.bool_]) -> Int64Array:
    """Draw how many frames of an order's life an event makes: match and done, received and open, or done alone."""
    return np.where(is_trade | (rng.random(len(is_trade)) < _NEW_ORDER_SHARE), 2, 1)


def _mean_life_frames(trade_share: float) -> float:
    return 2.0 - (1 - trade_share) * (1 - _NEW_ORDER_SHARE)


def _share(plan: MarketPlan, trigger: Trigger) -> float:
    trade, best = plan.trade_share, plan.best_share
    return {Trigger.BOOK: 1.0, Trigger.TRADE: trade, Trigger.BEST: trade + (1 - trade) * best}[trigger]


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
    parts = draw_opening(rng, profile.opening, n_symbols=n_symbols, distance_s=circumstances.distance_s)
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
        msg_type=MsgType.NEW,
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
