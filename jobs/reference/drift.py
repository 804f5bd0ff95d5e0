"""Whether a connection's rate is still that of its own earlier windows: the rule of the job, in Python.

Between the ends of two neighbouring windows lie 25 messages that no other pair has between it. Of these times the
logarithms are taken, in blocks of eight: the mean of the latest four blocks is compared with the ninth to forty-eighth
block before the present, in units of how much means of four blocks differed among those. At the block at which that is
first too much the change is told, and all is learnt anew.

The job computes the same bits: logarithms and their sums are integers, and what is made of them takes only operations
that IEEE 754 rounds in one way, one after the other as in `Drift.java`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from udfs.schema import WINDOW_SLIDE

N_IN_BLOCK: Final = 8
"""Windows."""

N_NOW, N_GAP, N_BACK, N_LEAST = 4, 8, 48, 16
"""Blocks: now, up to where those before end, up to where they begin, and how many of them there must be."""

SCORE_LIMIT: Final = 3.0

LOG_BITS: Final = 14
"""Logarithms are to base 2, in units of 2 to the minus 14."""

LEVEL_UNITS: Final = N_NOW * N_IN_BLOCK << LOG_BITS
"""By so much the sums over two times `N_NOW` blocks differ if one rate is twice the other."""

MANTISSA_BITS: Final = 30
RATIO_BITS: Final = 20
LN_2: Final = 0.6931471805599453
LEAST_INTERVAL_NS: Final = 1_000
LEAST_SPREAD: Final = 15_128.0
LEAST_DIFFERENCE: Final = 168_783.0
"""Sums over `N_NOW` blocks that differ by 2% and 25%."""

Place = tuple[int, int]
"""Receive time and offset of a message."""


@dataclass(frozen=True)
class Comparison:
    """How the latest blocks compare with earlier ones, in sums of logarithms over `N_NOW` blocks.

    Attributes
    ----------
    difference : float
        By how much the sums differ.
    variance : float
        Of such sums, before.
    score : float
        The difference as a standard normal deviate.
    """

    difference: float
    variance: float
    score: float

    @property
    def is_change(self) -> bool:
        """Whether it counts."""
        return self.score > SCORE_LIMIT and abs(self.difference) > LEAST_DIFFERENCE


@dataclass(frozen=True)
class Change:
    """A change of the rate: where it began, messages per second before and since, and how much it stands out."""

    since: Place
    rate_before: float
    rate_now: float
    score: float


@dataclass
class Drift:
    """The windows of one segment of a connection since its last change."""

    blocks: list[int] = field(default_factory=list)
    _begins: list[Place] = field(default_factory=list)
    _last_ns: int = 0
    _logarithms: list[int] = field(default_factory=list)

    def take(self, place: Place) -> Change | None:
        """Take in the last message of a window; say what it shows to have changed."""
        if not self._begins:
            self._begins.append(place)
        else:
            self._logarithms.append(log2(max(LEAST_INTERVAL_NS, place[0] - self._last_ns)))
        self._last_ns = place[0]
        if len(self._logarithms) < N_IN_BLOCK:
            return None
        self.blocks.append(sum(self._logarithms))
        self._logarithms = []
        change = self._change()
        if change:
            self.blocks, self._begins = [], []
        self._begins.append(place)
        return change

    def _change(self) -> Change | None:
        compared = compare(self.blocks)
        if compared is None or not compared.is_change:
            return None
        n_since = _blocks_since(self.blocks)
        rates = _rate(self.blocks[-N_BACK:-N_GAP]), _rate(self.blocks[-n_since:])
        return Change(self._begins[-n_since], *rates, compared.score)


def compare(blocks: Sequence[int]) -> Comparison | None:
    """Compare the last blocks, sums of logarithms each, with the earlier ones; None if there are too few."""
    before, now = blocks[-N_BACK:-N_GAP], sum(blocks[-N_NOW:])
    n = len(before)
    if n < N_LEAST:
        return None
    difference = (n * now - N_NOW * sum(before)) / n
    among_levels = _variance([sum(before[i : i + N_NOW]) for i in range(n - N_NOW + 1)]) * n / (n - N_NOW)
    variance = max(among_levels, _variance(before) * N_NOW, LEAST_SPREAD * LEAST_SPREAD)
    return Comparison(difference, variance, _score(abs(difference), variance, n / N_NOW))


def _variance(sums: Sequence[int]) -> float:
    n = len(sums)
    # Rounded before it is divided, as a long is in Java; a quotient of integers would be rounded once.
    return float(n * sum(x * x for x in sums) - sum(sums) ** 2) / (n * n)


def _score(difference: float, variance: float, n_parts: float) -> float:
    """Wallace (1959): as far out in the normal distribution as the difference in its own units is in Student's."""
    freedoms = n_parts - 1
    t2 = difference * difference / (variance * (1 + 1 / n_parts))
    ratio = int((1 + t2 / freedoms) * (1 << RATIO_BITS))
    logarithm = LN_2 * (log2(ratio) / (1 << LOG_BITS) - RATIO_BITS)
    return (8 * freedoms + 1) / (8 * freedoms + 3) * math.sqrt(freedoms * logarithm)


def _blocks_since(blocks: Sequence[int]) -> int:
    """Count the blocks since the change: up to the split that parts what is nearer to now from what is to before."""
    before, now = blocks[-N_BACK:-N_GAP], sum(blocks[-N_NOW:])
    n = len(before)
    middle = N_NOW * sum(before) + n * now
    sign = 1 if n * now > N_NOW * sum(before) else -1
    gains = [sign * sum(2 * N_NOW * n * x - middle for x in blocks[-ago:]) for ago in range(1, N_GAP + 1)]
    return gains.index(max(gains)) + 1


def _rate(blocks: Sequence[int]) -> float:
    """Return the messages per second of blocks, whose windows end so far apart."""
    logarithm, interval_ns = sum(blocks) / (len(blocks) * N_IN_BLOCK), 0
    for bit in range(62, -1, -1):
        if log2(interval_ns | 1 << bit) <= logarithm:
            interval_ns |= 1 << bit
    return WINDOW_SLIDE * 1e9 / interval_ns


def log2(number: int) -> int:
    """Return the logarithm to base 2 of a number from 1 on, in units of 2 to the minus `LOG_BITS`, rounded down.

    Bit by bit: the square of a number has twice its logarithm.

    >>> log2(1), log2(1024) / 2**14, log2(25 * 10**9) / 2**14
    (0, 10.0, 34.54119873046875)
    """
    log = number.bit_length() - 1
    mantissa = (number << MANTISSA_BITS) >> log
    for _ in range(LOG_BITS):
        mantissa = mantissa * mantissa >> MANTISSA_BITS
        carry = mantissa >> (MANTISSA_BITS + 1)
        mantissa >>= carry
        log = 2 * log + carry
    return log
