"""What could not be read of a recording, in words."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ingest.recordings.file_bytes import Loss

_log = logging.getLogger(__name__)

_MOST_TOLD: Final = 3


@dataclass(frozen=True, kw_only=True)
class Damage:
    """Something in a recording that could not be read; the whole lines around it were.

    Attributes
    ----------
    what : str
        What was found, and where.
    unfinished : bool
        The file only ends too early, as that of a recorder that still runs or was killed.
    """

    path: Path
    what: str
    unfinished: bool = False

    def __str__(self) -> str:
        end = "its whole lines are read" if self.unfinished else "its whole lines are read, another copy may hold more"
        path = str(self.path).replace("\n", "\\n")
        return f"Expected a whole recording in {path}, found {self.what}: {end}"


TellDamage = Callable[[Damage], None]


def log_damage(damage: Damage) -> None:
    """Log it as a warning."""
    _log.warning("%s", damage)


@dataclass
class Damages:
    """What is wrong with a file: the first things in words, the others counted."""

    path: Path
    first: list[Damage] = field(default_factory=list)
    n_more: int = 0

    def add(self, what: str, *, unfinished: bool = False) -> None:
        """Take note of something."""
        if len(self.first) < _MOST_TOLD:
            self.first.append(Damage(path=self.path, what=what, unfinished=unfinished))
        else:
            self.n_more += 1

    def lose(self, loss: Loss, line: int) -> None:
        """Take note of a loss before a line, as `read_lines` tells it."""
        self.add(f"{loss.what} at byte {loss.at_byte:,}, before line {line:,}", unfinished=loss.unfinished)

    def all(self) -> list[Damage]:
        """List the first, and one for all others."""
        others = [Damage(path=self.path, what=f"{self.n_more:,} more such places")] if self.n_more else []
        return [*self.first, *others]
