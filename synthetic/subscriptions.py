"""Every subscription that is written down, and sessions that have it: channels alone, and the usual mixes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from synthetic.behaviour import MarketProfile, Profile
from synthetic.generate import generate_session
from synthetic.profiles import profiles
from synthetic.sessions import LabelledSession

ORDER_ENTRY: Final = "order entry"
"""Stands for the channels of sessions that have none."""


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """What a client of one interface subscribes to.

    Attributes
    ----------
    interface : str
        The profile's name, such as binance-usdm-market.
    channels : str
        The mix's name: one channel, or several joined by " + ".
    behaviour : Profile
        The profile, narrowed to this mix.
    """

    exchange: str
    interface: str
    channels: str
    behaviour: Profile


def subscriptions() -> tuple[Subscription, ...]:
    """List what sessions of the known exchanges may have subscribed to, in the order of their profiles.

    >>> [s.channels for s in subscriptions() if s.interface == "kraken-v1-market"][:3]
    ['book + trade + ticker', 'ohlc + spread + trade', 'book']
    """
    return tuple(subscription for profile in profiles() for subscription in _of_profile(profile))


def _of_profile(profile: Profile) -> Iterator[Subscription]:
    if not isinstance(profile, MarketProfile):
        yield Subscription(exchange=profile.exchange, interface=profile.name, channels=ORDER_ENTRY, behaviour=profile)
        return
    for mix in profile.mixes:
        yield Subscription(
            exchange=profile.exchange,
            interface=profile.name,
            channels=mix.name,
            behaviour=replace(profile, mixes=(mix,)),
        )


def subscribed_sessions(
    subscription: Subscription, *, n: int, seed: int, start_ns: int, n_messages: int
) -> list[LabelledSession]:
    """Draw sessions of one subscription, each declaring the exchange it comes from.

    The k-th depends on `seed`, k and the subscription's names only.
    """
    number = zlib.crc32(f"{subscription.interface} {subscription.channels}".encode())
    return [
        LabelledSession(
            session=generate_session(
                subscription.behaviour,
                rng=np.random.default_rng((seed, number, k)),
                start_ns=start_ns,
                connection_id=f"{subscription.interface} {subscription.channels} {k}",
                declared_exchange=subscription.exchange,
                n_messages=n_messages,
            ),
            exchange=subscription.exchange,
            profile=subscription.interface,
        )
        for k in range(n)
    ]
