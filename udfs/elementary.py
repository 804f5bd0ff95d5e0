"""Elementary functions whose results have the same bits on every processor.

The mathematical libraries of NumPy and of the system choose their code by what the processor can do, and the last bit
of what they return goes with it: a job that is taken over by another machine would write other rows. Here is nothing
but what IEEE 754 rounds in one way: additions, multiplications, divisions, roundings to whole numbers, powers of two.
NumPy rounds after each; the job's Java, which has a twin of `exponential`, has done so since 17.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from udfs.schema import Float64Array

LOG_2_E: Final = 1.4426950408889634
LN_2_HIGH: Final = 0.6931471803691238
LN_2_LOW: Final = 1.9082149292705877e-10
"""The logarithm of 2 in two parts. The first has so few digits that its products with small whole numbers are exact."""

EXP_TERMS: Final = 14
"""The last term of the series; the next one is below the last bit, as what it is taken of is at most ln(2) / 2."""

_LEAST_EXPONENT: Final = -700.0
"""Below it, e to that power would be near the smallest numbers, which have fewer bits; nobody can tell them from 0."""

_LOG_TERMS: Final = 10
"""Of the series of the logarithm; the next one is below the last bit, as what it is taken of is at most 0.172."""

_SQRT_HALF: Final = 0.7071067811865476
_LOG_10_E: Final = 0.4342944819032518


def exponential(x: Float64Array) -> Float64Array:
    """Raise e to powers of at most 700; powers below -700 count as -700.

    Source: Muller, Elementary Functions (2016), 11.2: the power is split into doublings and a rest, of which the series
    is taken.

    >>> exponential(np.array([0.0, 1.0])).round(14).tolist()
    [1.0, 2.71828182845905]
    """
    x = np.maximum(x, _LEAST_EXPONENT)
    doublings = np.rint(x * LOG_2_E)
    rest = (x - doublings * LN_2_HIGH) - doublings * LN_2_LOW
    power: Float64Array = np.zeros_like(rest)
    for n in range(EXP_TERMS, -1, -1):
        power *= rest
        power += 1 / math.factorial(n)
    powers: Float64Array = np.ldexp(power, doublings.astype(np.int32))
    return powers


def natural_logarithm(x: Float64Array) -> Float64Array:
    """Take the natural logarithm of positive numbers to within one unit in the last place; NaN stays NaN.

    Source: Muller, Elementary Functions (2016), 11.3: ``ln(2**e (1 + f)) = e ln 2 + 2 artanh(f / (2 + f))``, of which
    the series is taken.

    >>> natural_logarithm(np.array([1.0, 10.0, np.nan])).round(15).tolist()
    [0.0, 2.302585092994046, nan]
    """
    mantissas, exponents = np.frexp(x)
    is_low = mantissas < _SQRT_HALF
    beyond_1 = np.where(is_low, 2 * mantissas, mantissas) - 1
    doublings = exponents - is_low.astype(np.float64)
    ratios = beyond_1 / (2 + beyond_1)
    squares = ratios * ratios
    series: Float64Array = np.zeros_like(ratios)
    for n in range(_LOG_TERMS, 0, -1):
        series += 2 / (2 * n + 1)
        series *= squares
    # ln(1 + f) is f - f**2 / 2 and a small rest: what is small is added up first.
    half_square = 0.5 * beyond_1 * beyond_1
    rest = ratios * (half_square + series) + doublings * LN_2_LOW
    logarithms: Float64Array = doublings * LN_2_HIGH + (beyond_1 - (half_square - rest))
    return logarithms


def decimal_logarithm(x: Float64Array) -> Float64Array:
    """Take the decimal logarithm of positive numbers to within two units in the last place; NaN stays NaN.

    >>> decimal_logarithm(np.array([0.001, 1.0, 100.0])).round(15).tolist()
    [-3.0, 0.0, 2.0]
    """
    return natural_logarithm(x) * _LOG_10_E
