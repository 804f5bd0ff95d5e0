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

_TURN: Final = 2.0**32

_MOST_WINDOWS: Final = 400
"""Computed at a time, so that what lies between stays in the processor's cache."""

_BASES: Final = (75, 15, 3, 5)
"""Harmonics whose sines and cosines are taken. The others are these doubled, once to four times; five times the first,
six times the second and the third; and the double of those."""

_HALF_TURN: Final = np.uint32(2**31)
_QUARTER_TURN: Final = np.uint32(2**30)

_SINE: Final = (1.570796290, -0.6459633583, 0.07968847269, -0.004672216547, 0.0001508153627)
_COSINE: Final = (1.0, -1.233698880, 0.2536532089, -0.02081396665, 0.0008596900578)
"""Polynomials in the square of x, -1 to 1: x times the first is sin(pi x / 2) to 4e-9, the second is cos(pi x / 2) to
6e-8, the least largest errors that so many terms leave."""


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
    Phases are in units of 2**-32 turns, 0.7 ns of the fundamental. Most harmonics come from others by the formulas for
    sums of angles, in single precision, at most the sixteenth multiple: R is exact to 2e-6.

    Examples
    --------
    Arrivals at whole multiples of 100 ms keep to that clock, to 50, 20, 10 ms ... too, and cancel out at 200 ms:

    >>> alignments = arrival_tick_alignments(np.arange(8).reshape(1, 8) * 100_000_000)[0].round(6)
    >>> dict(zip(HARMONICS, alignments.tolist(), strict=True))[30], dict(zip(HARMONICS, alignments, strict=True))[15]
    (1.0, np.float64(0.0))
    """
    if len(recv_ts_ns) > _MOST_WINDOWS:
        parts = range(0, len(recv_ts_ns), _MOST_WINDOWS)
        return np.concatenate([arrival_tick_alignments(recv_ts_ns[i : i + _MOST_WINDOWS]) for i in parts])
    size = recv_ts_ns.shape[1]
    elapsed_ns = recv_ts_ns - recv_ts_ns[:, :1]
    # The remainder by hand: NumPy divides by one number with SIMD instructions, but has none for `%`.
    beyond_ns = elapsed_ns - elapsed_ns // FUNDAMENTAL_NS * FUNDAMENTAL_NS
    # One turn is the whole range of an unsigned number, so that a product wraps where a phase does. Messages come
    # first, windows last: a sum over messages is a few additions of long rows.
    phases = np.ascontiguousarray((beyond_ns * (_TURN / FUNDAMENTAL_NS)).astype(np.uint32).T)
    vectors = _unit_vectors(np.array(_BASES, dtype=np.uint32).reshape(-1, 1, 1) * phases)
    lengths = _lengths_with_multiples(vectors) / size
    least_ns = np.array([MIN_TICKS * FUNDAMENTAL_NS / harmonic for harmonic in HARMONICS])
    return np.where(elapsed_ns[:, -1:] >= least_ns, lengths, np.nan)


def _unit_vectors(phases: NDArray[np.uint32]) -> Float32Array:
    """Take cosines and sines, (2, ...), of phases in units of 1 / `_TURN` turns, to 2e-7.

    NumPy's own differ in the last bit from processor to processor (`udfs.elementary`).
    """
    # In place, here and below: fresh memory costs more than the arithmetic.
    halves = phases + _QUARTER_TURN
    halves &= _HALF_TURN
    # What lies half a turn on, from a quarter to three, has the opposite signs.
    rest = phases - halves
    quarters = rest.view(np.int32).astype(np.float32)
    quarters *= np.float32(2.0**-30)
    squares = np.multiply(quarters, quarters, out=rest.view(np.float32))
    vectors = np.empty((2, *phases.shape), dtype=np.float32)
    for values, coefficients in zip(vectors, (_COSINE, _SINE), strict=True):
        values[...] = np.float32(coefficients[-1])
        for coefficient in reversed(coefficients[:-1]):
            values *= squares
            values += np.float32(coefficient)
    vectors[1] *= quarters
    vectors.view(np.uint32)[...] ^= halves
    return vectors


def _lengths_with_multiples(vectors: Float32Array) -> Float64Array:
    """Take lengths of `HARMONICS`, (n_windows, 20), from unit vectors of `_BASES`, (2, 4, size, n_windows).

    The vectors are multiplied in place.
    """
    halves = np.empty((2, len(_BASES), vectors.shape[2] // 2, vectors.shape[3]), dtype=np.float32)
    level, harmonics, sums = np.array(_BASES), list[int](), list[Float32Array]()

    def sum_up(level: Int64Array, vectors: Float32Array) -> None:
        harmonics.extend(level.tolist())
        sums.append(_sum_messages(vectors, halves[:, : len(level)]))

    sum_up(level, vectors)
    others = vectors[:, :3].copy()
    _double(vectors)
    sum_up(2 * level, vectors)
    others[:, 1:] = vectors[:, 1:3]
    _double(vectors)
    sum_up(4 * level, vectors)
    _turn(others, vectors[:, :3])  # 75 + 300, 30 + 60 and 6 + 12
    other_level = level[:3] * (5, 6, 6)
    sum_up(other_level, others)
    _double(vectors)
    sum_up(8 * level, vectors)
    _double(others[:, 1:])
    sum_up(2 * other_level[1:], others[:, 1:])
    _double(vectors[:, 2:3])
    sum_up(16 * level[2:3], vectors[:, 2:3])
    across, up = np.concatenate(sums, axis=1).astype(np.float64)
    order = [harmonics.index(harmonic) for harmonic in HARMONICS]
    lengths: Float64Array = np.sqrt(across * across + up * up)[order].T
    return lengths


def _turn(vectors: Float32Array, by: Float32Array) -> None:
    """Add to the angles of unit vectors, (2, ...), those of others, in place."""
    cosines, sines = vectors
    away = sines * by[1]
    sines *= by[0]
    sines += cosines * by[1]
    cosines *= by[0]
    cosines -= away


def _double(vectors: Float32Array) -> None:
    """Double the angles of unit vectors, (2, ...) cosines and sines, in place."""
    cosines, sines = vectors
    sines *= cosines
    cosines *= cosines
    vectors *= 2
    cosines -= 1


def _sum_messages(vectors: Float32Array, halves: Float32Array) -> Float32Array:
    """Sum (..., size, n_windows) over its messages by halves: in an order that the number of windows does not change.

    >>> numbers = np.arange(10, dtype=np.float32).reshape(2, 5, 1)
    >>> _sum_messages(numbers, np.empty((2, 2, 1), dtype=np.float32)).tolist()
    [[10.0], [35.0]]
    """
    while (size := vectors.shape[-2]) > 1:
        half = size // 2
        sums = halves[..., :half, :]
        np.add(vectors[..., :half, :], vectors[..., half : 2 * half, :], out=sums)
        if size % 2:
            sums[..., 0, :] += vectors[..., -1, :]
        vectors = sums
    return vectors[..., 0, :].copy()


def spectrum_features(windows: Windows) -> Float64Array:
    """Compute this module's columns, (n_windows, n_features) float64, in the order of `SPECTRUM.features`."""
    return arrival_tick_alignments(windows.recv_ts_ns)


def _clock(period: str) -> Phrase:
    return Phrase(
        words=f"messages arrive on a {period} ms grid (alignment {{}} of 1)",
        low_words=f"messages do not arrive on a {period} ms grid (alignment {{}} of 1)",
        absent=f"messages come too fast to tell a {period} ms grid",
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
