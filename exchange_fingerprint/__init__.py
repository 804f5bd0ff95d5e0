"""Scores connections from Python, in a notebook say: `from exchange_fingerprint import score`."""

from exchange_fingerprint.scoring import Scored, score

__all__ = ["Scored", "score"]
