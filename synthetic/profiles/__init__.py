"""The named behaviours, modules for each exchange, each value with its source beside it."""

from __future__ import annotations

from typing import Final

from synthetic.behaviour import Profile
from synthetic.profiles import binance, coinbase, kraken
from udfs.errors import ConfigError

_PROFILES: Final[tuple[Profile, ...]] = binance.PROFILES + coinbase.PROFILES + kraken.PROFILES
_TURNS: Final[tuple[Profile, ...]] = binance.TURNS + coinbase.PROFILES + kraken.PROFILES


def profiles() -> tuple[Profile, ...]:
    """List the named behaviours, those of one exchange behind each other."""
    return _PROFILES


def turns(exchange: str) -> tuple[Profile, ...]:
    """List the behaviours of an exchange in the order in which its sessions have them, again and again.

    >>> [behaviour.name for behaviour in turns("kraken")]
    ['kraken-v1-market', 'kraken-v2-market', 'kraken-orders']
    """
    return tuple(behaviour for behaviour in _TURNS if behaviour.exchange == exchange)


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
