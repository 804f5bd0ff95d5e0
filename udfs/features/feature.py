"""What a feature and a family of features are, and the arithmetic that several families share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from udfs.elementary import decimal_logarithm
from udfs.features.phrase import Phrase
from udfs.schema import MISSING, Float64Array, Int64Array, Windows

NS_PER_US: Final = 1_000


@dataclass(frozen=True)
class Feature:
    """One column of the model's input.

    Attributes
    ----------
    name : str
        The column's name in artifacts and documents.
    unit : str
        ``log10(us)``, ``log10(bytes)``, ``count``, ``ratio`` (1 is the neutral value or the upper end) or ``share`` (0
        to 1).
    phrase : Phrase
        How an explanation tells of its value.
    """

    name: str
    unit: str
    phrase: Phrase


@dataclass(frozen=True)
class FeatureBlock:
    """Neighbouring features that are computed together because they share their intermediate arrays.

    Attributes
    ----------
    name : str
        What a benchmark calls it.
    features : tuple of Feature
        In the order of the columns that `compute` returns.
    compute : Callable
        Takes `Windows` with C-contiguous columns and times whose differences fit an int64, returns
        (n_windows, len(features)) float64.
    """

    name: str
    features: tuple[Feature, ...]
    compute: Callable[[Windows], Float64Array]


def ratios(numerators: Float64Array | Int64Array, denominators: Float64Array | Int64Array) -> Float64Array:
    """Divide, NaN where the denominator is not positive.

    >>> ratios(np.array([1.0, 1.0]), np.array([4.0, 0.0]))
    array([0.25,  nan])
    """
    quotients: Float64Array = numerators / np.where(denominators > 0, denominators, np.nan)
    return quotients


def log10_us(durations_ns: Float64Array | Int64Array) -> Float64Array:
    """Take the decimal logarithm of durations in microseconds, NaN where a duration is not positive.

    >>> log10_us(np.array([100_000, 0]))
    array([ 2., nan])
    """
    return decimal_logarithm(np.where(durations_ns > 0, durations_ns, np.nan) / NS_PER_US)


def present_values(column: Int64Array) -> tuple[Int64Array, Int64Array]:
    """List the values of a C-contiguous (n_windows, size) column that are not `MISSING`, and the row of each.

    >>> present_values(np.array([[5, MISSING], [MISSING, 7]]))
    (array([5, 7]), array([0, 1]))
    """
    positions = np.flatnonzero(column != MISSING)
    return np.take(column, positions), positions // column.shape[1]
