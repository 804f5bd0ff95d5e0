"""What the view drifting_connections computes, with one slice of an array after the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from udfs.schema import Float64Array

N_NOW, N_GAP, N_BACK, N_LEAST, N_HELD = 32, 64, 512, 128, 128
SCORE_LIMIT, LEAST_RATIO = 3.0, 1.25


@dataclass(frozen=True)
class Drift:
    """How the latest times between windows compare with earlier ones.

    Attributes
    ----------
    before, now : float
        Mean logarithm of the seconds per message.
    spread : float
        Standard deviation of means of `N_NOW` such logarithms, before.
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


def drift_at(log_intervals: Float64Array) -> Drift | None:
    """Compare the last of them with the earlier ones; None if there are too few."""
    before = log_intervals[-N_BACK : len(log_intervals) - N_GAP]
    if len(before) < N_LEAST:
        return None
    means = np.array([before[i : i + N_NOW].mean() for i in range(len(before) - N_NOW + 1)])
    n_blocks = len(before) / N_NOW
    freedoms = n_blocks - 1
    variance = max(means.var() * n_blocks / freedoms, before.var() / N_NOW, 0.02**2)
    level = log_intervals[-N_NOW:].mean()
    t = abs(level - before.mean()) / np.sqrt(variance * (1 + 1 / n_blocks))
    # Wallace (1959): as far out in the normal distribution as t is in Student's.
    score = (8 * freedoms + 1) / (8 * freedoms + 3) * np.sqrt(freedoms * np.log(1 + t * t / freedoms))
    return Drift(before=float(before.mean()), now=float(level), spread=float(np.sqrt(variance)), score=float(score))


def since_index(log_intervals: Float64Array, found: Drift) -> int:
    """Return the index of the first interval that is nearer to what is now than to what was before, by their sums."""
    middle, best, gain, sign = (found.before + found.now) / 2, 0, -np.inf, np.sign(found.before - found.now)
    for n in range(1, min(len(log_intervals), 255) + 1):
        if (found_gain := sign * (middle - log_intervals[-n:]).sum()) > gain:
            best, gain = n, found_gain
    return len(log_intervals) - best
