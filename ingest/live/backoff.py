"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

_random: Final = random.SystemRandom()


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """Exponential back-off with full jitter: a wait is drawn evenly from zero to a ceiling that doubles.

    Attributes
    ----------
    first_s : float
        The ceiling after the first failure.
    most_s : float
        The ceiling never exceeds this.
    forgive_after_s : float
        A connection that lived as long was no failure, and the ones before it are forgotten.
    """

    first_s: float = 1.0
    most_s: float = 60.0
    forgive_after_s: float = 60.0

    def ceiling_s(self, failures: int) -> float:
        """Return the longest wait after so many failures in a row.

        >>> [Backoff().ceiling_s(failures) for failures in (0, 1, 2, 3, 7, 10_000)]
        [0.0, 1.0, 2.0, 4.0, 60.0, 60.0]
        """
        doublings = min(failures - 1, 64)  # a larger power is no float
        return min(self.first_s * 2.0**doublings, self.most_s) if failures > 0 else 0.0

    def wait_s(self, failures: int) -> float:
        """Draw a wait."""
        return _random.uniform(0.0, self.ceiling_s(failures))
