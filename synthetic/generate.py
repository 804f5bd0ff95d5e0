"""A profile and a seed make a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from synthetic.behaviour import MarketProfile, Profile
from synthetic.environment import ORDER_RATES_HZ, Circumstances, draw_circumstances, draw_market_rates
from synthetic.format_sizes import vary_sizes
from synthetic.frames import Frames, deliver, to_session
from synthetic.market import draw_market_frames
from synthetic.market_plan import draw_market_plan
from synthetic.orders import draw_order_frames, draw_order_plan
from udfs.errors import ConfigError
from udfs.schema import SESSION_COLUMNS, Session

_SPARE = 1.3


def generate_session(
    profile: Profile,
    *,
    rng: np.random.Generator,
    start_ns: int,
    connection_id: str,
    declared_exchange: str | None = None,
    duration_s: float | None = None,
    n_messages: int | None = None,
    rate_factor: float = 1.0,
) -> Session:
    """Draw one session: its surroundings, its subscriptions, then every message.

    Parameters
    ----------
    rng : numpy.random.Generator
        The only source of chance: the same state gives the same bytes.
    start_ns : int
        When the connection opens by the host's clock, ns since the epoch.
    duration_s, n_messages
        How long it lasts, or how many messages it has: exactly one of the two.
    rate_factor : float
        How many times the messages a second that the session would have: the market or the trader is livelier and the
        subscriber may take more symbols, while the venue's clocks, its ticks and heartbeats, stay as they are.

    Raises
    ------
    ConfigError
        If both or none of `duration_s` and `n_messages` are given, or one of them or `rate_factor` is not positive.

    >>> from synthetic.profiles import profile
    >>> session = generate_session(
    ...     profile("kraken-v2-market"),
    ...     rng=np.random.default_rng(1),
    ...     start_ns=1_700_000_000_000_000_000,
    ...     connection_id="conn-0000-0001",
    ...     n_messages=100,
    ... )
    >>> len(session)
    100
    """
    _check_request(duration_s, n_messages, rate_factor)
    is_market = isinstance(profile, MarketProfile)
    circumstances = draw_circumstances(rng, draw_market_rates(rng) if is_market else ORDER_RATES_HZ)
    circumstances = replace(circumstances, target_rate_hz=rate_factor * circumstances.target_rate_hz)
    profile = vary_sizes(rng, profile)
    draw = _frame_source(rng, profile, circumstances, start_ns=start_ns)
    spacing_s = profile.frame_spacing_us / 1e6 if isinstance(profile, MarketProfile) else 0.0
    tries_s = duration_s if duration_s is not None else _SPARE * (n_messages or 0) / circumstances.target_rate_hz + 5.0
    while True:
        frames, arrivals_s = deliver(rng, draw(rng, duration_s=tries_s), circumstances, frame_spacing_s=spacing_s)
        if n_messages is None or len(frames) >= n_messages:
            break
        tries_s *= 2
    session = to_session(
        frames,
        arrivals_s,
        circumstances,
        start_ns=start_ns,
        connection_id=connection_id,
        declared_exchange=declared_exchange,
    )
    return session if n_messages is None else head(session, n_messages)


def head(session: Session, n_messages: int) -> Session:
    """Keep the first messages of a session."""
    # Copied: a slice keeps the whole session in memory, which may be hundreds of times as long.
    columns = {name: getattr(session, name)[:n_messages].copy() for name in SESSION_COLUMNS}
    return Session(connection_id=session.connection_id, declared_exchange=session.declared_exchange, **columns)


def _check_request(duration_s: float | None, n_messages: int | None, rate_factor: float) -> None:
    lengths = [length for length in (duration_s, n_messages) if length is not None]
    if len(lengths) != 1 or lengths[0] <= 0:
        raise ConfigError(
            f"Expected a positive duration_s or a positive n_messages, found {duration_s} and {n_messages}: "
            "give exactly one of them"
        )
    if rate_factor <= 0:
        raise ConfigError(f"Expected a positive rate_factor, found {rate_factor}: correct it")


def _frame_source(
    rng: np.random.Generator, profile: Profile, circumstances: Circumstances, *, start_ns: int
) -> Callable[..., Frames]:
    """Draw the plan, which holds for the session's whole life, and return what draws frames by it."""
    if isinstance(profile, MarketProfile):
        return partial(
            draw_market_frames,
            profile=profile,
            plan=draw_market_plan(rng, profile, circumstances),
            circumstances=circumstances,
            start_ns=start_ns,
        )
    return partial(
        draw_order_frames,
        profile=profile,
        plan=draw_order_plan(rng, profile, circumstances),
        circumstances=circumstances,
        start_ns=start_ns,
    )
