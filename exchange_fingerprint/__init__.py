"""Scores connections from Python, in a notebook say: `from exchange_fingerprint import score`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exchange_fingerprint.scoring import Scored, score

__all__ = ["Scored", "score"]


def __getattr__(name: str) -> object:
    # The command begins in this package, too: its help does not wait for what scores.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from exchange_fingerprint import scoring

    return getattr(scoring, name)
