"""Synthetic unknown venues: sessions of venues that do not exist, from which a model learns what it does not know.

Every number here is assumed, drawn from ranges that enclose what the public interface documentation of some thirty
venues says of batching, heartbeats and sequences. Surroundings and rates are drawn as for the known venues, so that
only behaviour tells them apart.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from synthetic.behaviour import (
    AckShape,
    Channel,
    IdleHeartbeat,
    MarketProfile,
    Mix,
    Opening,
    OrderProfile,
    Periodic,
    Profile,
    Reports,
    SeqRule,
    TickPattern,
    Ticks,
    Trigger,
)
from synthetic.environment import log_uniform
from synthetic.generate import generate_session
from synthetic.open_world.altered_profiles import SEQ_RULES, TIME_STEPS_NS, draw_altered_profile
from synthetic.open_world.resemblance import resembles_a_known_venue
from synthetic.sessions import LabelledSession
from udfs.schema import UNKNOWN, MsgType

_STREAM: Final = 2**32 - 1
"""Keeps the unknown venues' seeds apart from those of the exchanges, which use their positions."""

_MARKET_SHARE: Final = 0.85
_CLOCKWORK_SHARE: Final = 0.12
"""Of all: a poller, a simulator, somebody's first program."""
_ALTERED_SHARE: Final = 0.4
"""Of the market-data feeds."""

_FIX_SHARE: Final = 0.3
"""Of the order-entry sessions."""

_HEARTBEAT_SHARE: Final = 0.55
_NUMBERED_SHARE: Final = 0.5
_BATCHED_SHARE: Final = 0.55

_PERIODS_S: Final = (0.5, 1.0, 2.0, 2.5, 3.0, 5.0, 6.0, 10.0, 15.0, 18.0, 20.0, 25.0, 30.0, 45.0, 60.0)
_TICKS_MS: Final = (5.0, 10.0, 20.0, 25.0, 40.0, 50.0, 100.0, 200.0, 250.0, 300.0, 400.0, 500.0, 1000.0, 2000.0)
_TICK_PATTERNS: Final = (
    *(TickPattern.GRID, TickPattern.GRID, TickPattern.SUCCESSION),
    *(TickPattern.PAUSE, TickPattern.COOLDOWN),
)
_TRIGGERS: Final = (Trigger.BOOK, Trigger.BOOK, Trigger.TRADE, Trigger.BEST)
_LAGGING_SHARE: Final = 0.6
_COMPLETE_NUMBERS_SHARE: Final = 0.5
_BEAT_TYPES: Final = (MsgType.HEARTBEAT, MsgType.HEARTBEAT, MsgType.HEARTBEAT, MsgType.OTHER, MsgType.NEW)


_NO_OPENING: Final = Opening(
    greeting=False,
    subscribe_probability=0.0,
    acknowledged=False,
    ack_per_symbol=False,
    ack_has_request_id=False,
    snapshot_bytes=0,
)


def unknown_venue_sessions(
    *, n: int, seed: int, start_ns: int, duration_s: float | None = None, n_messages: int | None = None
) -> list[LabelledSession]:
    """Draw sessions of as many venues that do not exist, declaring nothing; their exchange is `UNKNOWN`.

    The k-th session depends on `seed` and k only, whatever `n` is. Connection ids are numbered downwards from 9999, so
    that they do not meet those of `synthetic_sessions`.

    Raises
    ------
    ConfigError
        If the length is not given as `generate_session` wants it.

    >>> drawn = unknown_venue_sessions(n=2, seed=1, start_ns=0, n_messages=50)
    >>> [(d.exchange, d.profile, len(d.session)) for d in drawn]
    [('unknown', 'unknown-venue-1-0', 50), ('unknown', 'unknown-venue-1-1', 50)]
    """
    return [
        _unknown_venue_session(k, seed=seed, start_ns=start_ns, duration_s=duration_s, n_messages=n_messages)
        for k in range(n)
    ]


def _unknown_venue_session(
    k: int, *, seed: int, start_ns: int, duration_s: float | None, n_messages: int | None
) -> LabelledSession:
    rng = np.random.default_rng((seed, _STREAM, k))
    behaviour = replace(draw_unknown_profile(rng), name=f"unknown-venue-{seed}-{k}", exchange=UNKNOWN)
    session = generate_session(
        behaviour,
        rng=rng,
        start_ns=start_ns,
        connection_id=f"conn-{(-1 - k) % 10_000:04d}-{int(rng.integers(16**4)):04x}",
        duration_s=duration_s,
        n_messages=n_messages,
    )
    return LabelledSession(session=session, exchange=UNKNOWN, profile=behaviour.name)


def draw_unknown_profile(rng: np.random.Generator) -> Profile:
    """Draw how a venue that does not exist behaves: mostly a market-data feed, else order entry.

    Everything is fixed but what `generate_session` draws for each session. A behaviour in which a session of a known
    venue might be recognized is thrown away and drawn anew (`resembles_a_known_venue`), so that no label is wrong by
    chance. But a session of FIX looks as one of Coinbase's does, whoever's it is: only its sizes and latencies are its
    venue's own.
    """
    while True:
        place = rng.random()
        is_market = place < _MARKET_SHARE
        if not is_market and rng.random() < _FIX_SHARE:
            return _draw_fix_profile(rng)
        if place < _CLOCKWORK_SHARE:
            profile: Profile = _draw_clockwork_profile(rng)
        else:
            profile = _draw_any_market(rng) if is_market else _draw_order_profile(rng)
        if not resembles_a_known_venue(profile):
            return profile


def _draw_clockwork_profile(rng: np.random.Generator) -> MarketProfile:
    """Draw a feed that the clock sends, whatever a market does: data events at a period, and a heartbeat or none."""
    rule = SeqRule.CONNECTION if rng.random() < 0.3 else SeqRule.NONE
    step_ns = TIME_STEPS_NS[int(rng.integers(len(TIME_STEPS_NS)))] if rng.random() < 0.3 else None
    period_s, payload_bytes = log_uniform(rng, 0.002, 2.0), log_uniform(rng, 40.0, 1500.0)
    data = Periodic(
        name="clock-data",
        msg_type=MsgType.NEW,
        period_s=period_s,
        jitter_ms=0.0 if rng.random() < 0.5 else 1e3 * period_s * log_uniform(rng, 0.0005, 0.15),
        utc_aligned=rng.random() < 0.25,
        seq=rule,
        payload_bytes=int(payload_bytes),
        spread_bytes=0.0 if rng.random() < 0.5 else payload_bytes * rng.uniform(0.02, 0.4),
        exchange_time_ns=step_ns,
    )
    # A program that has no second clock makes a heartbeat of each tenth message, say.
    beat = replace(data, name="clock-beat", msg_type=MsgType.HEARTBEAT, period_s=period_s * float(rng.integers(5, 51)))
    return MarketProfile(
        name="unknown-clockwork",
        exchange=UNKNOWN,
        mixes=(Mix(name="clockwork", periodics=(data,)),),
        periodics=(beat,) if rng.random() < 0.3 else _draw_periodics(rng, SeqRule.NONE, step_ns),
        opening=_draw_opening(rng, rule) if rng.random() < 0.3 else _NO_OPENING,
        hidden_updates=0.0,
    )


def _draw_any_market(rng: np.random.Generator) -> MarketProfile:
    return draw_altered_profile(rng) if rng.random() < _ALTERED_SHARE else _draw_market_profile(rng)


def _draw_market_profile(rng: np.random.Generator) -> MarketProfile:
    rule, first_id = _draw_seq_rule(rng), log_uniform(rng, 1.0, 1e9)
    step_ns = TIME_STEPS_NS[int(rng.integers(len(TIME_STEPS_NS)))]
    return MarketProfile(
        name="unknown-market",
        exchange=UNKNOWN,
        mixes=(Mix(name="unknown", channels=_draw_channels(rng, rule, step_ns)),),
        periodics=_draw_periodics(rng, rule, step_ns),
        opening=_draw_opening(rng, rule),
        hidden_updates=0.0 if rng.random() < _COMPLETE_NUMBERS_SHARE else log_uniform(rng, 0.1, 200.0),
        hidden_by_trade=int(rng.choice([0, 0, 0, 1, 2])),
        frame_spacing_us=0.0 if rng.random() < 0.7 else log_uniform(rng, 10.0, 500.0),
        most_symbols=int(log_uniform(rng, 5.0, 100.0)),
        first_ids=(first_id, 1e4 * first_id),
        venue_ids_hz=log_uniform(rng, 20.0, 200_000.0),
    )


def _draw_seq_rule(rng: np.random.Generator) -> SeqRule:
    if rng.random() >= _NUMBERED_SHARE:
        return SeqRule.NONE
    return SEQ_RULES[int(rng.integers(len(SEQ_RULES)))]


def _draw_channels(rng: np.random.Generator, rule: SeqRule, step_ns: int | None) -> tuple[Channel, ...]:
    """Draw one to four channels; of a venue that numbers its frames, the first one's are numbered."""
    ticks = _draw_ticks(rng) if rng.random() < _BATCHED_SHARE else None
    lag_ms = log_uniform(rng, 0.02, 1000.0) if rng.random() < _LAGGING_SHARE else 0.0
    return tuple(
        _draw_channel(
            rng,
            position,
            lag_ms=lag_ms if rng.random() < 0.8 else 0.0,
            ticks=_vary(rng, ticks),
            rule=rule if position == 0 or rng.random() < 0.7 else SeqRule.NONE,
            step_ns=step_ns,
        )
        for position in range(int(rng.integers(1, 5)))
    )


def _draw_channel(
    rng: np.random.Generator,
    position: int,
    *,
    lag_ms: float,
    ticks: Ticks | None,
    rule: SeqRule,
    step_ns: int | None,
) -> Channel:
    can_be_complete = ticks is None and rule in (SeqRule.NONE, SeqRule.SYMBOL, SeqRule.CONNECTION)
    return Channel(
        name=f"channel-{position}",
        trigger=_TRIGGERS[int(rng.integers(len(_TRIGGERS)))],
        ticks=ticks,
        seq=rule,
        complete=can_be_complete and rng.random() < 0.15,
        payload_bytes=int(log_uniform(rng, 60.0, 1500.0)),
        level_bytes=0 if ticks is None else int(log_uniform(rng, 10.0, 80.0)),
        exchange_time_ns=step_ns if rng.random() < 0.85 else None,
        time_lag_ms=lag_ms,
    )


def _vary(rng: np.random.Generator, ticks: Ticks | None) -> Ticks | None:
    """Draw how one of a venue's channels batches: mostly as the others do, else not at all or in a way of its own."""
    place = rng.random()
    if ticks is None or place < 0.6:
        return ticks
    return None if place < 0.8 else _draw_ticks(rng)


def _draw_ticks(rng: np.random.Generator) -> Ticks:
    period_ms = float(rng.choice(_TICKS_MS)) if rng.random() < 0.7 else log_uniform(rng, 5.0, 2000.0)
    return Ticks(
        pattern=_TICK_PATTERNS[int(rng.integers(len(_TICK_PATTERNS)))],
        period_ms=(period_ms,),
        excess_ms=0.0 if rng.random() < 0.5 else period_ms * log_uniform(rng, 0.0001, 0.03),
        jitter_ms=min(log_uniform(rng, 0.05, 10.0), 0.15 * period_ms),
    )


def _draw_periodics(rng: np.random.Generator, rule: SeqRule, step_ns: int | None) -> tuple[Periodic, ...]:
    """Draw what the clock sends: a heartbeat or none, seldom a second one."""
    if rng.random() >= _HEARTBEAT_SHARE:
        return ()
    return tuple(_draw_periodic(rng, position, rule, step_ns) for position in range(1 + (rng.random() < 0.2)))


def _draw_periodic(rng: np.random.Generator, position: int, rule: SeqRule, step_ns: int | None) -> Periodic:
    period_s = float(rng.choice(_PERIODS_S)) if rng.random() < 0.6 else log_uniform(rng, 0.5, 60.0)
    msg_type = _BEAT_TYPES[int(rng.integers(len(_BEAT_TYPES)))]
    countable = rule in (SeqRule.SYMBOL, SeqRule.CONNECTION)
    return Periodic(
        name=f"clock-{position}",
        msg_type=msg_type,
        period_s=period_s,
        jitter_ms=min(log_uniform(rng, 0.5, 100.0), 20.0 * period_s),
        per_symbol=rng.random() < 0.2,
        utc_aligned=rng.random() < 0.25,
        answered=msg_type is MsgType.HEARTBEAT and rng.random() < 0.3,
        seq=rule if countable and rng.random() < 0.4 else SeqRule.NONE,
        payload_bytes=int(log_uniform(rng, 4.0, 300.0)),
        exchange_time_ns=step_ns if rng.random() < 0.5 else None,
    )


def _draw_opening(rng: np.random.Generator, rule: SeqRule) -> Opening:
    """Draw the first frames; a venue that is asked for each symbol does not answer each request for all of them."""
    is_asked_often = rng.random() < 0.4
    return Opening(
        greeting=rng.random() < 0.5,
        subscribe_probability=0.8,
        most_requests=int(log_uniform(rng, 4.0, 41.0)) if is_asked_often else int(rng.integers(1, 4)),
        acknowledged=rng.random() < 0.8,
        ack_per_symbol=not is_asked_often and rng.random() < 0.5,
        ack_has_request_id=rng.random() < 0.5,
        snapshot_bytes=0 if rng.random() < 0.5 else int(log_uniform(rng, 300.0, 200_000.0)),
        seq=rule if rule is SeqRule.CONNECTION and rng.random() < 0.7 else SeqRule.NONE,
    )


def _draw_order_profile(rng: np.random.Generator) -> OrderProfile:
    rule = SeqRule.CONNECTION if rng.random() < _NUMBERED_SHARE else SeqRule.NONE
    step_ns = int(rng.choice([1, 1_000, 1_000_000, 1_000_000]))
    return OrderProfile(
        name="unknown-orders",
        exchange=UNKNOWN,
        ack=_draw_ack_shape(rng),
        reports=_draw_reports(rng, rule),
        periodics=_draw_periodics(rng, rule, step_ns),
        idle_heartbeat=_draw_idle_heartbeat(rng),
        opening=replace(_draw_opening(rng, rule), snapshot_bytes=0, most_requests=int(rng.integers(1, 4))),
        seq=rule if rng.random() < 0.7 else SeqRule.NONE,
        counter_ids=rng.random() < 0.5,
        request_bytes=int(log_uniform(rng, 80.0, 700.0)),
        ack_bytes=int(log_uniform(rng, 40.0, 900.0)),
        nack_bytes=int(log_uniform(rng, 40.0, 500.0)),
        exchange_time_ns=step_ns,
    )


def _draw_fix_profile(rng: np.random.Generator) -> OrderProfile:
    """Draw another venue's session of FIX: what the protocol fixes, sizes and latencies of its own.

    FIX 4.2 and 5.0 SP2: a Logon first, one MsgSeqNum for all that a side sends, heartbeats when it is silent;
    SendingTime to the second or the millisecond, finer since 5.0 SP2. An ExecutionReport may say Pending New before
    New.
    """
    ack_bytes, n_pending = log_uniform(rng, 130.0, 600.0), int(rng.integers(0, 2))
    reports = Reports(
        name="ExecutionReport",
        probability=1.0,
        placed=n_pending,
        cancelled=n_pending,
        traded=1,
        completed=0,
        seq=SeqRule.CONNECTION,
        payload_bytes=int(ack_bytes * log_uniform(rng, 0.9, 1.4)),
    )
    return OrderProfile(
        name="unknown-fix-orders",
        exchange=UNKNOWN,
        ack=_draw_ack_shape(rng),
        reports=(reports,),
        periodics=(),
        idle_heartbeat=IdleHeartbeat(
            period_s=(float(rng.choice([5.0, 10.0, 20.0, 30.0, 30.0, 60.0])),),
            payload_bytes=int(log_uniform(rng, 55.0, 130.0)),
        ),
        opening=Opening(
            greeting=False,
            subscribe_probability=1.0,
            most_requests=1,
            ack_per_symbol=False,
            ack_has_request_id=False,
            snapshot_bytes=0,
            seq=SeqRule.CONNECTION,
        ),
        seq=SeqRule.CONNECTION,
        counter_ids=rng.random() < 0.5,
        request_bytes=int(log_uniform(rng, 110.0, 400.0)),
        ack_bytes=int(ack_bytes),
        nack_bytes=int(log_uniform(rng, 110.0, 400.0)),
        exchange_time_ns=int(rng.choice([1_000_000_000, 1_000_000, 1_000_000, 1_000, 1])),
    )


def _draw_ack_shape(rng: np.random.Generator) -> AckShape:
    """Draw one venue's latencies from a wider space than the known venues cover together."""
    median = log_uniform(rng, 0.02, 3.0)
    sigma, slow_share, slow_factor = rng.uniform(0.05, 1.2), rng.uniform(0.0, 0.3), log_uniform(rng, 1.3, 12.0)
    return AckShape(
        service_median=(median, 1.5 * median),
        service_sigma=(sigma, 1.2 * sigma),
        slow_share=(slow_share, 1.2 * slow_share),
        slow_factor=(slow_factor, 1.2 * slow_factor),
        slow_sigma=rng.uniform(0.1, 0.8),
    )


def _draw_reports(rng: np.random.Generator, rule: SeqRule) -> tuple[Reports, ...]:
    if rng.random() < 0.3:
        return ()
    reports = Reports(
        name="reports",
        probability=1.0,
        placed=int(rng.integers(0, 4)),
        cancelled=int(rng.integers(0, 4)),
        traded=int(rng.integers(1, 4)),
        completed=int(rng.integers(0, 2)),
        seq=rule if rng.random() < 0.8 else SeqRule.NONE,
        payload_bytes=int(log_uniform(rng, 100.0, 900.0)),
    )
    return (reports,)


def _draw_idle_heartbeat(rng: np.random.Generator) -> IdleHeartbeat | None:
    if rng.random() >= 0.25:
        return None
    return IdleHeartbeat(period_s=(log_uniform(rng, 2.0, 60.0),), payload_bytes=int(log_uniform(rng, 4.0, 200.0)))
