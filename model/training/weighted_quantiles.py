"""Quantiles of weighted values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from udfs.schema import Float64Array


def weighted_quantiles(
    values: NDArray[np.floating[Any]], weights: Float64Array, probabilities: Sequence[float]
) -> NDArray[np.floating[Any]]:
    """Find the least values that have at least these shares of the weight at or below them.

    Parameters
    ----------
    values : (n,) float
    weights : (n,) float64
        Not negative; where 0, a value does not count.
    probabilities : sequence of float

    Returns
    -------
    (n_probabilities,) float, of the type of the values
        Empty if no defined value counts; NaN never does.

    Examples
    --------
    >>> weighted_quantiles(np.array([3.0, 1.0, np.nan, 2.0]), np.array([1.0, 8.0, 5.0, 1.0]), (0.5, 0.9))
    array([1., 2.])
    """
    is_counted = ~np.isnan(values) & (weights > 0)
    if not is_counted.any():
        return values[:0]
    order = np.argsort(values[is_counted], kind="stable")
    ascending, shares = values[is_counted][order], np.cumsum(weights[is_counted][order])
    # Less a rounding error, or ten equal weights would put the 10% quantile at the second value.
    found: NDArray[np.floating[Any]] = ascending[np.searchsorted(shares / shares[-1], np.array(probabilities) - 1e-9)]
    return found
