"""The spectrum of the arrivals: how strictly messages keep to clocks of given periods, whatever the market's rate."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from udfs.features.feature import Feature, FeatureBlock
from udfs.features.phrase import Phrase, to_hundredths
from udfs.schema import Float64Array, Int64Array, Windows

Float32Array = NDArray[np.float32]

FUNDAMENTAL_NS: Final = 3_000_000_000
"""All clocks tick at whole harmonics of this period."""

HARMONICS: Final = (600, 375, 300, 180, 150, 120, 90, 75, 60, 48, 40, 36, 30, 24, 18, 15, 12, 10, 6, 3)
"""Periods of 5, 8, 10, 16.7, 20, 25, 33.3, 40, 50, 62.5, 75, 83.3, 100, 125, 166.7, 200, 250, 300, 500 and 1000 ms: the
batching intervals and heartbeats that exchanges document (10, 20, 50, 100, 200, 250, 300, 500 ms and 1 s) and, between
them, periods that no document names, on which a batch of a nearby one shows too."""

MIN_TICKS: Final = 2
"""Alignment needs a window this many ticks long; in a shorter one it would measure the rate."""

_BASES: Final = (3, 15, 75, 5, 45, 9, 375)
"""Harmonics whose sines and cosines are taken; all others are these doubled, once to four times."""

_DOUBLED: Final = (6, 6, 4, 1)
"""How many of the bases, from the first on, are doubled a first time, a second, a third and a fourth."""


def arrival_tick_alignments(recv_ts_ns: Int64Array) -> Float64Array:
    """Measure how strictly the arrivals keep one phase of each of 20 clocks.

    Parameters
    ----------
    recv_ts_ns : (n_windows, size) int64
        Receive times, ns.

    Returns
    -------
    (n_windows, 20) float64
        For each of `HARMONICS` the resultant length of the phases, ``R = |mean(exp(2 pi i t / period))|``: 1 if all
        arrivals have the same phase (whichever it is), about 0.13 for 50 random ones; 0 to 1 but for rounding. NaN
        where the last message came less than `MIN_TICKS` ticks after the first.

    Notes
    -----
    Source: the Bartlett spectrum of a point process (Bartlett 1963), in the form of Rayleigh's test for a common
    direction, Mardia & Jupp, Directional Statistics (2000), 6.3. Phases are taken by integer modulo from the first
    arrival, so nanoseconds stay exact and a shift of all times changes nothing. The spectrum of the sequence of
    intervals, which stood here before, forgets where in time a message came: a grid of ticks whose batches vary in size
    is noise to it, and leaving it out cost nothing (docs/decisions, 0013).
    The NaN rule: evenly spread arrivals of duration x ticks have R = |sin(pi x) / (pi x)|, which at x >= 2 is below
    0.13, that is, within the chance of 50 random phases; below it R says how short the window is.
    Most harmonics come from half of theirs by the double-angle formulas, in single precision, which doubles an error of
    6e-8 four times at most: R is exact to 1e-6.

    Examples
    --------
    Arrivals at whole multiples of 100 ms keep to that clock, to 50, 20, 10 ms ... too, and cancel out at 200 ms:

    >>> alignments = arrival_tick_alignments(np.arange(8).reshape(1, 8) * 100_000_000)[0].round(6)
    >>> dict(zip(HARMONICS, alignments.tolist(), strict=True))[30], dict(zip(HARMONICS, alignments, strict=True))[15]
    (1.0, np.float64(0.0))
    """
    elapsed_ns = recv_ts_ns - recv_ts_ns[:, :1]
    # The remainder by hand: NumPy divides by one number with SIMD instructions, but has none for `%`.
    beyond_ns = elapsed_ns - elapsed_ns // FUNDAMENTAL_NS * FUNDAMENTAL_NS
    turns = np.array(_BASES).reshape(-1, 1, 1) * (beyond_ns / FUNDAMENTAL_NS)
    angles = ((turns - np.floor(turns)) * (2 * np.pi)).astype(np.float32)
    lengths = _lengths_with_doubles(np.cos(angles), np.sin(angles), recv_ts_ns.shape[1])
    least_ns = np.array([MIN_TICKS * FUNDAMENTAL_NS / harmonic for harmonic in HARMONICS])
    return np.where(elapsed_ns[:, -1:] >= least_ns, lengths, np.nan)


def _lengths_with_doubles(cosines: Float32Array, sines: Float32Array, size: int) -> Float64Array:
    """Take resultant lengths of `HARMONICS`, (n_windows, 20), from unit vectors of `_BASES`, (7, n_windows, size)."""
    harmonics, sums = list(_BASES), [(cosines.sum(axis=2), sines.sum(axis=2))]
    level = np.array(_BASES)
    for n_doubled in _DOUBLED:
        level, cosines, sines = level[:n_doubled] * 2, cosines[:n_doubled], sines[:n_doubled]
        cosines, sines = 2 * cosines * cosines - 1, 2 * sines * cosines
        harmonics += level.tolist()
        sums.append((cosines.sum(axis=2), sines.sum(axis=2)))
    across, up = (np.concatenate(parts).astype(np.float64) for parts in zip(*sums, strict=True))
    order = [harmonics.index(harmonic) for harmonic in HARMONICS]
    lengths: Float64Array = np.sqrt(across * across + up * up)[order].T / size
    return lengths


def spectrum_features(windows: Windows) -> Float64Array:
    """Compute this module's columns, (n_windows, n_features) float64, in the order of `SPECTRUM.features`."""
    return arrival_tick_alignments(windows.recv_ts_ns)


def _clock(period: str) -> Phrase:
    return Phrase(
        words=f"arrivals keep to a {period} ms clock (alignment {{}})",
        low_words=f"arrivals do not keep to a {period} ms clock (alignment {{}})",
        absent=f"messages come too fast to tell a {period} ms clock",
        number=to_hundredths,
        undefined="too fast to tell",
    )


SPECTRUM: Final = FeatureBlock(
    name="spectrum",
    features=tuple(
        Feature(f"arrival_tick_alignment_{period.replace('.', '_')}ms", "ratio", _clock(period))
        for period in (f"{FUNDAMENTAL_NS / harmonic / 1e6:.4g}" for harmonic in HARMONICS)
    ),
    compute=spectrum_features,
)
