"""The current verdict of a connection: the rule of the job, one connection at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from udfs.schema import UNKNOWN, WINDOW_SIZE, WINDOW_SLIDE, Int64Array
from udfs.verdicts import DecisionRule, Decisions, running_decisions

CERTAIN: Final = "certain"
LIKELY: Final = "likely"
UNDECIDED: Final = "undecided"


@dataclass(frozen=True, kw_only=True)
class VerdictChange:
    """A class was decisive for a connection that stood for none, or overturned the one that it stood for.

    Attributes
    ----------
    window : int
        Index of the deciding window.
    previous, exchange : str or None, str
        What stood before, and what stands now.
    since_window : int
        Index of the window with which it began, as far as the evidence says.
    strength_millinats, probability : int, float
        Of the decision.
    """

    window: int
    previous: str | None
    exchange: str
    since_window: int
    strength_millinats: int
    probability: float

    @property
    def suffix_windows(self) -> int:
        """Count the windows from the one with which it began to the deciding one."""
        return self.window - self.since_window + 1


@dataclass(frozen=True, kw_only=True)
class ConnectionVerdict:
    """The current verdict of a connection after its last window; a row of `connection_verdicts`.

    Attributes
    ----------
    exchange : str
        One of the classes.
    certainty : str
        `CERTAIN`, `LIKELY` or `UNDECIDED`.
    probability : float
        That `exchange` is right; 0 without a window.
    strength_millinats : int
        Lead at the latest window that made the verdict or upheld it, or now if it is only likely.
    windows : int
        Of the connection.
    since_window : int or None
        Index of the window with which it began; None if undecided.
    changes : tuple of VerdictChange
        Every change of a certain verdict, the first included.
    """

    exchange: str
    certainty: str
    probability: float
    strength_millinats: int
    windows: int
    since_window: int | None
    changes: tuple[VerdictChange, ...]

    @property
    def previous(self) -> str | None:
        """The certain verdict before this one."""
        return self.changes[-1].previous if self.changes else None

    @property
    def certain_after_messages(self) -> int | None:
        """Messages that the connection had sent when it was first certain."""
        return messages_at(self.changes[0].window) if self.changes else None


def messages_at(window: int) -> int:
    """Count a connection's messages at the end of its window of this index.

    >>> messages_at(0), messages_at(2)
    (50, 100)
    """
    return WINDOW_SIZE + WINDOW_SLIDE * window


def connection_verdict(evidence: Int64Array, rule: DecisionRule, classes: tuple[str, ...]) -> ConnectionVerdict:
    """Say what stands after all windows of one connection: the job does the same window by window, in Java.

    Parameters
    ----------
    evidence : (n_windows, n_classes) int64
        All of the connection's windows in order.
    rule : DecisionRule
        The model's.
    classes : n_classes str
        Their names; `unknown` among them.
    """
    decisions = running_decisions(evidence, rule)
    upheld = _upheld(decisions)
    changes = _changes(decisions, upheld, classes)
    exchange, certainty, since, last = UNKNOWN, UNDECIDED, None, len(evidence) - 1
    if changes:
        exchange, certainty, since, last = changes[-1].exchange, CERTAIN, changes[-1].since_window, int(upheld[-1])
    elif len(evidence) and decisions.leaning[-1] >= 0:
        exchange, certainty = classes[decisions.leaning[-1]], LIKELY
        since = len(evidence) - int(decisions.suffix_windows[-1])
    return ConnectionVerdict(
        exchange=exchange,
        certainty=certainty,
        probability=float(decisions.probability[last]) if len(evidence) else 0.0,
        strength_millinats=int(decisions.strength_millinats[last]) if len(evidence) else 0,
        windows=len(evidence),
        since_window=since,
        changes=changes,
    )


def _upheld(decisions: Decisions) -> Int64Array:
    """List the windows that make a verdict or uphold it: the first decisive one, and all that would overturn one."""
    first = np.flatnonzero(decisions.decisive >= 0)[:1]
    return np.union1d(first, np.flatnonzero(decisions.overturns)).astype(np.int64)


def _changes(decisions: Decisions, windows: Int64Array, classes: tuple[str, ...]) -> tuple[VerdictChange, ...]:
    """List where the class of these windows differs from that of the one before."""
    decisive = decisions.decisive[windows]
    before = np.concatenate([[-1], decisive])[:-1]
    return tuple(
        VerdictChange(
            window=int(window),
            previous=None if old < 0 else classes[old],
            exchange=classes[new],
            since_window=int(window - decisions.suffix_windows[window] + 1),
            strength_millinats=int(decisions.strength_millinats[window]),
            probability=float(decisions.probability[window]),
        )
        for window, old, new in zip(windows, before, decisive, strict=True)
        if old != new
    )
