"""What a feature's value means, in a sentence that compares it with what two classes typically show."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Final

from udfs.features import FEATURES
from udfs.features.phrase import Phrase
from udfs.schema import UNKNOWN

TypicalRange = Sequence[float] | None
"""The 10%, 50% and 90% quantiles of a class; None where no window of it defines the feature."""

_CLASS_WORDS: Final = {UNKNOWN: "unknown venues"}
_PHRASES: Final = {feature.name: feature.phrase for feature in FEATURES}
_ROUNDING: Final = 5e-7
"""Quantiles are kept with six decimals."""


def class_words(name: str) -> str:
    """Name a class in a sentence.

    >>> class_words("kraken"), class_words("unknown")
    ('kraken', 'unknown venues')
    """
    return _CLASS_WORDS.get(name, name)


def describe(name: str, value: float, typical: Sequence[tuple[str, TypicalRange]]) -> str:
    """Say what a feature shows, of which classes that is typical, and what is typical of the others.

    Where it is typical of all, their medians tell them apart.

    Parameters
    ----------
    name : str
        One of `udfs.features.FEATURES`.
    value : float
        NaN where undefined.
    typical : sequence of (str, sequence of float or None)
        Each class that is compared with, and its typical range: from its 10% to its 90% quantile.

    Examples
    --------
    >>> describe("type_heartbeat_share", 0.016, [("kraken", [0.01, 0.02, 0.05]), ("binance", [0.0, 0.0, 0.0])])
    '1.6% of the messages are heartbeats, as with kraken (1% to 5%); binance: none'
    >>> describe("seq_jump_share", 0.63, [("binance", [0.7, 0.8, 0.89]), ("coinbase", [0.0, 0.0, 0.0])])
    'sequence numbers skip in 63% of the steps; binance: 70% to 89%; coinbase: never'
    >>> describe("seq_jump_share", float("nan"), [("kraken", None), ("coinbase", [0.0, 0.0, 0.0])])
    'fewer than two messages carry a sequence number, as with kraken; coinbase: sequence numbers never skip'
    >>> describe("seq_jump_share", 0.63, [("binance", [0.5, 0.8, 1.0]), ("kraken", [0.0, 0.1, 0.8])])
    'sequence numbers skip in 63% of the steps; binance: 50% to 100%, median 80%; kraken: 0% to 80%, median 10%'
    """
    phrase = _PHRASES[name]
    if isnan(value):
        alike = [class_words(whose) for whose, bounds in typical if bounds is None]
        others = [
            f"{class_words(whose)}: {phrase.sentence(bounds[1] or bounds[-1], _range(phrase, bounds))}"
            for whose, bounds in typical
            if bounds is not None
        ]
        said = phrase.absent
    else:
        fits = [_is_within(value, bounds) for _, bounds in typical]
        with_median, named = len(typical) > 1 and all(fits), zip(typical, fits, strict=True)
        ranges = [(class_words(w), _range(phrase, bounds, with_median), fit) for (w, bounds), fit in named]
        alike = [f"{whose} ({bounds})" for whose, bounds, fit in ranges if fit and not with_median]
        others = [f"{whose}: {bounds}" for whose, bounds, fit in ranges if with_median or not fit]
        said = phrase.sentence(value, phrase.number(value))
    return "; ".join([f"{said}, as with {' and '.join(alike)}" if alike else said, *others])


def _is_within(value: float, bounds: TypicalRange) -> bool:
    return bounds is not None and bounds[0] - _ROUNDING <= value <= bounds[-1] + _ROUNDING


def _range(phrase: Phrase, bounds: TypicalRange, with_median: bool = False) -> str:
    if bounds is None:
        return phrase.undefined
    low, median, high = map(phrase.number, bounds)
    if phrase.nothing and bounds[-1] == 0:
        return phrase.nothing
    if low == high:
        return low
    number, _, unit = low.partition(" ")
    written = f"{number if unit and high.endswith(f' {unit}') else low} to {high}"
    return f"{written}, median {median}" if with_median else written
