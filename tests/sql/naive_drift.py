"""What the view drifting_connections computes, with one slice of an array after the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from udfs.schema import Float64Array

N_IN_BLOCK = 8
N_NOW, N_GAP, N_BACK, N_LEAST, N_HELD = 4, 8, 48, 16, 8
"""Blocks: now, from now to what counts as before, to the end of that, what that must have, and how long it is told."""

SCORE_LIMIT, LEAST_RATIO = 3.0, 1.25


@dataclass(frozen=True)
class Drift:
    """How the latest times between windows compare with earlier ones.

    Attributes
    ----------
    before, now : float
        Mean logarithm of the seconds per message.
    spread : float
        Standard deviation of means of `N_NOW` blocks, before.
    score : float
    """

    before: float
    now: float
    spread: float
    score: float

    @property
    def is_one(self) -> bool:
        """Whether it counts."""
        return self.score > SCORE_LIMIT and abs(self.now - self.before) > np.log(LEAST_RATIO)


def log_intervals(ends_s: Float64Array) -> Float64Array:
    """Take the logarithm of the seconds per message between the ends of neighbouring windows, in order of time."""
    logarithms: Float64Array = np.log(np.maximum(np.diff(ends_s), 1e-6) / 25)
    return logarithms


def blocks_of(log_intervals: Float64Array) -> Float64Array:
    """Take the means of blocks, the last of which ends with the last interval; the rest at first is left out."""
    n = len(log_intervals) // N_IN_BLOCK
    means: Float64Array = log_intervals[len(log_intervals) - n * N_IN_BLOCK :].reshape(n, N_IN_BLOCK).mean(axis=1)
    return means


def drift_at(blocks: Float64Array) -> Drift | None:
    """Compare the last blocks with the earlier ones; None if there are too few."""
    before = blocks[-N_BACK:-N_GAP]
    if len(before) < N_LEAST:
        return None
    means = np.array([before[i : i + N_NOW].mean() for i in range(len(before) - N_NOW + 1)])
    n_parts = len(before) / N_NOW
    freedoms = n_parts - 1
    variance = max(means.var() * n_parts / freedoms, before.var() / N_NOW, 0.02**2)
    level = blocks[-N_NOW:].mean()
    t = abs(level - before.mean()) / np.sqrt(variance * (1 + 1 / n_parts))
    # Wallace (1959): as far out in the normal distribution as t is in Student's.
    score = (8 * freedoms + 1) / (8 * freedoms + 3) * np.sqrt(freedoms * np.log(1 + t * t / freedoms))
    return Drift(before=float(before.mean()), now=float(level), spread=float(np.sqrt(variance)), score=float(score))


def since_index(log_intervals: Float64Array, found: Drift) -> int:
    """Return the index of the first interval that is nearer to what is now than to what was before, by their sums."""
    middle, best, gain, sign = (found.before + found.now) / 2, 0, -np.inf, np.sign(found.before - found.now)
    for n in range(1, min(len(log_intervals), 191) + 1):
        if (found_gain := sign * (middle - log_intervals[-n:]).sum()) > gain:
            best, gain = n, found_gain
    return len(log_intervals) - best
