"""How much evidence a connection's verdict needs, chosen on sessions that the booster was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import minimize

from udfs.current_verdict import connection_verdict
from udfs.schema import UNKNOWN, Float64Array, Int64Array
from udfs.verdicts import DecisionRule, evidence_millinats, running_leads

WRONG_NAME_RATE: Final = 0.01
"""Share of known connections that may ever be decisive for any one wrong class, `unknown` included."""

UNKNOWN_VENUE_NAMED_RATE: Final = 0.05
"""Share of unknown venues that may ever be decisive for any one known class."""

LEAST_BOUND_MILLINATS: Final = 14_000
"""More than two windows can give, which is 13.8 nats: windows overlap by half, so the same messages are in two."""


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOutSession:
    """One session's windows as a booster saw them that was not trained on it.

    Attributes
    ----------
    label : str
        True class.
    real : bool
        A recording.
    probabilities : (n_windows, n_classes) float64
        Calibrated.
    """

    label: str
    real: bool
    probabilities: Float64Array


def fit_decision_rule(sessions: Sequence[HeldOutSession], classes: tuple[str, ...]) -> DecisionRule:
    """Choose bounds that held-out sessions rarely cross for a wrong class, and the probability that goes with a lead.

    A class's bound is the conformal quantile, over the sessions that are not of this class, of the greatest lead the
    class ever had in a session: `WRONG_NAME_RATE` over sessions of known exchanges, `UNKNOWN_VENUE_NAMED_RATE` over
    unknown venues. So the next session like these crosses it wrongly with that probability at most, however its windows
    depend on each other; for all wrong classes together, that is at most as many times as much. A session much longer
    than these has more occasions, and fewer than 100 known sessions, or 20 unknown venues, cannot promise that little:
    the bound is then the greatest lead of all. Unknown venues are the recorded ones, where there are any: of the
    synthetic ones, some imitate an exchange for good, and no bound would tell them from it.

    Parameters
    ----------
    sessions : sequence of HeldOutSession
        Without those that have no window.
    classes : n_classes str
        In the order of the columns.
    """
    evidence = [evidence_millinats(session.probabilities) for session in sessions]
    greatest = np.array([running_leads(rows).max(axis=(0, 1)) for rows in evidence])
    labels = np.array([session.label for session in sessions], dtype=np.str_)
    real = np.array([session.real for session in sessions], dtype=np.bool_)
    unknown = labels == UNKNOWN
    is_unknown_venue = unknown & real if (unknown & real).any() else unknown
    bounds = []
    for position, name in enumerate(classes):
        known = greatest[(labels != name) & (labels != UNKNOWN), position]
        unknown_venues = greatest[(labels != name) & is_unknown_venue, position]
        crossed = (_conformal(known, WRONG_NAME_RATE), _conformal(unknown_venues, UNKNOWN_VENUE_NAMED_RATE))
        bounds.append(max(LEAST_BOUND_MILLINATS, *crossed))
    unknown = classes.index(UNKNOWN)
    bare = DecisionRule(bounds_millinats=tuple(bounds), unknown=unknown, intercept=0.0, slope_per_nat=0.0)
    verdicts = [connection_verdict(rows, bare, classes) for rows in evidence]
    named = np.array([v.strength_millinats > 0 for v in verdicts])
    leads = np.array([v.strength_millinats for v in verdicts])[named] / 1000
    right = np.array([v.exchange for v in verdicts], dtype=np.str_)[named] == labels[named]
    intercept, slope = _fit_logistic(leads, right.astype(np.float64))
    return DecisionRule(bounds_millinats=tuple(bounds), unknown=unknown, intercept=intercept, slope_per_nat=slope)


def _conformal(leads_millinats: Int64Array, rate: float) -> int:
    """Find the lead that the given share of these sessions, and of one more that may have any, lies above."""
    position = int(np.ceil((len(leads_millinats) + 1) * (1 - rate))) - 1
    ascending = np.sort(leads_millinats)
    return int(ascending[min(position, len(ascending) - 1)]) + 1 if len(ascending) else 0


def _fit_logistic(leads_nats: Float64Array, right: Float64Array) -> tuple[float, float]:
    """Fit P(right) = 1 / (1 + exp(-(a + b lead))), b not negative; a right and a wrong verdict are added at no lead.

    The two keep the fit finite where every verdict is right; Platt (1999) smooths his targets to the same end.
    """
    x, y = np.append(leads_nats, [0.0, 0.0]), np.append(right, [0.0, 1.0])

    def loss(parameters: Float64Array) -> float:
        signed = (parameters[0] + parameters[1] * x) * np.where(y > 0, 1, -1)
        return float(np.logaddexp(0, -signed).sum())

    found = minimize(loss, np.array([0.0, 0.1]), method="L-BFGS-B", bounds=[(-10, 10), (0, 10)]).x
    return float(round(found[0], 6)), float(round(found[1], 6))
