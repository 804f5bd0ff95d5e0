"""What a feature's value means, in a sentence that compares it with what a class typically shows."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Final

from udfs.features import FEATURES
from udfs.features.phrase import Phrase
from udfs.schema import UNKNOWN

_CLASS_WORDS: Final = {UNKNOWN: "unknown venues"}
_PHRASES: Final = {feature.name: feature.phrase for feature in FEATURES}


def describe(name: str, value: float, against: str, typical: Sequence[float] | None) -> str:
    """Say what a feature shows and what is typical of a class.

    Parameters
    ----------
    name : str
        One of `udfs.features.FEATURES`.
    value : float
        NaN where undefined.
    against : str
        The class.
    typical : sequence of float or None
        Its 10%, 50% and 90% quantiles.

    Examples
    --------
    >>> describe("type_heartbeat_share", 0.016, "binance", [0.0, 0.0, 0.0])
    '1.6% of the messages are heartbeats; binance: none'
    >>> describe("arrival_tick_alignment_100ms", 0.93, "kraken", [0.1, 0.2, 0.3])
    'arrivals keep to a 100 ms clock (alignment 0.93); kraken: 0.10 to 0.30'
    >>> describe("seq_jump_share", float("nan"), "coinbase", [0.0, 0.1, 0.25])
    'messages carry no sequence numbers to compare; coinbase: 0% to 25% of the sequence steps leave numbers out'
    """
    phrase = _PHRASES[name]
    whose, typically = _CLASS_WORDS.get(against, against), _range(phrase, typical)
    if not isnan(value):
        return f"{phrase.sentence(value, phrase.written(value))}; {whose}: {typically}"
    if typical is None:
        return f"{phrase.absent}; {whose}: the same"
    return f"{phrase.absent}; {whose}: {phrase.sentence(typical[1], typically)}"


def _range(phrase: Phrase, typical: Sequence[float] | None) -> str:
    if typical is None:
        return phrase.undefined
    low, high = phrase.number(typical[0]), phrase.number(typical[-1])
    if phrase.nothing and typical[-1] == 0:
        return phrase.nothing
    return low if low == high else f"{low} to {high}"
