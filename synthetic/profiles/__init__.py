"""The named behaviours, a module for each exchange, each value with its source beside it."""

from __future__ import annotations

from typing import Final

from synthetic.behaviour import Profile
from synthetic.profiles import binance, coinbase, kraken
from udfs.errors import ConfigError

_PROFILES: Final[tuple[Profile, ...]] = binance.PROFILES + coinbase.PROFILES + kraken.PROFILES


def profiles() -> tuple[Profile, ...]:
    """List the named behaviours, three for each exchange."""
    return _PROFILES


def profile(name: str) -> Profile:
    """Find a behaviour by its name.

    Raises
    ------
    ConfigError
        If there is none of that name.

    >>> profile("kraken-orders").exchange
    'kraken'
    """
    for candidate in _PROFILES:
        if candidate.name == name:
            return candidate
    names = ", ".join(p.name for p in _PROFILES)
    raise ConfigError(f"Expected the name of a synthetic profile, found {name!r}: choose one of {names}")
